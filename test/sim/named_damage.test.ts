import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { DurableClaims } from "../../src/sim/durable_claims.ts";
import { NamedDamage } from "../../src/sim/named_damage.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { type MarkFile, openMark } from "../../src/wal/mark.ts";
import { Hand, next, rejects } from "./properties/hand.ts";

const RULE = "damage is named";
const MARK = "/n1/wal/mark";

/** A machine whose processes write real mark files, and whose core says what the test wants. */
class Machine {
  readonly rule: NamedDamage;
  readonly claims: DurableClaims = new DurableClaims();
  readonly disk: SimDisk;
  readonly #scheduler: Scheduler = new Scheduler();
  readonly #hand: Hand = new Hand("");
  readonly #it: SimMachine;
  readonly #log: LogEntry[] = [];
  #file: MarkFile | null = null;

  constructor() {
    this.rule = new NamedDamage(this.claims);
    this.disk = new SimDisk(this.#scheduler, { seed: 1 });
    this.disk.seen = (call) => this.rule.diskCall(this.#it, call);
    for (const directory of ["/n1", "/n1/wal"]) this.disk.names.set(directory, "directory");
    for (const directory of ["/", "/n1"]) this.disk.names.sync(directory);
    this.#it = Object.assign(this.#hand.member(1), { disk: this.disk, isSilentlyLost: false, forgiven: true }) as unknown as SimMachine;
    let last: LogEntry | null = null;
    for (let index = 1; index <= 9; index++) this.#log.push(last = next(last, 1));
  }

  set isSilentlyLost(is: boolean) {
    this.#it.isSilentlyLost = is;
  }

  /** A process starts, writes its first mark before its core is there, and finds a log to `lastIndex`. */
  start(lastIndex: number): void {
    this.#it.state = null;
    const opened = this.#run(openMark(this.disk.boot(), "/n1/wal", 7, true));
    this.#file = opened.file;
    this.mark();
    this.#hand.open(1, { term: 1, log: this.#log.slice(0, lastIndex) });
    this.rule.opened(this.#it);
    this.durable(lastIndex);
  }

  /** The directory is gone. */
  forget(): void {
    this.rule.forget(this.#it, 1);
  }

  /** The core believes that its log is durable to there. */
  durable(index: number): void {
    const { state } = this.#it;
    if (state === null) throw new Error("no process runs");
    Object.assign(state, { durableTerm: 1, durableIndex: index });
    this.claims.stepped(this.#it);
    this.rule.stepped(this.#it);
  }

  /** The log marks what is durable. */
  mark(): void {
    const file = this.#file as MarkFile;
    this.#run(wait<void>((done) => file.write({ batch: 0, sequence: 0, offset: 0, firstSegment: 1 }, done)));
  }

  #run<T>(task: Task<T>): T {
    const result: { value?: T; error: Error | null } = { error: null };
    runTask(task, (...[error, value]) => Object.assign(result, { error, value }));
    while (this.#scheduler.step());
    if (result.error !== null) throw result.error;
    return result.value as T;
  }
}

/** A process whose mark vouches for what was durable to index 5; 6 came later. */
function marked(): Machine {
  const machine = new Machine();
  machine.start(3);
  machine.durable(5);
  machine.mark();
  machine.durable(6);
  machine.disk.crash();
  return machine;
}

test("what the mark vouches for is there, or the start is refused", () => {
  marked().start(6);
  marked().start(5);
  rejects(RULE, /n1 had index 5 durable and found 4: mark 3 vouched for it, and it starts all the same/, () => marked().start(4));
});

test("only the mark that was found vouches: the newer slot may have been lost", () => {
  const machine = marked();
  const content = machine.disk.content(MARK) as Uint8Array;
  // Marks 1 and 3 stand in the second slot, 2 in the first: what it vouches for is what was known before the core began.
  machine.disk.overwrite(MARK, content.map((byte, at) => at === 4096 + 20 ? byte ^ 1 : byte));
  machine.start(3);
});

test("a mark vouches for what was durable when it was made, however late and in how many pieces it is written", () => {
  const machine = new Machine();
  machine.start(3);
  machine.durable(5);
  let writes = 0;
  machine.disk.fault = ({ kind }) => {
    if (kind !== "write") return null;
    writes += 1;
    if (writes > 1) return null;
    // The rest is written when more is durable already.
    machine.durable(7);
    return { shortBytes: 14 };
  };
  machine.mark();
  assert.is(writes, 2);
  machine.disk.fault = () => null;
  machine.disk.crash();
  machine.start(5);
});

test("what another leader's entries replaced is not owed", () => {
  const machine = marked();
  machine.start(6);
  machine.durable(8);
  machine.mark();
  machine.durable(4);
  machine.disk.crash();
  rejects(RULE, /had index 4 durable and found 3/, () => machine.start(3));
  machine.start(4);
});

test("a disk that lied, lost or misplaced what was written shows no damage that could be named", () => {
  const machine = marked();
  machine.isSilentlyLost = true;
  machine.start(2);
});

test("a directory that was lost is let in nowhere", () => {
  const machine = marked();
  machine.rule.forget({} as SimMachine, 1);
  machine.start(6);
  machine.disk.crash();
  const lost = new Machine();
  lost.start(3);
  lost.forget();
  rejects(RULE, /n1 lost its directory, and is let into the cluster as the one it was/, () => lost.start(3));
});

test.run();
