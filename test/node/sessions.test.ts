/** Sessions on whole nodes: whoever leads, and whatever befell him, a command that is sent again runs once. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import counter from "../../plugins/counter/counter.ts";
import { DraftError } from "../../src/base/errors.ts";
import { encodeCommand, sessionBytes } from "../../src/machine/command.ts";
import type { Command } from "../../src/machine/machine.ts";
import type { Answer } from "../../src/node/node_api.ts";
import { openConnection } from "../../src/client/open_connection.ts";
import type { Connection } from "../../src/client/connection.ts";
import { SimClock } from "../../src/sim/sim_clock.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import { type Outcome, SimNodes } from "./sim_nodes.ts";
import { checkReplicas, read } from "./workload.ts";

const IDS = ["a", "b", "c"];
const TEN_MINUTES = 600_000;

function founded(seed: number): SimNodes {
  const nodes = new SimNodes({ seed, ids: IDS, plugin: counter });
  nodes.startAll();
  nodes.awaitLeader();
  return nodes;
}

function settled(nodes: SimNodes, outcome: Outcome): Answer | DraftError {
  nodes.until("an answer", () => outcome.result !== null);
  return outcome.result as Answer | DraftError;
}

/** Opens a session at the node that leads. */
function opened(nodes: SimNodes, ordered: boolean = false): string {
  const outcome: Outcome = { result: null };
  nodes.awaitLeader().server!.requests.changeSession("main", { type: "open", ordered }, 5000, (result) => (outcome.result = result));
  const answer = settled(nodes, outcome);
  if (answer instanceof DraftError) throw answer;
  return String(answer.reply);
}

/** A numbered command, its bytes as they are sent each time. */
function numbered(session: string, sequence: number, command: Command = ["add", 1]): Uint8Array {
  return new Uint8Array(encodeCommand(command, { session: sessionBytes(session), sequence, answeredBelow: 1 }));
}

/** Sends it to the node that leads, and awaits the answer. */
function sent(nodes: SimNodes, envelope: Uint8Array): Answer | DraftError {
  const outcome: Outcome = { result: null };
  nodes.awaitLeader().server!.requests.propose("main", envelope, 5000, (result) => (outcome.result = result));
  return settled(nodes, outcome);
}

function codeOf(answer: Answer | DraftError): string {
  return answer instanceof DraftError ? `${answer.code} ${answer.outcome}` : "done";
}

/** What replicas have at the same index is the same: states, digests, and sessions. */
function assertEqual(nodes: SimNodes): void {
  checkReplicas(nodes);
  const hashes = IDS.map((id) => nodes.node(id).server!.node.groups.get("main")!.applier.sessions.hash());
  assert.is(new Set(hashes).size, 1);
}

test("X01: the same command again: at the same leader, at a new one, after all were restarted", () => {
  const nodes = founded(1);
  const session = opened(nodes);
  const envelope = numbered(session, 1);
  const first = sent(nodes, envelope);
  assert.equal((first as Answer).reply, 1);
  assert.equal(sent(nodes, envelope), first);
  const leader = nodes.awaitLeader().id;
  nodes.kill(leader);
  assert.is.not(nodes.awaitLeader().id, leader);
  assert.equal(sent(nodes, envelope), first);
  nodes.start(leader);
  for (const id of IDS) nodes.crash(id);
  for (const id of IDS) nodes.start(id);
  assert.equal(sent(nodes, envelope), first);
  assert.is((sent(nodes, numbered(session, 2)) as Answer).reply, 2);
  assert.is(read(nodes, nodes.awaitLeader().id, ["total"]), 2);
  assertEqual(nodes);
});

test("X01: a write that a dying leader took, and another one committed, is answered by that one", () => {
  const nodes = founded(2);
  const session = opened(nodes);
  const envelope = numbered(session, 1);
  const leader = nodes.awaitLeader().id;
  // The entry reaches the others, their answers do not come back.
  for (const id of IDS) if (id !== leader) nodes.net.cut(id, leader);
  nodes.node(leader).server!.requests.propose("main", envelope, 60_000, () => {});
  nodes.run(50);
  nodes.kill(leader);
  nodes.net.healAll();
  assert.is((sent(nodes, envelope) as Answer).reply, 1);
  assert.is((sent(nodes, envelope) as Answer).reply, 1);
  nodes.start(leader);
  assertEqual(nodes);
});

