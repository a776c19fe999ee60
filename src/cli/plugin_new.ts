/** `draft plugin new NAME`: a plugin that runs as it is, in a directory of its own. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { isThere } from "../host/node_module.ts";
import { SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { authorTypes } from "./author_types.ts";
import { type Io, styleFor } from "./io.ts";
import { type Leaf, UsageError } from "./leaf.ts";
import { selfCommand } from "./self.ts";
import { type TemplateFile, templateFiles } from "./plugin_template.ts";

/** Without dots, which would make of a name one of the other files: `x.test`, `x.d`. */
const NAME = /^[a-z][a-z0-9_-]*$/;

/** The command. */
export const pluginNewLeaf: Leaf = {
  words: ["plugin", "new"],
  usage: "NAME",
  summary: "writes a plugin that runs as it is, its test, and types for your editor",
  options: [],
  positionals: { min: 1, max: 1 },
  examples: ["draft plugin new scores"],
  run: ({ positionals: [path = ""] }, io) => pluginNew(path, io),
};

async function pluginNew(path: string, io: Io): Promise<number> {
  const name = basename(path);
  checkName(name);
  const files = templateFiles(name, await authorTypes());
  writeAll(path, files);
  const style = styleFor(io.outputIsTerminal, io.env);
  const width = Math.max(...files.map((file) => file.name.length));
  io.out([
    `made ${style.bold(path)}`,
    ...files.map((file) => `  ${file.name.padEnd(width)}  ${style.dim(file.summary)}`),
    "next:",
    ...pathHint(io),
    `  cd ${shellWord(path)}`,
    `  draft dev --watch --machine ./${name}.ts`,
  ].join("\n"));
  return 0;
}

/** What makes `draft` a command, where the executable was started by its path and stands on none. */
function pathHint({ env }: Io): string[] {
  const { program, args } = selfCommand();
  const folders = (env["PATH"] ?? "").split(delimiter);
  const isCommand = args.length > 0 || folders.some((folder) => folder !== "" && isThere(join(folder, "draft")));
  return isCommand ? [] : [`  PATH="$PATH${delimiter}${dirname(program)}"`];
}

/** @throws UsageError that says which name would do */
function checkName(name: string): void {
  if (SHIPPED_NAMES.includes(name)) throw new UsageError(`"${name}" is a machine that draft ships, and logs tell machines by their names: take another name`);
  if (name === "draft") throw new UsageError('"draft" is what plugins import: take another name');
  if (NAME.test(name)) return;
  const near = name.toLowerCase().replace(/\.[cm]?[jt]s$/, "").replaceAll(/[^a-z0-9_-]+/g, "-").replace(/^[^a-z]+/, "").replace(/-+$/, "");
  const guess = NAME.test(near) ? `: draft plugin new ${near}` : "";
  throw new UsageError(`NAME "${name}" wants lower-case letters, digits, "_" and "-", a letter first${guess}`);
}

/**
 * Writes the files into a directory that was not there.
 *
 * @throws DraftError CONFLICT if it was: nothing is changed; STORAGE_FAILED, and no file is left
 */
function writeAll(directory: string, files: readonly TemplateFile[]): void {
  if (isThere(directory)) throw new DraftError("CONFLICT", `${directory} is there already, and was left as it is: draft plugin new OTHER-NAME`);
  let isMade = false;
  try {
    mkdirSync(dirname(directory), { recursive: true });
    mkdirSync(directory);
    isMade = true;
    for (const { name, text } of files) writeFileSync(join(directory, name), text, { flag: "wx" });
  } catch (error) {
    if (isMade) rmSync(directory, { recursive: true, force: true });
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new DraftError("STORAGE_FAILED", `${directory} cannot be written: ${error.message}: draft plugin new PATH/NAME makes it elsewhere`, { cause: error });
  }
}
