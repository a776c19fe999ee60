/**
 * Runs narrated traces: text in which lines that begin with `#` say why, lines that begin with `>` are commands, and
 * indented lines are what came of them. Nothing happens by itself: each message is delivered, each store completed,
 * each deadline fired by a command, so that any interleaving can be written down.
 *
 * ```text
 * cluster 3 | cluster voter voter learner   members, started, with empty logs
 * preset 2 term 3 vote 0 commit 1 log 1:a 2:b   member 2 starts anew with this on its disk (log: term:label)
 * set option number                         a RaftConfig option; before `cluster`
 * timeout 1 | beat 1 | tick 1 | advance 100 the election deadline of 1 comes; its heartbeat's; whatever is due; time passes
 * deliver 1>2 append | drop … | twice …     the oldest such message (`*` for all, or a name alone for every link)
 * stored 1 [3]                              the stores of 1 (up to number 3) complete
 * propose 1 a b | read 1 r | transfer 1 2   the events
 * change 1 add 4 learn 5 witness 6 remove 2 promote 3 demote 1   wanted of 1: `add` one that is to vote, `learn` one that
 *                                           is not, `witness` one that votes and keeps positions
 * join 4                                    4, which nobody knows yet, starts with an empty log
 * crash 1 | restart 1                       what is not durable is lost
 * elect 1 | settle                          an election of 1; all messages and stores, until nothing is left; only states
 * link 1 2 | unlink 1 2                     the link of 1 to 2 came up; it went down
 * hold 1 | apply 1 | wake 1 ms              1 applies only when told; its machine's moment, in ms after its log time
 * wall 1 ms                                 1's wall clock is ahead by so much
 * checks | differs 2 | restored 2           before `cluster`: machines come to something at check points; 2's to something
 *                                           else from now on; 2 knows no check point before its next
 * state [1] | quiet command                 shows states; runs a command without its output
 * ```
 */
import { chainAfter, EntryKind } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { Checks } from "../../src/machine/checks.ts";
import { foldBits } from "../../src/machine/digest.ts";
import { type MemberChange, wantedConfiguration } from "../../src/raft/configuration_change.ts";
import type { Effect, EventBody, StoreEffect } from "../../src/raft/event.ts";
import { checkState, checkTransition, noteBefore } from "../../src/raft/invariants.ts";
import type { Message } from "../../src/raft/message.ts";
import type { OwnEntry } from "../../src/raft/own_entry.ts";
import { createRaft, currentConfiguration, type RaftState } from "../../src/raft/state.ts";
import { step } from "../../src/raft/step.ts";
import { appendToTrail, createTrail } from "../../src/raft/trail.ts";
import type { HardState, LogEntry, MemberRole } from "../../src/raft/types.ts";
import { decodeVerdict } from "../../src/raft/verdict_entry.ts";
import { CONFIG, GENESIS_CHAIN, membersOf, unstamped, WALL_MS } from "./helpers.ts";
import { effectText, messageText, nameOf, stateText } from "./trace_print.ts";

/** Learners that are to vote have so long to catch up. */
const PROMOTE_WITHIN_MS = 10_000;

interface Node {
  readonly number: number;
  state: RaftState;
  up: boolean;
  boot: number;
  log: LogEntry[];
  disk: { hardState: HardState; entries: LogEntry[] };
  stores: StoreEffect[];
  manualApply: boolean;
  appliedTo: number;
  wakeAtMs: number | null;
  wallAheadMs: number;
  checks: Checks;
  digest: number;
}

/** Runs `text` and returns it with its output as it is now. */
export function runTrace(text: string): string {
  const runner = new Runner();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("  ")) continue;
    lines.push(line);
    if (!line.startsWith(">")) continue;
    runner.out = [];
    try {
      runner.run(line.slice(1).trim().split(/\s+/));
    } catch (error) {
      throw new Error(`${line}: ${(error as Error).message}\n${runner.out.join("\n")}`, { cause: error });
    }
    lines.push(...runner.out);
  }
  return lines.join("\n");
}

