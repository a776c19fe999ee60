/** Asks the user to agree. */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Io } from "./io.ts";

/** Whether the answer to `question` is yes; whoever leaves has not agreed. */
export function confirmed(question: string, io: Io): Promise<boolean> {
  return new Promise((resolve) => {
    const readline = createInterface({ input: io.input, output: process.stdout });
    readline.question(question, (answer) => {
      readline.close();
      resolve(/^y(es)?$/i.test(answer.trim()));
    });
    readline.on("close", () => resolve(false));
  });
}
