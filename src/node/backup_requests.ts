/** What a node answers whoever takes a backup of a group, or brings one. */
import { hexOf } from "../base/bytes.ts";
import { EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { encodeRestorePiece, notUnused } from "../machine/backup_pieces.ts";
import type { BackupAsk, RestoreAsk } from "../net/backup_request.ts";
import type { Group } from "./group.ts";
import type { Node } from "./node.ts";
import type { AnswerDone } from "./node_api.ts";

/** Answers a question for the file of a snapshot. */
export function giveBackup({ exchange }: Pick<Node, "exchange">, { state, applier }: Group, ask: BackupAsk, done: (reply: readonly unknown[] | DraftError) => void): void {
  // Clients know an index as the machine does, files as the log.
  const logged = ask.type === "which" ? { ...ask, index: Math.max(0, ask.index - applier.beginning.shift) } : ask;
  exchange.askedByClient(state.config.group, logged, (reply) => {
    done(typeof reply === "string" ? new DraftError("NOT_FOUND", `${reply}: draft admin backup FILE`) : reply);
  });
}

/** Takes a piece into the log of a group that this node leads. */
export function takeRestore(group: Group, { step, ...piece }: RestoreAsk, limits: { readonly timeoutMs: number; readonly valueBytesMax: number }, done: AnswerDone): void {
  const { origin } = group.applier.beginning;
  // Whoever was not told how it ended may send again what it did before.
  const why = origin.restored?.id === hexOf(piece.id) ? null : notUnused(origin);
  if (why !== null) return done(why);
  if (step === "begin") return done({ index: 0, reply: { takes: true } });
  const payload = encodeRestorePiece({ ...piece, last: step === "last" });
  const { timeoutMs, valueBytesMax } = limits;
  if (payload.length <= valueBytesMax) return group.propose({ kind: EntryKind.restore, payload, decoded: null, frees: false }, timeoutMs, done);
  done(new DraftError("TOO_LARGE", `a piece of a backup has ${payload.length} bytes: at most ${valueBytesMax} are taken, see --value-bytes-max`));
}