class Runner {
  out: string[] = [];
  readonly nodes: Node[] = [];
  wire: Message[] = [];
  nowMs = 0;
  readonly names: Map<number, string> = new Map();
  options: Record<string, number> = {};
  roles: MemberRole[] = [];
  readonly witnesses: Set<number> = new Set();
  hasChecks = false;

  run([command, ...words]: string[]): void {
    const number = Number(words[0]);
    switch (command) {
      case "cluster": return this.cluster(words);
      case "set": this.options[words[0]!] = Number(words[1]); return;
      case "preset": return this.preset(this.node(number), words.slice(1));
      case "timeout": return this.fire(number, this.node(number).state.electionDeadlineMs);
      case "beat": return this.fire(number, this.node(number).state.heartbeatDeadlineMs);
      case "tick": return this.fire(number, this.node(number).state.deadlineMs);
      case "advance": this.nowMs += number; return;
      case "deliver": return this.pick(words, (message) => this.deliver(message));
      case "drop": return this.pick(words, () => {});
      case "twice": return this.pick(words, (message) => { this.deliver(message); this.deliver(message); });
      case "stored": return this.stored(this.node(number), Number(words[1] ?? this.node(number).state.lastStore));
      case "propose": return this.event(number, { type: "propose", entries: words.slice(1).map((name) => this.labelled(name)) });
      case "read": return this.event(number, { type: "read", readId: Number(words[1]), lease: false });
      case "transfer": return this.event(number, { type: "transfer", to: Number(words[1]) });
      case "change": return this.change(number, words.slice(1));
      case "join": return this.join();
      case "crash": this.node(number).up = false; this.wire = this.wire.filter((m) => m.to !== number); return;
      case "restart": return this.restart(this.node(number));
      case "elect": this.quietly(() => this.elect(number)); return this.states();
      case "settle": this.quietly(() => this.settle()); return this.states();
      case "hold": this.node(number).manualApply = true; return;
      case "apply": return this.apply(this.node(number));
      case "wake": this.node(number).wakeAtMs = this.node(number).state.trail.timeMs + Number(words[1]); return this.apply(this.node(number));
      case "wall": this.node(number).wallAheadMs = Number(words[1]); return;
      case "checks": this.hasChecks = true; return;
      case "differs": this.node(number).digest ^= 1; return;
      case "restored": this.node(number).checks = new Checks(1); return;
      case "stalled": return this.event(number, { type: "diskStalled" });
      case "unlink": return this.event(number, { type: "linkDown", peer: Number(words[1]) });
      case "link": return this.event(number, { type: "linkUp", peer: Number(words[1]) });
      case "time": this.out.push(`  ${number}: log time ${this.node(number).state.trail.timeMs - WALL_MS} ms`); return;
      case "state": return this.states(words.length > 0 ? number : 0);
      case "wire": for (const message of this.wire) this.out.push(`  ${messageText(message)}`); return;
      case "quiet": return this.quietly(() => this.run(words));
      default: throw new Error(`unknown command ${command}`);
    }
  }

  node(number: number): Node {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new Error(`no member ${number}`);
    return node;
  }

  cluster(words: readonly string[]): void {
    this.roles = words.length === 1 ? Array.from({ length: Number(words[0]) }, () => "voter") : (words as MemberRole[]);
    for (const _ of this.roles) this.create();
    for (const node of this.nodes) this.restart(node);
  }

  create(): Node {
    const number = this.nodes.length + 1;
    const disk = { hardState: { term: 0, votedFor: 0, commitIndex: 0 }, entries: [] };
    const node: Node = {
      number, up: false, boot: 0, log: [], disk, stores: [], manualApply: false, appliedTo: 0, wakeAtMs: null, wallAheadMs: 0, checks: new Checks(1), digest: 0,
      state: this.recovered(number, disk, 1),
    };
    this.nodes.push(node);
    return node;
  }

  join(): void {
    this.restart(this.create());
  }

