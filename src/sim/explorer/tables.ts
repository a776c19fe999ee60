/**
 * Each member state and each message that was ever met, once, under a small number. The core is deterministic, so what
 * an action makes of a member is asked of the core once and then remembered: that is what makes millions of cluster
 * states out of some ten thousand steps of the core.
 */
import type { Message } from "../../raft/message.ts";
import type { Action } from "./actions.ts";
import { localText, messageText, type Renaming, renamingsOf, sumsOf } from "./canonical.ts";
import type { Local, Outcome } from "./local.ts";

/** A member state with what the cluster's invariants ask of it. */
export interface MemberRecord {
  readonly local: Local;
  /** The two sums under each renaming, one after the other. */
  readonly sums: Uint32Array;
  /** What became of it, by action. */
  readonly results: Map<number, Result>;
  /** Members whose log was compared with this one. */
  readonly compared: Set<number>;
}

/** A message that was met. */
export interface MessageRecord {
  readonly message: Message;
  readonly sums: Uint32Array;
}

/** What became of a member by one action, in numbers of these tables. */
export interface Result {
  readonly member: number;
  readonly sent: readonly number[];
  readonly violation: string | null;
}

/** The tables of one exploration. */
export class Tables {
  readonly renamings: readonly Renaming[];
  readonly members: MemberRecord[] = [];
  readonly messages: MessageRecord[] = [];
  /** Steps that the core took. */
  steps = 0;
  readonly #memberOf: Map<string, number> = new Map();
  readonly #messageOf: Map<string, number> = new Map();

  constructor(members: number) {
    this.renamings = renamingsOf(members);
  }

  /** The number of a member state. */
  member(local: Local): number {
    const text = localText(local, this.renamings[0] as Renaming);
    const known = this.#memberOf.get(text);
    if (known !== undefined) return known;
    const sums = this.#sums((as) => localText(local, as));
    this.#memberOf.set(text, this.members.length);
    return this.members.push({ local, sums, results: new Map(), compared: new Set() }) - 1;
  }

  /** The number of a message. */
  message(message: Message): number {
    const text = messageText(message, this.renamings[0] as Renaming);
    const known = this.#messageOf.get(text);
    if (known !== undefined) return known;
    const sums = this.#sums((as) => messageText(message, as));
    this.#messageOf.set(text, this.messages.length);
    return this.messages.push({ message, sums }) - 1;
  }

  /** The message that an action is about; null if it is about none. */
  messageOf({ name, what }: Action): Message | null {
    const isMessage = name === "deliver" || name === "deliver late" || name === "duplicate" || name === "drop";
    return isMessage ? (this.messages[what] as MessageRecord).message : null;
  }

  /** What `act` makes of a member; asked once for each member state and action. */
  result(member: number, action: number, act: (local: Local) => Outcome): Result {
    const record = this.members[member] as MemberRecord;
    const known = record.results.get(action);
    if (known !== undefined) return known;
    this.steps += 1;
    const { local, sent, violation } = act(record.local);
    const result = { member: violation === null ? this.member(local) : member, sent: sent.map((each) => this.message(each)), violation };
    record.results.set(action, result);
    return result;
  }

  #sums(textAs: (as: Renaming) => string): Uint32Array {
    return Uint32Array.from(this.renamings.flatMap((as) => sumsOf(textAs(as))));
  }
}
