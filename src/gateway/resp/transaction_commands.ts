/** MULTI, EXEC, DISCARD, WATCH and UNWATCH (transaction.ts). */
import { DraftError } from "../../base/errors.ts";
import type { Argument } from "./request_parser.ts";
import { errorLine } from "./resp_errors.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";
import { revisionIn, Transaction } from "./transaction.ts";

/** Keys that one connection watches, at most: as many as a `txn` compares. */
const WATCHED_MAX = 1000;

/** Of a key whose revision could not be read: no key ever has it, so EXEC does nothing. */
const NO_REVISION = Number.MAX_SAFE_INTEGER;

const SPOILT = "EXECABORT Transaction discarded because of previous errors.";

/** Why the machine of the group cannot do this; "" if it can. */
function lacking({ door, state }: Talk, operation: string): string {
  const operations = door.api.operations(state.group);
  if (operations instanceof DraftError) return errorLine(operations);
  return operations.some(({ name }) => name === operation) ? "" : `ERR the machine of group ${state.group} has no operation '${operation}', which this takes`;
}

function multi(talk: Talk): void {
  const refusal = talk.transaction !== null ? "ERR MULTI calls can not be nested" : lacking(talk, "txn");
  if (refusal !== "") return talk.replies.refuse(refusal);
  talk.transaction = new Transaction();
  talk.replies.answer((writer) => writer.simple("OK"));
}

function exec(talk: Talk): void {
  const { transaction, watched, replies } = talk;
  if (transaction === null) return replies.refuse("ERR EXEC without MULTI");
  end(talk);
  if (transaction.isSpoilt) return replies.refuse(SPOILT);
  const place = replies.open(transaction.shape());
  talk.write(transaction.command(watched), (result) => {
    if (!(result instanceof DraftError)) return replies.settle(place, result.reply);
    const isRefused = result.code === "REJECTED" || result.code === "CONFLICT" || result.code === "BAD_REQUEST";
    if (!isRefused) return replies.settle(place, result);
    // One of the commands cannot be done: here, unlike in Redis, none is then.
    place.shape = (writer) => writer.error(`EXECABORT Transaction discarded because of: ${result.message}`);
    replies.settle(place, null);
  });
}

function discard(talk: Talk): void {
  if (talk.transaction === null) return talk.replies.refuse("ERR DISCARD without MULTI");
  end(talk);
  talk.replies.answer((writer) => writer.simple("OK"));
}

function end(talk: Talk): void {
  talk.transaction = null;
  talk.watched = new Map();
}

function watch(talk: Talk, keys: readonly Argument[]): void {
  const { watched, replies } = talk;
  const refusal = talk.transaction !== null ? "ERR WATCH inside MULTI is not allowed" : lacking(talk, "getrev");
  if (refusal !== "") return replies.refuse(refusal);
  const fresh = [...new Set(keys)].filter((key) => !watched.has(key));
  if (watched.size + fresh.length > WATCHED_MAX) return replies.refuse(`ERR at most ${WATCHED_MAX} keys are watched`);
  const place = replies.open((writer) => writer.simple("OK"));
  let left = fresh.length;
  let failure: DraftError | null = null;
  const told = (): void => {
    if (left === 0) replies.settle(place, failure);
  };
  for (const key of fresh) {
    talk.read(["getrev", key], (result) => {
      if (result instanceof DraftError) failure = result;
      watched.set(key, result instanceof DraftError ? NO_REVISION : revisionIn(result.reply));
      left -= 1;
      told();
    });
  }
  if (fresh.length === 0) told();
}

function unwatch(talk: Talk): void {
  talk.watched = new Map();
  talk.replies.answer((writer) => writer.simple("OK"));
}

export const TRANSACTION_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  multi: { count: [0, 0], waits: "nothing", endsTransaction: true, run: multi },
  exec: { count: [0, 0], waits: "reads", endsTransaction: true, run: exec },
  discard: { count: [0, 0], waits: "nothing", endsTransaction: true, run: discard },
  watch: { count: [1, MANY], waits: "writes", endsTransaction: true, run: watch },
  unwatch: { count: [0, 0], waits: "nothing", run: unwatch },
};
