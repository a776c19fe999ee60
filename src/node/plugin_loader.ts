/**
 * From the words of `--machine` to a plugin: a name of those that draft ships, or a path to a file whose default export
 * is one. Loading is the one asynchronous thing here; it ends before the node begins.
 */
import { resolve } from "node:path";
import counter from "../../plugins/counter/counter.ts";
import kv from "../../plugins/kv/kv.ts";
import lock from "../../plugins/lock/lock.ts";
import queue from "../../plugins/queue/queue.ts";
import sql from "../../plugins/sql/sql.ts";
import { DraftError } from "../base/errors.ts";
import { provideModule } from "../host/node_library.ts";
import { importFile, isThere, type ModuleExports } from "../host/node_module.ts";
import { digestOfSource } from "../host/node_source.ts";
import { checkPlugin } from "../machine/check_plugin.ts";
import * as library from "../machine/library.ts";
import type { AnyPlugin } from "../machine/machine.ts";

/** The machines that need no file. */
const SHIPPED: Readonly<Record<string, AnyPlugin>> = { kv, counter, lock, queue, sql };

/** What `--machine` takes besides paths. */
export const SHIPPED_NAMES: readonly string[] = Object.keys(SHIPPED);

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
    const file = isThere(`${nameOrPath}.ts`) ? `${nameOrPath}.ts` : "machine.ts";
    throw new DraftError("BAD_PLUGIN", `no machine is called '${nameOrPath}': give one of ${SHIPPED_NAMES.join(", ")}, or a path like ./${file}`);
  }
  const path = resolve(nameOrPath);
  // The command line has provided the whole library before.
  provideModule("draft", library);
  let exported: ModuleExports;
  try {
    exported = await importFile(path);
  } catch (error) {
    throw new DraftError("BAD_PLUGIN", `plugin ${path} ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (exported["default"] === undefined) throw noDefault(exported, path);
  return checkPlugin(exported["default"], path);
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

/** A module without a default export: one of the others may have been meant. */
function noDefault(exported: ModuleExports, path: string): DraftError {
  const meant = Object.keys(exported).find((name) => {
    const value: unknown = exported[name];
    return typeof value === "object" && value !== null && "operations" in value && "create" in value;
  });
  return new DraftError("BAD_PLUGIN", `plugin ${path} has no default export that is a plugin: add 'export default${meant === undefined ? "" : ` ${meant}`}'`);
}