  change(number: number, words: readonly string[]): void {
    const changes = Array.from({ length: words.length / 2 }, (_, i): MemberChange => {
      const [type, member] = [words[2 * i]!, Number(words[2 * i + 1])];
      const becomes = { add: "voter", learn: "learner", witness: "witness" }[type] as MemberRole | undefined;
      if (becomes === undefined) return { type: type as "remove", member };
      if (becomes === "witness") this.witnesses.add(member);
      return { type: "add", id: `n${member}`, address: "", incarnation: 100 + member, becomes };
    });
    const configuration = wantedConfiguration(currentConfiguration(this.node(number).state), changes);
    if (configuration === null) throw new Error("no such member");
    this.event(number, { type: "changeMembership", configuration, promoteWithinMs: PROMOTE_WITHIN_MS, force: false });
  }

  recovered(number: number, disk: Node["disk"], bootId: number): RaftState {
    const trail = createTrail({ index: 0, term: 0, chain: GENESIS_CHAIN }, 0);
    const configurations = [membersOf(this.roles)];
    for (const entry of disk.entries) {
      appendToTrail(trail, entry);
      if (entry.configuration !== null) configurations.push(entry.configuration);
    }
    const witness = this.roles[number - 1] === "witness" || this.witnesses.has(number);
    const config = { ...CONFIG, ...this.options, self: number, incarnation: 100 + number, bootId, witness, seed: number };
    return createRaft(config, { hardState: disk.hardState, trail, configurations, snapshotIndex: 0, editNumber: 0 });
  }

  restart(node: Node): void {
    node.boot += 1;
    node.up = true;
    node.stores = [];
    node.log = [...node.disk.entries];
    node.appliedTo = 0;
    node.checks = new Checks(1);
    node.digest = 0;
    node.state = this.recovered(node.number, node.disk, node.boot);
    this.event(node.number, { type: "start" });
  }

  preset(node: Node, words: readonly string[]): void {
    const value = (name: string): number => (words.includes(name) ? Number(words[words.indexOf(name) + 1]) : 0);
    const labels = words.includes("log") ? words.slice(words.indexOf("log") + 1) : [];
    let chain = GENESIS_CHAIN;
    node.disk.entries = labels.map((label, i) => {
      const [term, name] = label.split(":") as [string, string];
      const entry = { ...this.labelled(name), index: i + 1, term: Number(term) };
      entry.chain = chainAfter(chain, entry);
      ({ chain } = entry);
      return entry;
    });
    node.disk.hardState = { term: value("term"), votedFor: value("vote"), commitIndex: value("commit") };
    this.restart(node);
  }

  labelled(name: string): LogEntry {
    let sum = 0;
    for (const character of name) sum = (sum * 131 + character.codePointAt(0)!) >>> 0;
    this.names.set(sum, name);
    return unstamped(sum);
  }

  fire(number: number, atMs: number): void {
    this.nowMs = Math.max(this.nowMs, atMs);
    this.event(number, { type: "deadline" });
  }

  event(number: number, body: EventBody): void {
    const node = this.node(number);
    if (!node.up) return;
    const before = noteBefore(node.state);
    const effects = [...step(node.state, { ...body, nowMs: this.nowMs, wallMs: WALL_MS + this.nowMs + node.wallAheadMs })];
    checkState(node.state);
    checkTransition(before, node.state);
    const sent = this.wire.length;
    for (const effect of effects) this.perform(node, effect);
    for (let i = sent; i < this.wire.length; i++) this.wire[i] = this.withEntries(node, this.wire[i]!);
    if (!node.manualApply && node.appliedTo < node.state.applyRequested) this.apply(node);
  }

  perform(node: Node, effect: Effect): void {
    this.out.push(...effectText(node.number, effect, this.names).split("\n"));
    if (effect.type === "send") this.wire.push(effect.message);
    if (effect.type !== "store") return;
    if (effect.truncateFrom > 0) node.log.length = effect.truncateFrom - 1;
    node.log.push(...effect.entries);
    node.stores.push(effect);
  }