test("X04: ten minutes of log time without use, and the session is gone everywhere; it is refused, not run", () => {
  const nodes = founded(3);
  const [used, unused] = [opened(nodes), opened(nodes)];
  assert.is(codeOf(sent(nodes, numbered(unused, 1))), "done");
  for (const id of IDS) nodes.node(id).clock.jump(TEN_MINUTES - 60_000);
  assert.is(codeOf(sent(nodes, numbered(used, 1))), "done");
  // One wall clock that is ahead expires nothing; two of three are a majority.
  nodes.node("a").clock.jump(TEN_MINUTES);
  assert.is(codeOf(sent(nodes, numbered(used, 2))), "done");
  assert.is(codeOf(sent(nodes, numbered(unused, 1))), "done");
  for (const id of IDS) nodes.node(id).clock.jump(TEN_MINUTES + 60_000);
  nodes.run(2000);
  assert.is(codeOf(sent(nodes, numbered(unused, 1))), "SESSION_EXPIRED unknown");
  assert.is(codeOf(sent(nodes, numbered(used, 3))), "SESSION_EXPIRED unknown");
  assert.is(read(nodes, nodes.awaitLeader().id, ["total"]), 3);
  assertEqual(nodes);
});

test("X08: another payload under a sequence, a session that nobody opened, one that was closed", () => {
  const nodes = founded(4);
  const session = opened(nodes);
  sent(nodes, numbered(session, 1));
  assert.is(codeOf(sent(nodes, numbered(session, 1, ["add", 5]))), "BAD_REQUEST not-done");
  assert.is(codeOf(sent(nodes, numbered("f".repeat(32), 1))), "SESSION_EXPIRED unknown");
  assert.is(codeOf(sent(nodes, numbered(session, 0))), "BAD_REQUEST not-done");
  const closed: Outcome = { result: null };
  nodes.awaitLeader().server!.requests.changeSession("main", { type: "close", session }, 5000, (result) => (closed.result = result));
  assert.is((settled(nodes, closed) as Answer).reply, true);
  assert.is(codeOf(sent(nodes, numbered(session, 1))), "SESSION_EXPIRED unknown");
  assert.is(read(nodes, nodes.awaitLeader().id, ["total"]), 1);
});

/** Sends each command of an ordered session through one node until it is done, several at once. */
class OrderedClient {
  readonly done: Map<number, number> = new Map();
  readonly #nodes: SimNodes;
  readonly #session: string;
  readonly #member: string;
  #connection: Connection | null = null;

  constructor(nodes: SimNodes, session: string, member: string) {
    this.#nodes = nodes;
    this.#session = session;
    this.#member = member;
    this.#open();
  }

  #open(): void {
    const ports = { clock: new SimClock(this.#nodes.scheduler), net: this.#nodes.net.host("client1") };
    const options = { clientName: "client1", clusterId: "", forwarded: false, openTimeoutMs: 1000 };
    openConnection(ports, `${this.#member}:${SIM_PORT}`, options, (...[, connection]) => (this.#connection = connection));
  }

  send(sequence: number): void {
    const again = (): void => void this.#nodes.scheduler.after(7, () => this.send(sequence));
    if (this.done.has(sequence)) return;
    if (this.#connection === null) return again();
    this.#connection.write("main", numbered(this.#session, sequence, ["add", sequence]), 400, (error, _, reply) => {
      if (error === null) this.done.set(sequence, Number(reply));
      else again();
    });
  }
}

test("D15: an ordered session through a follower, the leader changes between its writes: in their order, each once", () => {
  const nodes = founded(5);
  const session = opened(nodes, true);
  const follower = IDS.find((id) => id !== nodes.awaitLeader().id)!;
  const client = new OrderedClient(nodes, session, follower);
  const count = 60;
  for (let sequence = 1; sequence <= count; sequence++) {
    // Not in their order, and each twice.
    client.send(sequence % 2 === 0 ? sequence - 1 : Math.min(sequence + 1, count));
    client.send(sequence);
    nodes.run(3);
    if (sequence % 15 !== 0) continue;
    const leader = nodes.awaitLeader().id;
    if (leader === follower) continue;
    nodes.kill(leader);
    nodes.run(1500);
    nodes.start(leader);
  }
  nodes.until("all are done", () => client.done.size === count, 60_000);
  for (let sequence = 1; sequence <= count; sequence++) assert.is(client.done.get(sequence), sequence * (sequence + 1) / 2);
  assertEqual(nodes);
});

test.run();
