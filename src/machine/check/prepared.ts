/** What `prepare` makes of a command, and whether it does so each time: nodes that are asked one after the other agree. */
import { decode, encode } from "../../base/codec.ts";
import { DraftError } from "../../base/errors.ts";
import { ForbiddenGlobal } from "../../host/guard.ts";
import type { Command } from "../machine.ts";
import type { Operations } from "../operations.ts";
import { isSameAnswer } from "./difference.ts";
import { type Problem, problems } from "./finding.ts";
import { whyUnsendable } from "./plain.ts";

/** A command that is ready to be proposed; or the refusal of its caller; or what is wrong with `prepare`. */
export type Prepared = { readonly command: Command } | { readonly refused: DraftError } | { readonly problem: Problem };

/** Prepares `command` as the nodes do that a client asks. */
export function prepareAsNodes(operations: Operations, command: Command): Prepared {
  const [operation] = command;
  const drawn = whyUnsendable(command);
  if (drawn !== null) return { problem: problems.unsendable(operation, { what: "the command that generate() gave for", why: drawn }) };
  const one = prepared(operations, command);
  if (one instanceof DraftError && one.cause instanceof ForbiddenGlobal) return { problem: problems.forbidden(operation, one.cause.message) };
  const other = prepared(operations, command);
  if (one instanceof DraftError) {
    return other instanceof DraftError && one.message === other.message ? { refused: one } : { problem: problems.preparedTwice(operation, one, other) };
  }
  const why = whyUnsendable(one);
  if (why !== null) return { problem: problems.unsendable(operation, { what: "what prepare() made of", why }) };
  if (!isSameAnswer(one, other)) return { problem: problems.preparedTwice(operation, one, other) };
  const again = prepared(operations, one);
  return isSameAnswer(one, again) ? { command: one } : { problem: problems.preparedAgain(operation, one, again) };
}

/** Each caller's command is decoded anew, and may be changed in place. */
function prepared(operations: Operations, command: Command): Command | DraftError {
  try {
    const made = operations.prepare(decode(encode(command).slice()) as Command);
    operations.kindOf(made);
    return made;
  } catch (error) {
    if (error instanceof DraftError) return error;
    throw error;
  }
}
