/**
 * From the words of `--machine` to a plugin: a name of those that draft ships, or a path to a file whose default export
 * is one. Loading is the one asynchronous thing here; it ends before the node begins.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import counter from "../../plugins/counter/counter.ts";
import kv from "../../plugins/kv/kv.ts";
import { DraftError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { type Exports, provideModule } from "../host/node_library.ts";
import { digestOfSource } from "../host/node_source.ts";
import * as argumentKinds from "../machine/arguments.ts";
import { defineMachine } from "../machine/define.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { Operations } from "../machine/operations.ts";
import { Table } from "../machine/table.ts";
import { machineOn } from "../machine/table_machine.ts";

/** As {@link AnyPlugin} wants it. */
const NAME = /^[a-z][a-z0-9_.-]*$/;

/** The machines that need no file. */
const SHIPPED: Readonly<Record<string, AnyPlugin>> = { kv, counter };

/** What a plugin needs of `"draft"`. The command line provides the whole library before. */
const AUTHORS_LIBRARY: Exports = { ...argumentKinds, defineMachine, DraftError, machineOn, Table, version };

/**
 * Loads a plugin.
 *
 * @param nameOrPath one of the shipped names, or a path, relative to the working directory
 * @throws DraftError BAD_PLUGIN that says what to change
 */
export async function loadPlugin(nameOrPath: string): Promise<AnyPlugin> {
  const shipped = Object.hasOwn(SHIPPED, nameOrPath) ? SHIPPED[nameOrPath] : undefined;
  if (shipped !== undefined) return shipped;
  if (!/[/\\.]/.test(nameOrPath)) {
    const names = Object.keys(SHIPPED).join(", ");
    throw new DraftError("BAD_PLUGIN", `no machine is called '${nameOrPath}': give one of ${names}, or a path like ./machine.ts`);
  }
  const path = resolve(nameOrPath);
  provideModule("draft", AUTHORS_LIBRARY);
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href) as { readonly default?: unknown };
  } catch (error) {
    throw new DraftError("BAD_PLUGIN", `plugin ${path} cannot be loaded: ${whyNotLoaded(error, path)}`, { cause: error });
  }
  return checkPlugin(loaded.default, path);
}

/**
 * What a node tells others of the source of its plugin: of a file a digest of its bytes. A shipped machine is told by
 * its version: a release that changes what it does raises that, so releases side by side are no cause for alarm.
 *
 * @param nameOrPath as given to {@link loadPlugin}, which has loaded it
 * @returns "" if it cannot be told
 */
export function sourceDigestOf(nameOrPath: string): string {
  const shipped = Object.hasOwn(SHIPPED, nameOrPath) ? SHIPPED[nameOrPath] : undefined;
  return shipped === undefined ? digestOfSource(resolve(nameOrPath)) : `shipped ${shipped.name} ${shipped.version}`;
}

/**
 * `value` as a plugin. The contract is structural: a plugin may come from another copy of the library.
 *
 * @throws DraftError BAD_PLUGIN that says what is missing
 */
export function checkPlugin(value: unknown, path: string): AnyPlugin {
  const wrong = (what: string): DraftError => new DraftError("BAD_PLUGIN", `plugin ${path} ${what}`);
  if (typeof value !== "object" || value === null) throw wrong("has no default export that is a plugin: add 'export default'");
  const { name, version, operations, create } = value as Record<string, unknown>;
  if (typeof name !== "string" || name === "") throw wrong("has no name: add name: \"…\"");
  if (!NAME.test(name)) throw wrong(`is called '${name}': must be named like ${NAME.source}`);
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw wrong("has no version: add version: 1");
  if (typeof operations !== "object" || operations === null) throw wrong("has no operations: add operations: { … }");
  if (typeof create !== "function") throw wrong("has no create: add create() { return { apply, snapshot, restore } }");
  const plugin = value as AnyPlugin;
  // What is wrong with an operation is found now, before a cluster is founded with it.
  Operations.check(plugin);
  return plugin;
}

/** Where a message of the builder of Bun points to. */
interface Positioned {
  readonly message: string;
  readonly position?: { readonly file: string; readonly line: number; readonly column: number } | null;
}

/** What was wrong, in one line, and where, as far as the runtime tells: each has its own way of telling. */
export function whyNotLoaded(error: unknown, path: string): string {
  const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const { message, position } = (typeof first === "object" && first !== null && "message" in first ? first : { message: String(first) }) as Positioned;
  const said = message.split("\n")[0] ?? "";
  if (position !== undefined && position !== null) return `${said} at ${position.file}:${position.line}:${position.column}`;
  const stack = first instanceof Error ? `${message}\n${first.stack ?? ""}` : message;
  // Deno paints what it points to.
  const plain = stack.replaceAll(/\x1b\[\d+m/g, "");
  const at = plain.indexOf(`${path}:`);
  const place = at < 0 ? null : /^:\d+(:\d+)?/.exec(plain.slice(at + path.length));
  return place === null ? said : `${said} at ${path}${place[0]}`;
}
