/**
 * A log that lost entries, made whole before its group takes part again: what is missing is fetched from any member, and
 * stored once more. What was lost at the end nobody can name: then the node is marked, durably, before anything else is
 * written, and has no vote until it holds what a leader says that it may have acknowledged (raft/edited.ts). What nobody
 * has ends the node, unless nobody else ever had it: that was acknowledged to no one, and is cut, which is marked the
 * same way.
 */
import type { EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { Interview } from "../net/interview.ts";
import { isWitness } from "../raft/configuration.ts";
import { isVoting, voterSets } from "../raft/quorum.ts";
import type { Configuration, GroupId, Index, LogPoint, Member } from "../raft/types.ts";
import { type EntryRange, type GroupLoss, type LogDamage, placeText, rangesText } from "../wal/damage.ts";
import type { Wal } from "../wal/wal.ts";
import { flushed, pointAt, tellGroup } from "../wal/wal_repair.ts";
import { readHeadAt } from "../wal/wal_read.ts";
import { type EntryFetchParts, type Fetched, fetchEntries, isFaultOfMember, type Missing } from "./entry_fetch.ts";
import type { Identity } from "./identity.ts";
import type { RecoveredLog } from "./recovered_log.ts";

/** Between two rounds over all members. */
const ROUND_MS = 500;

export interface LogRepairOptions {
  /** The data directory, for messages. */
  readonly path: string;
  readonly identity: Identity;
  readonly group: GroupId;
  readonly wal: Wal;
  readonly log: RecoveredLog;
  readonly damage: LogDamage;
  readonly dial: EntryFetchParts["dial"];
  /** Gets a snapshot from the member that holds the point or more, and puts it under the log; false if it has none yet. */
  readonly adoptSnapshot: (from: Member, point: LogPoint) => Task<boolean>;
  /** Lets the log begin behind this node's own newest snapshot, if it is of a later entry: what said so may be lost too. */
  readonly beginBehindOwn: (index: Index) => Task<void>;
  readonly clock: Clock;
  readonly words: Log;
}

/** The repair of one group's log. */
export class LogRepair {
  readonly #options: LogRepairOptions;
  #line: Interview | null = null;
  #pause: { readonly timer: Timer; readonly done: Done<void> } | null = null;
  #isMarked = false;
  #ended = false;
  /** What the status says of it. */
  waitsFor = "";

  constructor(options: LogRepairOptions) {
    this.#options = options;
  }

  /** Nothing more is asked for. */
  end(): void {
    this.#ended = true;
    this.#line?.close();
    const pause = this.#pause;
    this.#pause = null;
    pause?.timer.cancel();
    pause?.done(null, undefined);
  }

  /**
   * Makes the log whole; then the visitor was told all of it.
   *
   * @throws DraftError DAMAGED naming what nobody has; STOPPING
   */
  *run(): Task<void> {
    const { wal, group, log, damage, words } = this.#options;
    const directory = wal.source.directory;
    const loss = damage.groups.get(group);
    if (loss !== undefined && (this.#others().length === 0 || (loss.verdict === "end" && this.#mayHaveDecidedAlone()))) throw this.#lost(loss, "and no other member has to have it");
    for (const place of damage.places) words.write("error", placeText(directory, place));
    if (loss === undefined) return;
    if (loss.verdict === "end") {
      // What is stored below may begin a segment, whose base says of the end that is left that it is certain.
      this.#mark();
      yield* this.#flushed();
    }
    for (const range of [...loss.absent].reverse()) yield* this.#fill(range);
    yield* this.#flushed();
    yield* tellGroup(wal, group, log);
    words.write("info", `log of group ${group} repaired: ${rangesText(loss.absent) || "its end was lost, and is compared with the leader's"}`);
  }

  /** From here on this node knows, over restarts, that it may have acknowledged more than it holds. */
  #mark(): void {
    const { wal, group, identity } = this.#options;
    if (this.#isMarked) return;
    this.#isMarked = true;
    const number = (wal.groupOf(group).edit?.number ?? 0) + 1;
    wal.appendEdit(group, { mark: { number, boot: identity.bootCount, condition: "lost" }, content: { change: "none" } });
  }

  /** Gets a range again, or cuts what nobody ever had. */
  *#fill(range: EntryRange): Task<void> {
    const { words, wal, group } = this.#options;
    yield* this.#options.beginBehindOwn(range.to);
    if (range.to <= wal.groupOf(group).prefix.index) return;
    const missing = yield* this.#missing({ from: Math.max(range.from, wal.groupOf(group).prefix.index + 1), to: range.to });
    for (;;) {
      const said: (Fetched | "silent")[] = [];
      for (const member of this.#others()) {
        const fetched = yield* this.#from(member, missing);
        if (fetched === "whole") return;
        said.push(fetched);
      }
      if (said.every((each) => each === "lacking")) return yield* this.#cut(range);
      if (!said.includes("silent") && !said.includes("compacted")) throw this.#lost(entriesLost(range), "and no member has it");
      const waitsFor = `its log lost ${rangesText([range])}: wants them from another member`;
      if (waitsFor !== this.waitsFor) words.write("warn", waitsFor);
      this.waitsFor = waitsFor;
      yield* this.#rest();
    }
  }

  *#from(member: Member, missing: Missing): Task<Fetched | "silent"> {
    const { dial, group, identity, adoptSnapshot, words } = this.#options;
    const parts: EntryFetchParts = {
      group, dial, witness: identity.welcome?.witness === true,
      line: (interview) => this.#line = interview,
      store: (first, count, run) => this.#store(first, count, run),
    };
    try {
      const fetched = yield* fetchEntries(parts, member, missing);
      this.#check();
      if (fetched === "other below") return (yield* this.#widen(missing)) ? yield* this.#from(member, missing) : "lacking";
      if (fetched !== "compacted") return fetched;
      const { index, term, chain } = missing.above;
      return (yield* adoptSnapshot(member, { index, term, chain })) ? "whole" : "compacted";
    } catch (error) {
      if (!(error instanceof DraftError) || !isFaultOfMember(error)) throw error;
      this.#check();
      words.write("debug", `${member.id} gives no entries: ${error.message}`);
      return "silent";
    }
  }

  *#store(first: Index, count: number, run: Uint8Array): Task<void> {
    const { wal, group } = this.#options;
    this.#check();
    wal.appendAgain(group, first, count, run);
    yield* this.#flushed();
  }

  *#missing({ from, to }: EntryRange): Task<Missing> {
    const { wal, group } = this.#options;
    const log = wal.groupOf(group);
    const above: EntryHead | LogPoint = to < log.lastIndex
      ? yield* readHeadAt(wal.source, log, to + 1)
      : { index: to, term: log.lastTerm, chain: log.lastChain };
    const below = (yield* pointAt(wal, group, from - 1)) ?? log.prefix;
    return { from, to, above, below };
  }

  /** What stands before was cut by a record that was lost: all that is not known committed is fetched too. */
  *#widen(missing: Missing): Task<boolean> {
    const { wal, group } = this.#options;
    const { hardState, prefix } = wal.groupOf(group);
    const from = Math.max(prefix.index, Math.min(hardState.commitIndex, missing.from - 1)) + 1;
    if (from >= missing.from) return false;
    const below = yield* pointAt(wal, group, from - 1);
    Object.assign(missing, { from, below: below ?? prefix });
    return true;
  }

  /** What nobody else ever had was acknowledged to no one. A crash may leave a batch's first records: the mark is the first. */
  *#cut(range: EntryRange): Task<void> {
    const { wal, group, words } = this.#options;
    if (this.#mayHaveDecidedAlone()) throw this.#lost(entriesLost(range), "and no other member has it");
    if (wal.groupOf(group).hardState.commitIndex >= range.from) throw this.#lost(entriesLost(range), "it is known committed, and no member has it");
    words.write("warn", `no other member ever had entry ${range.from}: it is cut, with all behind it`, { from: range.from, last: wal.lastIndex(group) });
    this.#mark();
    wal.appendTruncate(group, range.from);
    yield* this.#flushed();
  }

  *#flushed(): Task<void> {
    yield* flushed(this.#options.wal);
    this.#check();
  }

  *#rest(): Task<void> {
    yield* wait<void>((done) => {
      const timer = this.#options.clock.setTimer(ROUND_MS, () => {
        this.#pause = null;
        done(null, undefined);
      });
      this.#pause = { timer, done };
    });
    this.#check();
  }

  #check(): void {
    if (this.#ended) throw new DraftError("STOPPING", "the node ends: its log was not repaired");
  }

  /** All other members that its log knows of, the newest configuration's first. */
  #others(): Member[] {
    const others = new Map<number, Member>();
    for (const { members } of this.#configurations().toReversed()) {
      for (const member of members) if (member.number !== this.#options.identity.memberNumber && !others.has(member.number)) others.set(member.number, member);
    }
    return [...others.values()].sort((a, b) => Number(isWitness(a)) - Number(isWitness(b)));
  }

  #configurations(): readonly Configuration[] {
    return this.#options.log.configurationsSince();
  }

  /** Whether this node alone may have made a majority since what was lost. */
  #mayHaveDecidedAlone(): boolean {
    const self = this.#options.identity.memberNumber;
    return this.#configurations().some((configuration) => {
      const sets = voterSets(configuration);
      return configuration.members.every(({ number }) => number === self || !isVoting(sets, number));
    });
  }

  #lost({ absent, verdict }: Pick<GroupLoss, "absent" | "verdict">, why: string): DraftError {
    const { path, group, damage, wal } = this.#options;
    const what = verdict === "end" ? `what stood behind index ${wal.lastIndex(group)}` : rangesText(absent);
    const [place] = damage.places;
    const where = place === undefined ? "" : `; ${placeText(wal.source.directory, place)}`;
    return new DraftError("DAMAGED", `${what} of group ${group} is lost, ${why}${where}: bring the directory back from a copy; type: ` +
      `draft log check --data ${shellWord(path)}`);
  }
}

function entriesLost(range: EntryRange): Pick<GroupLoss, "absent" | "verdict"> {
  return { verdict: "entries", absent: [range] };
}
