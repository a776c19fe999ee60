/** A backup goes through the log of whole nodes: all of them become what it holds, or none does. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import queue from "../../plugins/queue/queue.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Command } from "../../src/machine/machine.ts";
import type { RestoreAsk } from "../../src/net/backup_request.ts";
import type { Answer } from "../../src/node/node_api.ts";
import { SimEngine } from "../../src/sim/sim_engine.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { statusOf } from "./asked.ts";
import { type Outcome, SimNodes } from "./sim_nodes.ts";
import { checkReplicas } from "./workload.ts";

const IDS = ["a", "b", "c"];
const PIECE_BYTES = 200;

interface FoundedOptions {
  readonly plugin?: typeof kv;
  readonly engines?: boolean;
  readonly flags?: Readonly<Record<string, string>>;
}

/** Machines are restored behind promises, which have their turn between two steps of the cluster. */
async function until(nodes: SimNodes, what: string, condition: () => boolean, limitMs: number = 60_000): Promise<void> {
  const endMs = nodes.scheduler.nowMs + limitMs;
  while (!condition()) {
    if (nodes.scheduler.nowMs >= endMs) throw new Error(`not within ${limitMs} ms: ${what}\n${nodes.story()}`);
    nodes.run(5);
    await new Promise((done) => setImmediate(done));
  }
}

async function leaderOf(nodes: SimNodes): Promise<SimMachine> {
  await until(nodes, "a leader", () => nodes.leader() !== null);
  return nodes.leader() as SimMachine;
}

async function founded(seed: number, { plugin = kv, engines = false, flags = {} }: FoundedOptions = {}): Promise<SimNodes> {
  const nodes = new SimNodes({
    seed, ids: IDS, plugin, flags,
    machine: (id) => (engines ? { engine: new SimEngine(seed + IDS.indexOf(id)) } : {}),
  });
  nodes.startAll();
  await leaderOf(nodes);
  return nodes;
}

async function settled(nodes: SimNodes, outcome: Outcome): Promise<Answer | DraftError> {
  await until(nodes, "an answer", () => outcome.result !== null);
  return outcome.result as Answer | DraftError;
}

async function run(nodes: SimNodes, command: Command): Promise<Answer> {
  const answer = await settled(nodes, nodes.propose((await leaderOf(nodes)).id, command));
  if (answer instanceof DraftError) throw answer;
  return answer;
}

async function read(nodes: SimNodes, id: string, command: Command): Promise<Answer> {
  const answer = await settled(nodes, nodes.read(id, command));
  if (answer instanceof DraftError) throw answer;
  return answer;
}

interface Backup {
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly hash: string;
}

/** What the node's newest snapshot holds, as a backup would copy it. */
async function backupOf(nodes: SimNodes, id: string): Promise<Backup> {
  const { server, disk } = nodes.node(id);
  let index: number | DraftError | null = null;
  server!.requests.snapshot("main", (result) => (index = result));
  await until(nodes, "a snapshot", () => index !== null);
  if ((index as unknown) instanceof DraftError) throw index as unknown as DraftError;
  const main = server!.node.groups.get("main")!;
  const directory = `/${id}/snapshots/1`;
  const [name = ""] = disk.names.list(directory).filter((each) => each.endsWith(".snap"));
  return { bytes: disk.content(`${directory}/${name}`) as Uint8Array, index: index as unknown as number, hash: main.applier.stateHash() };
}

/** A cluster that wrote `keys` keys twice, so that its indexes are high and its backup is small. */
async function written(keys: number, options: FoundedOptions = {}): Promise<Backup> {
  const nodes = await founded(7, options);
  for (let key = 0; key < 2 * keys; key++) await run(nodes, ["set", `k${key % keys}`, `value ${key} `.padEnd(40, "x")]);
  return backupOf(nodes, (await leaderOf(nodes)).id);
}

function ask(machine: SimMachine, piece: RestoreAsk, timeoutMs: number = 5000): Outcome {
  const outcome: Outcome = { result: null };
  machine.server!.requests.restore("main", piece, timeoutMs, (result) => (outcome.result = result));
  return outcome;
}

/** Every piece, and the word that they are all there. */
function piecesOf(bytes: Uint8Array, attempt: number): RestoreAsk[] {
  const id = new Uint8Array(16).fill(attempt);
  const pieces: RestoreAsk[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    pieces.push({ id, sequence: pieces.length, total: bytes.length, bytes: bytes.slice(at, at + PIECE_BYTES), step: "piece" });
  }
  return [...pieces, { id, sequence: pieces.length, total: bytes.length, bytes: new Uint8Array(0), step: "last" }];
}

/** Sends each piece until it is answered, as the command does, to whoever leads then. */
async function send(nodes: SimNodes, bytes: Uint8Array, attempt: number): Promise<Answer | DraftError> {
  let answer: Answer | DraftError = { index: 0, reply: null };
  for (const piece of piecesOf(bytes, attempt)) {
    do {
      const leader = (await leaderOf(nodes));
      answer = await settled(nodes, ask(leader, piece));
    } while (answer instanceof DraftError && ["LOST", "TIMEOUT", "NO_LEADER", "NOT_LEADER", "STOPPING"].includes(answer.code));
    if (answer instanceof DraftError) return answer;
  }
  return answer;
}

