/**
 * Loads a module that somebody else wrote, and tells in one line what was wrong with it. Each runtime has its own words
 * for that and its own place for the position; some end the process in silence when a module never comes to its end.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What a module exports. */
export type ModuleExports = Readonly<Record<string, unknown>>;

/** How a module is loaded. */
export interface ImportOptions {
  /** How long it may take. It has nothing to wait for but what it awaits itself. */
  readonly limitMs?: number;
  /** What is said of a module that throws, before what it threw. */
  readonly failed?: string;
}

const LOAD_LIMIT_MS = 10_000;

/** Files that all runtimes take for modules. */
const MODULE_NAME = /\.[cm]?[jt]s$/;

/** Where the modules of draft are, or where what they were bundled into is. */
const OWN: string = ownDirectory(fileURLToPath(import.meta.url));

/**
 * Loads the module in the file `path`.
 *
 * @param path absolute
 * @throws Error with one line: what is wrong with the file, and where
 */
export async function importFile(path: string, { limitMs = LOAD_LIMIT_MS, failed = "cannot be loaded" }: ImportOptions = {}): Promise<ModuleExports> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new Error("does not exist: give the path of a file");
  if (stats.isDirectory()) throw new Error("is a directory: name the file in it, with its ending");
  if (!MODULE_NAME.test(path)) throw new Error("is no module: must be TypeScript or JavaScript, in a file that ends in .ts or .js");
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`has not loaded for ${limitMs / 1000} s: remove the 'await' at its top that never ends`));
  }, limitMs);
  try {
    return await Promise.race([late.promise, loaded(path, failed)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether there is anything at `path`. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

async function loaded(path: string, failed: string): Promise<ModuleExports> {
  try {
    return await import(pathToFileURL(path).href) as ModuleExports;
  } catch (error) {
    throw new Error(`${failed}: ${whyNotLoaded(error)}`, { cause: error });
  }
}

/** What the builder of Bun throws. */
interface BunMessage {
  readonly message: string;
  readonly position?: { readonly file: string; readonly line: number; readonly column: number } | null;
}

function whyNotLoaded(thrown: unknown): string {
  const first: unknown = thrown instanceof AggregateError && thrown.errors.length > 0 ? thrown.errors[0] : thrown;
  const { message, position } = (typeof first === "object" && first !== null && "message" in first ? first : { message: String(first) }) as BunMessage;
  // Deno paints what it points to, and repeats the place in the message.
  const said = missingPackage(plain(String(message)).split("\n")[0]?.replaceAll("file://", "").replace(/\.$/, "") ?? "");
  if (position !== undefined && position !== null) return `${said} at ${position.file}:${position.line}:${position.column}`;
  if (/imported from:? /.test(said)) return said;
  const place = placeOf(first instanceof Error ? plain(`${message}\n${first.stack ?? ""}`) : "");
  return place === null || said.endsWith(place) ? said : `${said} at ${place}`;
}

/** Deno has other words for a package that is not there; and nobody says where to put it. */
function missingPackage(said: string): string {
  const [, module, importer] = /^Loading unprepared module: (\S+), imported from: (\S+)$/.exec(said) ?? [];
  const words = module === undefined || importer === undefined ? said : `Cannot find package '${relative(dirname(importer), module)}' imported from ${importer}`;
  return words.startsWith("Cannot find package") ? `${words}: install it beside the plugin` : words;
}

/** The first place in `text` that is not draft's own: file, line and, if it is told, column. */
function placeOf(text: string): string | null {
  for (const [place] of text.matchAll(/(?<![\w.])(?:[A-Za-z]:)?[\\/][^\s:()'"]*\.\w+:\d+(?::\d+)?/g)) {
    const path = place.replace(/^\/\/\//, "/");
    if (!path.startsWith(OWN)) return path;
  }
  return null;
}

function plain(text: string): string {
  return text.replaceAll(/\x1b\[\d+m/g, "");
}

/** Of the source tree all of src; of a bundle the directory that it is in. */
function ownDirectory(file: string): string {
  const directory = dirname(file);
  const source = `${sep}src${sep}host`;
  return `${directory.endsWith(source) ? directory.slice(0, -`${sep}host`.length) : directory}${sep}`;
}
