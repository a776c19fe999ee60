/**
 * Asks before something is done that cannot be taken back.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Io } from "./io.ts";
import { UsageError } from "./leaf.ts";

/**
 * Whether the user at the terminal means it.
 *
 * @param what what would be done, for whoever is asked
 * @throws UsageError if nobody is there to ask. It asks on standard error: what is printed may go into a pipe
 */
export function confirmed(what: string, io: Io): Promise<boolean> {
  if (!io.inputIsTerminal) throw new UsageError(`${what}, and nobody is there to ask: add --yes`);
  return new Promise((resolve) => {
    const readline = createInterface({ input: io.input, output: process.stderr });
    readline.question(`${what}. Go on? [y/N] `, (answer) => {
      // Closing tells "close" within the call, which stands for no.
      resolve(/^y(es)?$/i.test(answer.trim()));
      readline.close();
    });
    readline.on("close", () => resolve(false));
  });
}
