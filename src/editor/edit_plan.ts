/**
 * What an offline edit would be: the record that does it, and what it means, in words, before anybody agrees to it.
 */
import { viewOf } from "../base/bytes.ts";
import { chainAfter, ENTRY_HEADER_BYTES, EntryKind, payloadSumOf, sealedBytes, writeHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { isDecided } from "../node/recovery.ts";
import { encodeLogStart } from "../raft/log_start.ts";
import { isVoting, voterSets } from "../raft/quorum.ts";
import type { Configuration, Index, LogPoint, MemberNumber } from "../raft/types.ts";
import type { Edit, EditCondition, EditContent } from "../wal/edit_record.ts";
import { configurationAt, type GroupLog, pointAt } from "./offline_log.ts";

/** What is asked for. */
export type Wanted =
  | { readonly change: "chop"; readonly index: Index }
  /** With `force` beyond what a snapshot holds: the machine then begins empty. */
  | { readonly change: "drop"; readonly index: Index; readonly force: boolean }
  /** `payload`: a command envelope. */
  | { readonly change: "append"; readonly payload: Uint8Array }
  | { readonly change: "accept" };

/** An edit that can be made. */
export interface Plan {
  readonly edit: Edit;
  /** Sentences for who has to agree. */
  readonly meaning: readonly string[];
  /** Entries that leave the log; null if none do. */
  readonly removed: { readonly from: Index; readonly to: Index } | null;
  /** Where the log ends afterwards: alike on all members if it was edited alike on all. */
  readonly seal: LogPoint;
  /** The machine begins empty behind the point: a snapshot that says so is to be written. */
  readonly empties: boolean;
  /** All behind the log as it was read is damaged, and goes. */
  readonly cuts: boolean;
}

/**
 * What `wanted` comes to on this log.
 *
 * @throws DraftError BAD_REQUEST, COMPACTED or CONFLICT if it cannot be done, and why
 */
export function* planEdit(log: GroupLog, wanted: Wanted): Task<Plan> {
  refuseEdit(log);
  switch (wanted.change) {
    case "chop": return yield* planChop(log, wanted.index);
    case "drop": return yield* planDrop(log, wanted.index, wanted.force);
    case "append": return yield* planAppend(log, wanted.payload);
    case "accept": return yield* planAccept(log);
  }
}

/** @throws DraftError CONFLICT if nothing of this log is edited by hand */
export function refuseEdit(log: GroupLog): void {
  if (log.identity.welcome?.witness === true) {
    throw new DraftError("CONFLICT", `${log.identity.nodeId} is a witness: it keeps positions alone, which its members' logs decide; edit those`);
  }
  if (isDecided({ ...log, lastIndex: log.group.lastIndex })) {
    throw new DraftError("CONFLICT", `draft admin recover has decided that ${log.identity.nodeId} goes on alone behind index ${log.identity.recovery!.index - 1}: start the node first`);
  }
}

function* planChop(log: GroupLog, from: Index): Task<Plan> {
  const { lastIndex } = log.group;
  if (from > lastIndex) throw new DraftError("BAD_REQUEST", `index ${from} is behind the end of the log, ${lastIndex}: ${lastWords(log)}`);
  refuseChop(log, from);
  const { hardState } = log;
  const content: EditContent = { change: "chop", from, hardState: { ...hardState, commitIndex: Math.min(hardState.commitIndex, from - 1) } };
  const cut = log.configurations.filter(({ index }) => index >= from);
  return {
    edit: editOf(log, content, markedCondition(log, [lastIndex, from - 1])),
    meaning: [
      `removes ${countText(from, lastIndex)}`,
      committedText(log, from),
      ...cut.length === 0 ? [] : [`among them is a change of the members: behind it they are ${namesOf(configurationAt(log, from - 1))}, as of index ${configurationAt(log, from - 1).index}`],
      groupText(log, [lastIndex, from - 1], `the group goes on from index ${from - 1} at the next start; learners that hold more will stop`),
    ],
    removed: { from, to: lastIndex },
    seal: yield* pointAt(log, from - 1),
    empties: false,
    cuts: false,
  };
}

/** @throws DraftError COMPACTED, CONFLICT if the log cannot end before `from` */
export function refuseChop(log: GroupLog, from: Index): void {
  const { prefix, snapshot } = log.group;
  if (from <= prefix.index) throw new DraftError("COMPACTED", `index ${from} left the log, which begins at ${prefix.index + 1}: ${lastWords(log)}`);
  if (from <= snapshot.index) {
    throw new DraftError("CONFLICT", `index ${from} is in the snapshot of index ${snapshot.index}, which nothing can be taken out of: chop ${snapshot.index + 1} at the lowest; ` +
      "or move the directory away and let the cluster bring the node back: draft admin replace");
  }
  const recoveredAt = log.identity.recovery?.index ?? 0;
  if (from <= recoveredAt) {
    throw new DraftError("CONFLICT", `at index ${recoveredAt} the node went on alone, by draft admin recover: chop ${recoveredAt + 1} at the lowest`);
  }
}

function* planDrop(log: GroupLog, index: Index, force: boolean): Task<Plan> {
  const { prefix, lastIndex, snapshot } = log.group;
  if (index <= prefix.index) throw new DraftError("COMPACTED", `index ${index} left the log already, which begins at ${prefix.index + 1}: ${lastWords(log)}`);
  if (index > lastIndex) throw new DraftError("BAD_REQUEST", `index ${index} is behind the end of the log, ${lastIndex}: ${lastWords(log)}`);
  const empties = index > snapshot.index;
  if (empties && !force) {
    const held = snapshot.index === 0 ? "there is no snapshot" : `the snapshot ends at index ${snapshot.index}`;
    throw new DraftError("CONFLICT", `${held}: to drop through ${index} would lose what the entries behind it did: start the node and type draft admin snapshot, or drop with --force`);
  }
  const { timeMs, ...point } = yield* pointAt(log, index);
  const context = encodeLogStart({ point, timeMs, configuration: configurationAt(log, index) });
  const content: EditContent = { change: "drop", point, context, hardState: { ...log.hardState, commitIndex: Math.max(log.hardState.commitIndex, index) } };
  const condition = empties && isCluster(log, [lastIndex, index]) ? "emptied" : log.edit?.condition ?? "none";
  return {
    edit: editOf(log, content, condition),
    meaning: [
      `removes ${countText(prefix.index + 1, index)}`,
      empties ? `no snapshot holds what they did: the machine begins empty at index ${index + 1}, that state is lost, and commands behind it are not run if their session was opened before`
        : `the snapshot of index ${snapshot.index} holds what they did: nothing is lost`,
      ...condition === "emptied" ? ["other members hold that state: this node does not start until draft log accept says that all of them dropped it alike"] : [],
    ],
    removed: { from: prefix.index + 1, to: index },
    seal: yield* pointAt(log, lastIndex),
    empties,
    cuts: false,
  };
}

function* planAppend(log: GroupLog, payload: Uint8Array): Task<Plan> {
  const { group: { group, lastIndex }, hardState } = log;
  const { term, chain, timeMs } = yield* pointAt(log, lastIndex);
  if (term === 0) throw new DraftError("CONFLICT", "the log has no entry yet, and so no term to append in: start the node first");
  const head = { kind: EntryKind.command, group, index: lastIndex + 1, term, timeMs, chain: 0, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
  head.chain = chainAfter(chain, head);
  const run = new Uint8Array(sealedBytes(payload.length));
  writeHeader(run, viewOf(run), 0, head);
  run.set(payload, ENTRY_HEADER_BYTES);
  const { index } = head;
  const content: EditContent = { change: "append", index, count: 1, run, hardState: { ...hardState, commitIndex: Math.min(hardState.commitIndex, lastIndex) } };
  return {
    edit: editOf(log, content, markedCondition(log, [lastIndex])),
    meaning: [
      `adds entry ${index} in term ${term}: it was never proposed, and no client waits for it`,
      groupText(log, [lastIndex], "the entry is committed and applied at the next start"),
    ],
    removed: null,
    seal: { index, term, chain: head.chain },
    empties: false,
    cuts: false,
  };
}

function* planAccept(log: GroupLog): Task<Plan> {
  const { edit, group: { lastIndex } } = log;
  if (edit === null || edit.condition === "none") throw new DraftError("CONFLICT", "the log is not marked as edited: there is nothing to accept");
  return {
    edit: editOf(log, { change: "accept" }, "none"),
    meaning: [
      ...acceptedText(edit.condition),
      ...edit.condition === "voteless" ? ["this node's newest vote may be lost: right only while all members are stopped, or before draft admin recover, since nobody else goes on"] : [],
    ],
    removed: null,
    seal: yield* pointAt(log, lastIndex),
    empties: false,
    cuts: false,
  };
}

/** What it is that an operator accepts. */
function acceptedText(condition: EditCondition): readonly string[] {
  if (condition === "lost") {
    return [
      "the end of this log was damaged and is lost: entries that this node acknowledged may be missing, and which nobody can tell from its files",
      "clears that mark: the node votes without them, and with its vote a leader may be elected that never had them",
      "right only if no other member can come back: whoever comes gives them again, and the node clears the mark by itself",
    ];
  }
  return [
    "clears the mark of the edit: the node votes with this log as it is",
    "right only if every member was edited alike: compare the seal below on each before any of them starts; a quorum that differs from the rest forks the state",
  ];
}

export function editOf(log: GroupLog, content: EditContent, condition: EditCondition): Edit {
  const number = (log.edit?.number ?? 0) + (content.change === "accept" ? 0 : 1);
  return { mark: { number, boot: log.identity.bootCount, condition }, content };
}

/** What to type to see where the log begins and ends. */
function lastWords({ directory }: GroupLog): string {
  return `draft log last --data ${shellWord(directory)}`;
}

/** A worse condition of an earlier edit stays. */
export function markedCondition(log: GroupLog, indexes: readonly Index[]): EditCondition {
  const before = log.edit?.condition ?? "none";
  return before === "none" && isCluster(log, indexes) ? "edited" : before;
}

/** Whether at any of these indexes there are voters besides this node: they decide what the log holds. */
export function isCluster(log: GroupLog, indexes: readonly Index[]): boolean {
  return indexes.some((index) => votersAt(log, index).some((number) => number !== log.identity.memberNumber));
}

function votersAt(log: GroupLog, index: Index): MemberNumber[] {
  const configuration = configurationAt(log, index);
  const sets = voterSets(configuration);
  return configuration.members.map(({ number }) => number).filter((number) => isVoting(sets, number));
}

export function groupText(log: GroupLog, indexes: readonly Index[], alone: string): string {
  if (!isCluster(log, indexes)) return `this node is the group's only voter: ${alone}`;
  const voters = Math.max(...indexes.map((index) => votersAt(log, index).length));
  return `the group has ${voters === 1 ? "another voter" : `${voters} voters`}: this node will not vote until it has compared its log with the leader's, which wins where they differ; ` +
    "for an edit made alike on every stopped member: draft log accept on each";
}

/** What the files tell of whether `from` and what follows is committed. */
export function committedText(log: GroupLog, from: Index): string {
  const { hardState: { commitIndex }, identity: { nodeId }, group: { lastIndex } } = log;
  if (!isCluster(log, [lastIndex])) return `all of it is committed on ${nodeId}, the only voter: cutting it loses acknowledged writes`;
  if (from <= commitIndex) return `index ${from} is committed, says the hard state of ${nodeId}, up to ${commitIndex}: cutting it loses an acknowledged write here`;
  return `index ${from} may be committed: the files of ${nodeId} tell it only of those up to ${commitIndex}`;
}

function countText(from: Index, to: Index): string {
  return from === to ? `entry ${from}` : `${to - from + 1} entries, ${from} to ${to}`;
}

function namesOf({ members }: Configuration): string {
  return members.map(({ id, role }) => `${id} (${role ?? "leaving"})`).join(", ");
}
