/** The payload of a command that is edited in: as a client's without a session, so that it is the same wherever it is made. */
import { DraftError } from "../base/errors.ts";
import { encodeEnvelope } from "../machine/command.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import { Operations } from "../machine/operations.ts";

/**
 * What the entry of `command` holds, prepared by the plugin as a node would.
 *
 * @param version of the machine that is in force
 * @throws DraftError UNKNOWN_OPERATION, BAD_REQUEST
 */
export function payloadOf(plugin: AnyPlugin, version: number, command: Command): Uint8Array {
  const operations = new Operations(plugin, () => version);
  const prepared = operations.prepare(command);
  if (operations.kindOf(prepared) !== "write") throw new DraftError("BAD_REQUEST", `operation '${prepared[0]}' only reads: a log holds writes`);
  return encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command: prepared }).slice();
}
