/**
 * Whether what a file exports is a plugin. The contract is structural, and whoever writes JavaScript has no compiler to
 * check it: what is missing is said here, each with what to write in its place.
 */
import { DraftError } from "../base/errors.ts";
import type { AnyPlugin } from "./machine.ts";

const NAME = /^[a-z][a-z0-9_.-]*$/;
const NAMED = "lower-case letters, digits, '_', '.' and '-', a letter first";
const SHAPE = "{ name, version, operations, create }";

/**
 * `value` as a plugin. It may come from another copy of the library.
 *
 * @param path where it comes from, for messages
 * @throws DraftError BAD_PLUGIN that says what to change
 */
export function checkPlugin(value: unknown, path: string): AnyPlugin {
  const why = whyNoObject(value) ?? whyNoPlugin(value as Record<string, unknown>);
  if (why !== null) throw new DraftError("BAD_PLUGIN", `plugin ${path} ${why}`);
  return value as AnyPlugin;
}

function whyNoObject(value: unknown): string | null {
  // What no runtime takes for a module has an empty object for a default export.
  const isNothing = value === undefined || (typeof value === "object" && value !== null && Reflect.ownKeys(value).length === 0 && !isPromise(value));
  if (isNothing) return "has no default export that is a plugin: add 'export default'";
  if (isPromise(value)) return "exports a promise by default: put 'await' before it";
  if (typeof value === "function") return `exports ${isClass(value) ? "a class" : "a function"} by default: must be an object, ${SHAPE}`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `exports ${shown(value)} by default: must be a plugin, ${SHAPE}`;
  if ("apply" in value && !("create" in value)) return "exports a machine by default: must be a plugin, with a create() that returns the machine";
  return null;
}

function whyNoPlugin({ name, version, operations, create, prepare, generate }: Record<string, unknown>): string | null {
  if (name === undefined || name === "") return 'has no name: add name: "…"';
  if (typeof name !== "string") return `has the name ${shown(name)}: must be text`;
  if (!NAME.test(name)) return `is called '${name}': must be named in ${NAMED}`;
  if (version === undefined) return "has no version: add version: 1";
  if (!Number.isSafeInteger(version) || (version as number) < 1) return `has the version ${shown(version)}: must be a whole number, 1 to begin with`;
  if (operations === undefined || operations === null) return 'has no operations: add operations: { get: { kind: "read" } }';
  if (typeof operations !== "object" || Array.isArray(operations)) return `has ${shown(operations)} for operations: must be { get: { kind: "read" } }`;
  for (const [operation, row] of Object.entries(operations)) {
    const why = whyNoOperation(operation, row, version as number);
    if (why !== null) return `has an operation '${operation}' ${why}`;
  }
  if (create === undefined || create === null) return "has no create: add create() { return { apply, query, snapshot, restore } }";
  if (typeof create !== "function") return `has ${shown(create)} for create: must be a function that returns a machine`;
  for (const [field, given] of Object.entries({ prepare, generate })) {
    if (given !== undefined && typeof given !== "function") return `has ${shown(given)} for ${field}: must be a function, or left out`;
  }
  return null;
}

function whyNoOperation(name: string, row: unknown, version: number): string | null {
  if (NAME.test(name.toLowerCase()) && !NAME.test(name)) return `with capitals: call it '${name.toLowerCase()}', users may type it in any case`;
  if (!NAME.test(name)) return `that nobody could type: must be named in ${NAMED}`;
  if (typeof row !== "object" || row === null) return `that is ${shown(row)}: must be { kind: "read" } or { kind: "write" }`;
  const { kind, args, summary, since = 1, frees = false, touches } = row as Record<string, unknown>;
  if (kind !== "read" && kind !== "write") return `of the kind ${shown(kind)}: must be "read" or "write"`;
  for (const [field, given] of Object.entries({ args, summary })) {
    if (given !== undefined && typeof given !== "string") return `whose ${field} is ${shown(given)}: must be text for users to read`;
  }
  if (typeof frees !== "boolean") return `with frees: ${shown(frees)}: must be true or false`;
  if (touches !== undefined && typeof touches !== "function") return `with touches: ${shown(touches)}: must be a function that tells a command's keys, or left out`;
  if (frees && kind === "read") return "that reads and frees: only a write leaves less than there was";
  const isVersion = Number.isSafeInteger(since) && (since as number) >= 1 && (since as number) <= version;
  return isVersion ? null : `with since: ${shown(since)}: must be a version from 1 to ${version}`;
}

/** What is wrong with the machine that `create` returned, or null. */
export function whyNoMachine(machine: unknown, { operations }: AnyPlugin): string | null {
  if (isPromise(machine)) return "create() returned a promise: it must return the machine at once";
  if (typeof machine !== "object" || machine === null) return `create() returned ${shown(machine)}: it must return { apply, query, snapshot, restore }`;
  const given = machine as Record<string, unknown>;
  const isRead = Object.values(operations).some(({ kind }) => kind === "read");
  for (const method of ["apply", ...(isRead ? ["query"] : []), "snapshot", "restore"]) {
    if (typeof given[method] !== "function") return `create() returned a machine without ${method}: add ${method}() to it`;
  }
  for (const method of ["apply", "query", "wake", "upgrade", "lastApplied", "commit", "memos"]) {
    if (isAsync(given[method])) return `${method}() of its machine is async: it must answer at once, remove 'async'`;
  }
  if (given["wake"] !== undefined && given["wakeAt"] === undefined) return "its machine has wake but no wakeAt: add wakeAt(), which says when";
  if (given["wakeAt"] !== undefined && given["wake"] === undefined) return "its machine has wakeAt but no wake: add wake(), which does what is due";
  const isHalf = given["commit"] !== undefined && (given["lastApplied"] === undefined || given["memos"] === undefined);
  if (isHalf) return "its machine has commit but not lastApplied and memos: add lastApplied(), the index of the last commit, and memos(), which gives back what commits left";
  return null;
}

function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { readonly then?: unknown }).then === "function";
}

function isClass(value: unknown): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function isAsync(value: unknown): boolean {
  return typeof value === "function" && Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
