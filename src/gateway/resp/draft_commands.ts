/** DRAFT: what Redis has no word for. */
import { DraftError } from "../../base/errors.ts";
import type { Command } from "../../machine/machine.ts";
import type { Argument } from "./request_parser.ts";
import { errorLine, SYNTAX, textOf, unknownSubcommand, wrongCount } from "./resp_errors.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";

/** `DRAFT RUN op …`: an operation of the machine, though a command of Redis's or of the door's has its name. */
function run(talk: Talk, [name, ...args]: readonly Argument[]): boolean {
  if (name !== undefined) return talk.operate([textOf(name), ...args] as Command);
  talk.replies.refuse(wrongCount("draft|run"));
  return true;
}

/** `DRAFT WATCH PREFIX [FROM i]`. */
function watch(talk: Talk, [prefix, word, from]: readonly Argument[]): void {
  const { replies } = talk;
  if (prefix === undefined) return replies.refuse(wrongCount("draft|watch"));
  if (replies.writer.protocol === 2) return replies.refuse("ERR DRAFT WATCH pushes what it hears, which takes RESP3: send HELLO 3 first");
  if (word === undefined) return talk.watchChanges(textOf(prefix), null);
  const index = /^\d{1,15}$/.test(textOf(from ?? "")) ? Number(textOf(from ?? "")) : Number.NaN;
  if (textOf(word).toLowerCase() !== "from" || Number.isNaN(index)) replies.refuse(SYNTAX);
  else talk.watchChanges(textOf(prefix), index);
}

/** `DRAFT USE GROUP`. */
function use(talk: Talk, [group]: readonly Argument[]): boolean {
  const name = textOf(group ?? "");
  const operations = talk.door.api.operations(name);
  if (group === undefined) talk.replies.refuse(wrongCount("draft|use"));
  else if (operations instanceof DraftError) talk.replies.refuse(errorLine(operations));
  else if (!talk.isQuiet) return false;
  else {
    talk.use(name);
    talk.replies.answer((writer) => writer.simple("OK"));
  }
  return true;
}

function draft(talk: Talk, [word = "", ...args]: readonly Argument[]): boolean | void {
  switch (textOf(word).toLowerCase()) {
    case "run": return run(talk, args);
    case "watch": return watch(talk, args);
    case "use": return use(talk, args);
    default: return talk.replies.refuse(unknownSubcommand("draft", textOf(word)));
  }
}

export const DRAFT_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  // RUN waits for what its operation waits for, USE for all.
  draft: { count: [1, MANY], waits: "nothing", run: draft },
};