/** Waits until all have applied the same, and compares what they hold. */
async function checkEqual(nodes: SimNodes): Promise<void> {
  const applied = (): unknown[] => IDS.map((id) => nodes.node(id).server?.node.groups.get("main")?.applier.readableIndex);
  await until(nodes, "all have applied the same", () => new Set(applied()).size === 1 && (applied()[0] as number) >= 0);
  checkReplicas(nodes);
}

async function assertRestored(nodes: SimNodes, { hash }: Backup): Promise<void> {
  await checkEqual(nodes);
  for (const id of IDS) assert.is(nodes.node(id).server!.node.groups.get("main")!.applier.stateHash(), hash, `${id} holds what the backup holds`);
}

test("every member becomes what the backup holds; indexes and revisions go on where it ended, restarts included", async () => {
  const backup = await written(30);
  const nodes = await founded(1);
  const done = await send(nodes, backup.bytes, 1);
  assert.not.instance(done, DraftError);
  assert.is((done as Answer).index, backup.index, "the answer names the index of the backup");
  await assertRestored(nodes, backup);
  for (const id of IDS) assert.is(statusOf(nodes, id).groups[0]?.appliedIndex, statusOf(nodes, "a").groups[0]?.appliedIndex);
  const { index } = await run(nodes, ["set", "k1", "new"]);
  assert.ok(index > backup.index, "an index is given once only, restored or not");
  for (let turn = 0; turn < 3; turn++) {
    for (const id of IDS) assert.equal((await read(nodes, id, ["getrev", "k1"])).reply, ["new", index], `${id} in turn ${turn}`);
    const waiting = await settled(nodes, nodes.read("a", ["get", "k1"], { level: "stale", minIndex: index }));
    assert.is((waiting as Answer).reply, "new");
    for (const id of IDS) nodes.node(id).crash();
    nodes.startAll();
    await leaderOf(nodes);
  }
  const refused = await send(nodes, backup.bytes, 2);
  assert.is((refused as DraftError).code, "CONFLICT");
});

test("a backup of a restored cluster counts on in the next one", async () => {
  const first = await written(30);
  const nodes = await founded(2);
  await send(nodes, first.bytes, 1);
  const { index } = await run(nodes, ["set", "k1", "new"]);
  await checkEqual(nodes);
  const second = await backupOf(nodes, "b");
  assert.is(second.index, index);
  const next = await founded(3);
  assert.is(((await send(next, second.bytes, 1)) as Answer).index, index);
  await assertRestored(next, second);
  assert.equal((await read(next, "c", ["getrev", "k1"])).reply, ["new", index]);
});

test("a group that applied a command, or opened a session, takes no backup: before and within the log", async () => {
  const backup = await written(5);
  const nodes = await founded(4);
  // The leader takes the pieces while nothing is applied, and the command comes between them.
  const pieces = piecesOf(backup.bytes, 1);
  for (const piece of pieces.slice(0, 2)) assert.not.instance(await settled(nodes, ask((await leaderOf(nodes)), piece)), DraftError);
  await run(nodes, ["set", "mine", "kept"]);
  for (const piece of pieces.slice(2)) assert.is(((await settled(nodes, ask((await leaderOf(nodes)), piece))) as DraftError).code, "CONFLICT");
  assert.is(((await settled(nodes, ask((await leaderOf(nodes)), { ...(pieces[0] as RestoreAsk), step: "begin" }))) as DraftError).code, "CONFLICT");
  await checkEqual(nodes);
  assert.is((await read(nodes, "b", ["get", "mine"])).reply, "kept");
  assert.is((await backupOf(nodes, "c")).index > 0, true, "snapshots are taken again");
});

test("a backup that was cut, has a flipped bit, or is of another machine or a later version, is refused alike by all, and the next one is taken", async () => {
  const backup = await written(8);
  const queues = await founded(9, { plugin: queue as unknown as typeof kv });
  await run(queues, ["push", "q", "body"]);
  const other = await backupOf(queues, (await leaderOf(queues)).id);
  const nodes = await founded(5);
  const newer = await written(3, { plugin: { ...kv, version: 2 } });
  const broken: Uint8Array[] = [other.bytes, newer.bytes];
  for (let at = 0; at < backup.bytes.length; at += 97) {
    broken.push(backup.bytes.slice(0, at + 1));
    const flipped = backup.bytes.slice();
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    broken.push(flipped);
  }
  for (const [attempt, bytes] of broken.entries()) {
    const answer = await send(nodes, bytes, attempt + 1);
    assert.is(answer instanceof DraftError ? answer.code : "taken", "REJECTED", `attempt ${attempt}`);
  }
  await checkEqual(nodes);
  for (const id of IDS) assert.is((await read(nodes, id, ["dbsize"])).reply, 0, "nothing of any of them is there");
  assert.not.instance(await send(nodes, backup.bytes, 200), DraftError);
  await assertRestored(nodes, backup);
});

