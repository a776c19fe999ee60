/** A process that holds a command, for those who kill it; it says when the command is guarded. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { HeldCommand } from "../../src/cli/held_command.ts";

const held = new HeldCommand({ command: ["sh", "-c", process.argv[2] ?? ""], env: {}, atTerminal: false });
// The guard was started behind the command: killed in between we would leave the command behind.
writeFileSync(join(process.env["DIRECTORY"] ?? ".", "guarded"), "yes\n");
await held.ended;
