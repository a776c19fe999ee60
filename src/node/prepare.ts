/** From a client's envelope to what goes into the log. */
import { DraftError } from "../base/errors.ts";
import { decodeEnvelope, encodeEnvelope } from "../machine/command.ts";
import type { Command } from "../machine/machine.ts";
import type { Group } from "./group.ts";
import type { Proposed } from "./proposals.ts";

/** What goes into the log for a client's envelope, and what it decodes to if that is known. */
export type Prepared = Omit<Proposed, "kind">;

/**
 * The same bytes where the plugin leaves commands as they come, else the command as its `prepare` made it.
 *
 * @throws DraftError BAD_REQUEST, UNKNOWN_OPERATION, BUSY
 */
export function prepare(group: Group, envelope: Uint8Array): Prepared {
  const decoded = decodeEnvelope(envelope);
  const { session, sequence, answeredBelow, command } = decoded;
  if (sequence === 0 ? answeredBelow !== 0 : session === null) {
    throw new DraftError("BAD_REQUEST", "a command has a session and a sequence of 1 or more, or a key, or neither");
  }
  if (session !== null && sequence === 0) checkKeyRoom(group, session);
  const before = command.slice();
  const prepared = group.applier.operations.prepare(command);
  if (group.applier.operations.kindOf(prepared) !== "write") {
    throw new DraftError("BAD_REQUEST", `operation '${prepared[0]}' only reads: send it as a read`);
  }
  // A plugin may change a command in place and return the very object, so what it holds is compared.
  const frees = group.applier.operations.frees(prepared);
  if (prepared === command && isUnchanged(command, before)) return { payload: envelope, decoded, frees };
  // What the replicas decode may differ from what the plugin made (undefined becomes null): this node decodes it too.
  return { payload: encodeEnvelope({ ...decoded, command: prepared }), decoded: null, frees };
}

/** @throws DraftError BUSY if so many keys are kept that another one has to wait for the oldest to go */
function checkKeyRoom({ applier }: Group, key: string): void {
  const untilMs = applier.sessions.keys.fullUntil(key);
  if (untilMs === null) return;
  const retryAfterMs = Math.max(1, untilMs - applier.view().timeMs);
  throw new DraftError("BUSY", `as many keys are kept as there may be: send it again in ${Math.ceil(retryAfterMs / 1000)} s`, { retryAfterMs });
}

/** Whether a command holds what it held before, and nothing within which something could have been changed unseen. */
function isUnchanged(command: Command, before: readonly unknown[]): boolean {
  if (command.length !== before.length) return false;
  for (let i = 0; i < before.length; i++) {
    const argument = before[i];
    if (command[i] !== argument || (typeof argument === "object" && argument !== null)) return false;
  }
  return true;
}