test("a leader that dies in the middle of a restore leaves the old world or the new, at each of many moments, and what is sent on makes the new one", async () => {
  for (const engines of [false, true]) {
    const backup = await written(30, { engines });
    for (let moment = 0; moment < 12; moment++) {
      const nodes = await founded(100 + moment, { engines });
      const pieces = piecesOf(backup.bytes, 1);
      const cut = Math.min(pieces.length - 1, moment * 2);
      for (const piece of pieces.slice(0, cut)) await settled(nodes, ask((await leaderOf(nodes)), piece));
      const leader = (await leaderOf(nodes));
      // What is under way when the power goes: a piece, or all that follows the last one.
      for (const piece of pieces.slice(cut)) ask(leader, piece);
      nodes.run(1 + moment * 3);
      leader.crash();
      await leaderOf(nodes);
      nodes.run(300);
      for (const id of IDS) {
        const size = nodes.node(id).server === null ? null : await settled(nodes, nodes.read(id, ["dbsize"], { level: "stale" }));
        if (size !== null) assert.ok([0, 30].includes((size as Answer).reply as number), `${id} shows a half state of ${String((size as Answer).reply)} keys`);
      }
      nodes.start(leader.id);
      const done = await send(nodes, backup.bytes, 1);
      assert.not.instance(done, DraftError, `moment ${moment}: ${String(done)}`);
      await assertRestored(nodes, backup);
      for (const id of IDS) nodes.node(id).crash();
      nodes.startAll();
      await leaderOf(nodes);
      await assertRestored(nodes, backup);
      assert.ok((await run(nodes, ["set", "k1", "new"])).index > backup.index);
    }
  }
});

test("whoever was away takes the pieces from the log, or a snapshot of what became of them", async () => {
  const backup = await written(30);
  for (const flags of [{}, { "retain-bytes": "0", "snapshot-bytes": "2KiB" }]) {
    const nodes = await founded(6, { flags });
    const leader = await leaderOf(nodes);
    const away = IDS.find((id) => id !== leader.id) as string;
    nodes.node(away).crash();
    assert.not.instance(await send(nodes, backup.bytes, 1), DraftError);
    for (let i = 0; i < 60; i++) await run(nodes, ["set", `n${i % 5}`, "x".repeat(100)]);
    nodes.start(away);
    await until(nodes, "it has caught up", () => nodes.node(away).server?.node.groups.get("main")?.applier.lastApplied.index === nodes.leader()?.server?.node.groups.get("main")!.applier.lastApplied.index);
    await checkEqual(nodes);
    assert.is((await read(nodes, away, ["dbsize"])).reply, 35);
  }
});

test("no snapshot is taken while a backup comes in: its pieces stand in the log alone", async () => {
  const backup = await written(20);
  const nodes = await founded(8, { flags: { "retain-bytes": "0", "snapshot-bytes": "1KiB", "snapshot-entries": "1" } });
  const pieces = piecesOf(backup.bytes, 1);
  for (const piece of pieces.slice(0, -1)) await settled(nodes, ask((await leaderOf(nodes)), piece));
  nodes.run(1000);
  const refused = await backupOf(nodes, (await leaderOf(nodes)).id).then(() => "taken", (error: Error) => error.message);
  assert.match(refused, /a backup is being restored/);
  assert.not.instance(await settled(nodes, ask((await leaderOf(nodes)), pieces.at(-1) as RestoreAsk)), DraftError);
  await assertRestored(nodes, backup);
});

test("a restore that nobody goes on with is given up after ten minutes of log time, alike by all, and the next one is taken", async () => {
  const backup = await written(20);
  const nodes = await founded(9, { flags: { "retain-bytes": "0", "snapshot-bytes": "1KiB", "snapshot-entries": "1" } });
  const pieces = piecesOf(backup.bytes, 1);
  const taken = pieces.slice(0, -1);
  for (const piece of taken) await settled(nodes, ask((await leaderOf(nodes)), piece));
  const gathering = (): boolean[] => IDS.map((id) => nodes.node(id).server!.node.groups.get("main")!.applier.beginning.isGathering);
  nodes.run(500);
  assert.equal(gathering(), [true, true, true]);
  const { index } = nodes.node("a").server!.node.groups.get("main")!.applier.lastApplied;
  await until(nodes, "it is given up, though nothing is written", () => gathering().every((each) => !each), 660_000);
  assert.ok(nodes.node("a").server!.node.groups.get("main")!.applier.lastApplied.timeMs > 600_000 && index > 0);
  const late = await settled(nodes, ask((await leaderOf(nodes)), pieces.at(-1) as RestoreAsk));
  assert.is((late as DraftError).code, "REJECTED");
  await until(nodes, "snapshots are taken again", () => IDS.every((id) => nodes.node(id).state!.snapshotIndex > 0));
  assert.not.instance(await send(nodes, backup.bytes, 2), DraftError);
  await assertRestored(nodes, backup);
});

test.run();