  stored(node: Node, store: number): void {
    while ((node.stores[0]?.store ?? Infinity) <= store) {
      const effect = node.stores.shift()!;
      if (effect.hardState !== null) node.disk.hardState = effect.hardState;
      if (effect.truncateFrom > 0) node.disk.entries.length = effect.truncateFrom - 1;
      node.disk.entries.push(...effect.entries);
      for (const message of effect.messages) {
        this.out.push(`  ${messageText(message)}`);
        this.wire.push(this.withEntries(node, message));
      }
    }
    this.event(node.number, { type: "stored", store });
  }

  apply(node: Node): void {
    const from = node.appliedTo;
    node.appliedTo = node.state.applyRequested;
    if (this.hasChecks && !this.check(node, from)) return;
    this.event(node.number, { type: "applied", index: node.appliedTo, wakeAtMs: node.wakeAtMs });
    if (!node.checks.hasNews) return;
    node.checks.hasNews = false;
    this.event(node.number, { type: "checked", ...node.checks.newest, unjudgedSinceMs: node.checks.unjudgedSinceMs });
  }

  /** What the applier does at each entry; false if the member stops. */
  check(node: Node, from: number): boolean {
    for (const entry of node.log.slice(from, node.appliedTo)) {
      node.digest = foldBits(node.digest, entry.payloadSum);
      if (!Checks.isPoint(entry.kind)) {
        if (entry.kind !== EntryKind.time) node.checks.used(entry.index, entry.timeMs);
        continue;
      }
      node.checks.passed({ index: entry.index, digest: node.digest >>> 0 });
      if (entry.kind !== EntryKind.verdict) continue;
      const verdict = decodeVerdict((entry as OwnEntry).payload);
      try {
        node.checks.judge((entry as OwnEntry).payload, entry.timeMs);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        this.out.push(`  ${node.number}: STOPS at ${entry.index}`);
        node.up = false;
        this.wire = this.wire.filter((message) => message.to !== node.number && message.from !== node.number);
        return false;
      }
      if (verdict.outcome === "split") this.out.push(`  ${node.number}: ALARM at ${entry.index}`);
    }
    return true;
  }

  /** The oldest message on a link with a name; `*` takes all of them; either may be left out. */
  pick(words: string[], act: (message: Message) => void): void {
    const all = words.includes("*");
    const link = words.find((word) => word.includes(">"));
    const name = words.find((word) => word !== "*" && !word.includes(">"));
    const fits = (m: Message): boolean => (link === undefined || `${m.from}>${m.to}` === link) && (name === undefined || nameOf(m) === name);
    const found = this.wire.filter(fits).slice(0, all ? undefined : 1);
    if (found.length === 0 && !all) throw new Error("no such message");
    this.wire = this.wire.filter((message) => !found.includes(message));
    for (const message of found) act(message);
  }

  deliver(message: Message): void {
    this.event(message.to, { type: "receive", message });
  }

  /** What a group does when its core sends an append. */
  withEntries(node: Node, message: Message): Message {
    if (message.type !== "appendRequest") return message;
    const entries = node.log.slice(message.prevLogIndex, message.lastIndex).map((entry) => ({ ...entry }));
    return { ...message, entries };
  }

  elect(number: number): void {
    this.fire(number, this.node(number).state.electionDeadlineMs);
    this.settle();
  }

  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      for (const node of this.nodes) if (node.up && node.stores.length > 0) this.stored(node, node.state.lastStore);
      const message = this.wire.shift();
      if (message !== undefined) this.deliver(message);
      else if (this.nodes.every((node) => !node.up || node.stores.length === 0)) return;
    }
    throw new Error("it never settles");
  }

  states(number: number = 0): void {
    for (const node of this.nodes) {
      if (number !== 0 && node.number !== number) continue;
      this.out.push(node.up ? stateText(node.state, node.log, this.names) : `  ${node.number}: down`);
    }
  }

  quietly(run: () => void): void {
    const { out } = this;
    this.out = [];
    run();
    this.out = out;
  }
}
