/** How the version in force rises: at one place in the log, on every replica, with the machine's `upgrade`. */
import type { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Base, Reply } from "./machine.ts";
import { decodeMachineVersion, tooOldError, upgradeError } from "./version_entry.ts";

/**
 * Applies a version entry; one that names no higher version than the one in force changes nothing.
 *
 * A replica that cannot follow stops. Its state is what the log and its snapshots say, without what `upgrade` did, so
 * whoever starts it with a mended plugin loses nothing. To count the entry as applied instead, as a command that broke,
 * would leave the replicas apart if `upgrade` broke on some of them alone, and half a state if it changes one in place.
 *
 * @param entry its version is raised before `upgrade` is called
 * @returns the version in force
 * @throws DraftError BAD_PLUGIN if the plugin is too old or its `upgrade` broke; BAD_CONFIG if the payload is not understood
 */
export function raise(plugin: AnyPlugin, machine: Pick<Base, "upgrade">, entry: LiveEntry, payload: Uint8Array): number {
  const { index, version: from } = entry;
  const to = decodeMachineVersion(payload, index);
  if (to <= from) return from;
  if (to > plugin.version) throw tooOldError(plugin, to, `entry ${index} of the log`);
  entry.version = to;
  try {
    const answer = machine.upgrade?.(from, entry) as Reply;
    if (answer instanceof Error) throw answer;
    if (typeof answer === "object" && typeof answer?.then === "function") throw new TypeError("it returned a promise, which ends after the entry did");
  } catch (thrown) {
    throw upgradeError(plugin, { from, to, index }, thrown);
  }
  return to;
}
