/** A process that holds a command, for those who kill it. */
import process from "node:process";
import { HeldCommand } from "../../src/cli/held_command.ts";

await new HeldCommand({ command: ["sh", "-c", process.argv[2] ?? ""], env: {}, atTerminal: false }).ended;
