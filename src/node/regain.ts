/** Gets entries again that the log of a running node gives back no more: from any other member, whoever leads. */
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task } from "../base/task.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import { isWitness } from "../raft/configuration.ts";
import type { RaftState } from "../raft/state.ts";
import type { Member } from "../raft/types.ts";
import type { MissingEntries, Regained } from "../wal/mender.ts";
import { fetchEntries, isFaultOfMember, type Missing } from "./entry_fetch.ts";

export interface RegainOptions {
  readonly state: Pick<RaftState, "config" | "configurations">;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
  readonly addressOf: (member: Member) => string;
}

/** Asks the members of one group. */
export class Regain {
  readonly #options: RegainOptions;
  #line: Interview | null = null;
  #ended = false;

  constructor(options: RegainOptions) {
    this.#options = options;
  }

  /** One round over all other members that this node's log knows of. */
  ask(missing: MissingEntries, done: Done<Regained>): void {
    runTask(this.#round(missing), (...[error, regained]) => {
      if (this.#ended) return;
      if (error === null) done(null, regained);
      else done(error);
    });
  }

  /** Nobody is asked any more. */
  end(): void {
    this.#ended = true;
    this.#line?.close();
  }

  *#round({ group, from, to, above }: MissingEntries): Task<Regained> {
    let isSilent = false;
    for (const member of this.#others()) {
      // What came of a try that ended half-way is not kept: it is a few entries.
      const runs: Uint8Array[] = [];
      const fetched = yield* this.#from(member, { from, to, above, below: null }, group, runs);
      if (fetched === "whole") return runs.reverse();
      if (fetched === "silent") isSilent = true;
    }
    return isSilent ? "silent" : "lacking";
  }

  *#from(member: Member, missing: Missing, group: number, runs: Uint8Array[]): Task<string> {
    const { state: { config }, dial, addressOf } = this.#options;
    const keep = (_first: number, _count: number, run: Uint8Array): undefined => void runs.push(run.slice());
    try {
      return yield* fetchEntries({ group, witness: config.witness, dial, store: keep, line: (line) => this.#line = line }, { ...member, address: addressOf(member) }, missing);
    } catch (error) {
      if (!(error instanceof DraftError) || !isFaultOfMember(error)) throw error;
      return "silent";
    }
  }

  /** The newest configuration's first; who keeps no payloads has them for its like alone. */
  #others(): Member[] {
    const { config: { self, witness }, configurations } = this.#options.state;
    const others = new Map<number, Member>();
    for (const { members } of configurations.toReversed()) {
      for (const member of members) if (member.number !== self && (witness || !isWitness(member)) && !others.has(member.number)) others.set(member.number, member);
    }
    return [...others.values()];
  }
}
