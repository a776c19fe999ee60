/**
 * Clients of a simulated cluster: they write, read and count at random nodes while faults happen, and check in the end
 * that everybody was told the truth.
 */
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import type { Outcome, SimNodes } from "./sim_nodes.ts";

interface Write {
  readonly key: string;
  readonly outcome: Outcome;
}

interface Read {
  readonly outcome: Outcome;
  /** The newest revision that somebody had been told of when the read began. */
  readonly atLeast: number;
}

/** Clients. */
export class Workload {
  readonly #nodes: SimNodes;
  readonly #random: RandomState;
  readonly #writes: Write[] = [];
  readonly #registers: Outcome[] = [];
  readonly #counts: Outcome[] = [];
  readonly #reads: Read[] = [];
  /** Value of the register by revision. */
  readonly #values: Map<number, string> = new Map();
  #told = 0;
  #running = false;
  #next = 1;

  constructor(nodes: SimNodes) {
    this.#nodes = nodes;
    this.#random = seedRandom(nodes.seed * 7 + 5);
  }

  /** Requests come every so often, in milliseconds. */
  start(everyMs: number): void {
    this.#running = true;
    const tick = (): void => {
      if (!this.#running) return;
      this.#request();
      this.#nodes.scheduler.after(everyMs, tick);
    };
    tick();
  }

  stop(): void {
    this.#running = false;
  }

  /** Writes that were acknowledged so far. */
  get acked(): number {
    return this.#writes.filter(({ outcome }) => outcome.result !== null && !(outcome.result instanceof DraftError)).length;
  }

  get linearizableReads(): number {
    return this.#reads.filter(({ outcome }) => outcome.result !== null && !(outcome.result instanceof DraftError)).length;
  }

  /** Outcomes of the writes that failed, with their codes. */
  get failures(): string[] {
    return [...this.#writes, ...this.#registers.map((outcome) => ({ outcome }))].flatMap(({ outcome }) =>
      outcome.result instanceof DraftError ? [`${outcome.result.code} ${outcome.result.outcome}`] : []);
  }

  #request(): void {
    const running = [...this.#nodes.nodes.values()].filter((node) => node.server !== null);
    const some = running[nextInRange(this.#random, 0, running.length - 1)];
    if (some === undefined) return;
    const leaders = running.filter((node) => node.server?.node.groups.get("main")?.state.role === "leader");
    const leader = leaders[nextInRange(this.#random, 0, Math.max(0, leaders.length - 1))] ?? some;
    const number = this.#next++;
    const kind = nextInRange(this.#random, 0, 4);
    if (kind < 2) this.#writes.push({ key: `w${number}`, outcome: this.#nodes.propose(leader.id, ["set", `w${number}`, `v${number}`], 3000) });
    else if (kind === 2) this.#registers.push(this.#noted(this.#nodes.propose(leader.id, ["set", "register", `v${number}`], 3000)));
    else if (kind === 3) this.#counts.push(this.#nodes.propose(leader.id, ["incr", "count"], 3000));
    else this.#read(some.id);
  }

  #noted(outcome: Outcome): Outcome {
    // Answers come later, and are looked at before the next request: what a client was told by then, others may see.
    this.#nodes.scheduler.after(0, () => this.#collect());
    return outcome;
  }

  #collect(): void {
    for (const { result } of this.#registers) if (result !== null && "index" in result) this.#told = Math.max(this.#told, result.index);
    for (const { outcome } of this.#reads) this.#told = Math.max(this.#told, revisionOf(outcome));
  }

  #read(id: string): void {
    this.#collect();
    this.#reads.push({ atLeast: this.#told, outcome: this.#nodes.read(id, ["getrev", "register"], { timeoutMs: 2000 }) });
  }

  /** Heals everything, starts who is down, and checks what everybody was told against what there is. */
  check(): void {
    const nodes = this.#nodes;
    this.stop();
    nodes.net.healAll();
    for (const node of nodes.nodes.values()) {
      node.disk.fault = () => null;
      node.disk.release();
      node.gate.release();
      if (node.server === null) nodes.start(node.id);
    }
    nodes.run(3000);
    this.#checkReads();
    const leader = nodes.awaitLeader().id;
    const found = nodes.read(leader, ["mget", ...this.#writes.map(({ key }) => key)]);
    nodes.until("an answer to mget", () => found.result !== null);
    if (found.result instanceof DraftError) throw found.result;
    const values = found.result?.reply as readonly unknown[];
    for (const [at, { key, outcome }] of this.#writes.entries()) {
      const there = values[at] !== null && values[at] !== undefined;
      if (outcome.result === null) continue;
      if (!(outcome.result instanceof DraftError)) assert.ok(there, `${key} was acknowledged and is lost`);
      else if (outcome.result.outcome === "not-done") assert.not.ok(there, `${key} was told not-done (${outcome.result.message}) and is there`);
    }
    this.#checkCount(Number(read(nodes, leader, ["get", "count"]) ?? 0));
    checkReplicas(nodes);
  }

  #checkCount(value: number): void {
    const acked = this.#counts.filter(({ result }) => result !== null && !(result instanceof DraftError)).length;
    const unknown = this.#counts.filter(({ result }) => result === null || (result instanceof DraftError && result.outcome === "unknown")).length;
    assert.ok(acked <= value && value <= acked + unknown, `count ${value}: ${acked} acknowledged, ${unknown} unknown`);
  }

  #checkReads(): void {
    for (const { outcome, atLeast } of this.#reads) {
      const { result } = outcome;
      if (result === null) continue;
      if (result instanceof DraftError) {
        assert.is(result.outcome, "not-done", `a read: ${result.message}`);
        continue;
      }
      const revision = revisionOf(outcome);
      assert.ok(revision >= atLeast, `a read saw revision ${revision}, ${atLeast} was known before it began`);
      if (result.reply === null) continue;
      const value = String((result.reply as readonly unknown[])[0]);
      assert.is(this.#values.get(revision) ?? value, value, "a revision has one value");
      this.#values.set(revision, value);
    }
  }
}

function revisionOf({ result }: Outcome): number {
  if (result === null || result instanceof DraftError || !Array.isArray(result.reply)) return 0;
  return Number((result.reply as readonly unknown[])[1]);
}

/** A linearizable read that must be answered. */
export function read(nodes: SimNodes, id: string, command: readonly [string, ...unknown[]]): unknown {
  const outcome = nodes.read(id, command);
  nodes.until(`an answer to ${command.join(" ")}`, () => outcome.result !== null);
  if (outcome.result instanceof DraftError) throw outcome.result;
  const { reply } = outcome.result as { reply: unknown };
  return reply instanceof Uint8Array ? new TextDecoder().decode(reply) : (reply ?? null);
}

/** A write that must be acknowledged. */
export function write(nodes: SimNodes, id: string, command: readonly [string, ...unknown[]]): number {
  const outcome = nodes.propose(id, command);
  nodes.until(`an answer to ${command.join(" ")}`, () => outcome.result !== null);
  if (outcome.result instanceof DraftError) throw outcome.result;
  return (outcome.result as { index: number }).index;
}

/** All that run hold the same state in the end. */
export function checkReplicas(nodes: SimNodes): void {
  const mains = (): { index: number; hash: string }[] => [...nodes.nodes.values()].flatMap(({ server }) => {
    const main = server?.node.groups.get("main");
    return main === undefined || main.state.config.witness ? [] : [{ index: main.applier.lastApplied.index, hash: `${main.applier.stateHash()} ${main.applier.digest}` }];
  });
  nodes.until("equal applied indexes", () => new Set(mains().map(({ index }) => index)).size === 1);
  const hashes = new Set(mains().map(({ hash }) => hash));
  assert.is(hashes.size, 1, `states differ: ${[...hashes].join(", ")}`);
}
