/**
 * The file that `draft serve --config` names: TOML whose keys are the names of the flags, each with its value, one level
 * deep. What is wrong is told with file, line and column.
 *
 * TOML is read by smol-toml: small, without dependencies, up to TOML 1.1, and its errors know their line and column.
 */
import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { DraftError } from "../base/errors.ts";
import { isSimilar, nearestWord } from "./dispatch.ts";

/** A list of 64 founders, with a comment to each, is far below this. */
const FILE_BYTES_MAX = 64 * 1024;

/** What a key may stand for. */
export interface KnownKey {
  readonly name: string;
  /** A flag that takes no value. */
  readonly isSwitch: boolean;
  /** Its value may be a list. */
  readonly isList: boolean;
}

/** One setting of the file. */
export interface FileSetting {
  /** As the flag's would be typed; of a switch "true" or "false". */
  readonly texts: readonly string[];
  /** `draft.toml:3:1: heartbeat-ms`. Looked for only when something is wrong. */
  named(): string;
}

/**
 * What the file at `path` says, by key.
 *
 * @throws DraftError BAD_CONFIG
 */
export function readConfigFile(path: string, known: readonly KnownKey[]): ReadonlyMap<string, FileSetting> {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw bad(`--config "${path}" cannot be read: ${(error as Error).message}`);
  }
  if (content.length > FILE_BYTES_MAX) throw bad(`--config "${path}" has ${content.length} bytes: want ${FILE_BYTES_MAX} at most`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    if (error instanceof TypeError) throw bad(`--config "${path}" is no text: want TOML in UTF-8`);
    throw error;
  }
  return settingsOf(path, text, known);
}

/**
 * What the TOML `text` says, by key.
 *
 * @param path for messages
 * @throws DraftError BAD_CONFIG
 */
export function settingsOf(path: string, text: string, known: readonly KnownKey[]): ReadonlyMap<string, FileSetting> {
  const settings: Map<string, FileSetting> = new Map();
  for (const [name, value] of Object.entries(parsed(path, text))) {
    const named = (): string => {
      const { line, column } = placeOf(text, name);
      return `${path}:${line}:${column}: ${name}`;
    };
    const key = known.find((each) => each.name === name);
    if (key === undefined) throw bad(`${named()} is no setting: ${suggestion(name, value, known)}`);
    settings.set(name, { named, texts: textsOf(value, key, named) });
  }
  return settings;
}

function parsed(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line of the library's message says what; the others draw the place.
    const [what = ""] = error.message.split("\n");
    throw bad(`${path}:${error.line}:${error.column}: ${what.replace(/^Invalid TOML document: /, "no TOML: ")}`);
  }
}

function suggestion(name: string, value: unknown, known: readonly KnownKey[]): string {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return "keys stand by themselves, in no table";
  const asFlag = name.replaceAll("_", "-").replace(/^-+/, "");
  const nearest = nearestWord(asFlag, known.map((key) => key.name));
  return isSimilar(asFlag, nearest) ? `the nearest is ${nearest}` : "its keys are the flags without dashes";
}

function textsOf(value: unknown, { isSwitch, isList }: KnownKey, named: () => string): string[] {
  if (isSwitch) {
    if (typeof value !== "boolean") throw bad(`${named()} is ${shown(value)}: want true or false`);
    return [String(value)];
  }
  if (isList && Array.isArray(value)) return value.map((each) => textOf(each, named));
  return [textOf(value, named)];
}

function textOf(value: unknown, named: () => string): string {
  if (typeof value === "string") return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw bad(`${named()} is ${shown(value)}: want a text or a whole number`);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

/**
 * Where the key stands: the parser tells no places. The shortest beginning of the file, in whole lines, that has the key
 * ends with its value; the longest shorter one that can be read ends before it.
 */
function placeOf(text: string, name: string): { readonly line: number; readonly column: number } {
  const lines = text.split("\n");
  let before = 0;
  for (let end = 1; end <= lines.length; end++) {
    const beginning = read(lines.slice(0, end).join("\n"));
    if (beginning === null) continue;
    if (Object.hasOwn(beginning, name)) break;
    before = end;
  }
  return { line: before + 1, column: (/\S/.exec(lines[before] ?? "")?.index ?? 0) + 1 };
}

function read(beginning: string): Record<string, unknown> | null {
  try {
    return parse(beginning);
  } catch (error) {
    if (error instanceof TomlError) return null;
    throw error;
  }
}

function bad(message: string): DraftError {
  return new DraftError("BAD_CONFIG", `${message}: draft serve --help`);
}
