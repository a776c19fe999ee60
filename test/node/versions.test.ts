/** Rolling changes of a machine's version, on whole nodes over the simulated ports (D13). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Plugin } from "../../src/machine/machine.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import { statusOf } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { read, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

interface Saved {
  readonly log: readonly string[];
}

/** Notes what it does, and under which version. */
function noting(version: number): Plugin<Saved> {
  return {
    name: "noting", version,
    operations: { add: { kind: "write" }, all: { kind: "read" }, ...(version < 2 ? {} : { late: { kind: "write" as const, since: 2 } }) },
    create: () => {
      let log: string[] = [];
      return {
        apply: ([name], entry) => log.push(`${name} ${entry.version}`),
        query: () => log.slice(),
        upgrade: (from, entry) => void log.push(`upgrade ${from} ${entry.version}`),
        snapshot: () => ({ log }),
        restore: (saved) => { log = [...saved.log]; },
      };
    },
  };
}

/** A cluster in which each node runs the version given for it. */
function cluster(seed: number, versions: readonly number[], flags: Readonly<Record<string, string>> = {}): SimNodes {
  const nodes = new SimNodes({ seed, ids: IDS, plugin: noting(1), flags });
  IDS.forEach((id, at) => install(nodes, id, versions[at] ?? 1));
  nodes.startAll();
  nodes.awaitLeader();
  nodes.until("all are linked", () => IDS.every((id) => nodes.node(id).number !== 0));
  nodes.run(500);
  return nodes;
}

function install(nodes: SimNodes, id: string, version: number, sourceDigest: string = `source of ${version}`): void {
  nodes.node(id).build = { plugin: noting(version), sourceDigest };
}

/** Stops the node in good order and starts it with another version. */
function roll(nodes: SimNodes, id: string, version: number, sourceDigest?: string): void {
  const end = nodes.stop(id);
  nodes.until(`${id} has stopped`, () => end.stopped);
  install(nodes, id, version, sourceDigest);
  nodes.start(id);
  nodes.awaitLeader();
  nodes.until(`${id} is back`, () => nodes.node(id).state !== null);
  nodes.run(1000);
}

function versionOf(nodes: SimNodes, id: string): number {
  return nodes.node(id).applier?.view().version ?? 0;
}

function versions(nodes: SimNodes): number[] {
  return IDS.map((id) => versionOf(nodes, id));
}

function said(nodes: SimNodes, id: string, pattern: RegExp): number {
  return nodes.node(id).lines.filter((line) => pattern.test(line)).length;
}

/** How the node's process ended, once it has. */
function endOf(nodes: SimNodes, id: string): DraftError {
  const machine = nodes.node(id);
  nodes.until(`${id} ends`, () => (machine.failure ?? machine.startError) !== null);
  const error = machine.failure ?? machine.startError;
  assert.instance(error, DraftError);
  return error as DraftError;
}

/** How so many processes ended, once they have; without a majority the others do not hear what is committed. */
function endsOf(nodes: SimNodes, count: number): DraftError[] {
  const ended = (): string[] => IDS.filter((id) => (nodes.node(id).failure ?? nodes.node(id).startError) !== null);
  nodes.until(`${count} end`, () => ended().length === count);
  return ended().map((id) => endOf(nodes, id));
}

test("the version rises once the last of three nodes was restarted with it, and upgrade() runs once on each", () => {
  const nodes = cluster(1, [1, 1, 1]);
  write(nodes, nodes.awaitLeader().id, ["add"]);
  roll(nodes, "a", 2);
  roll(nodes, "b", 2);
  write(nodes, nodes.awaitLeader().id, ["add"]);
  assert.equal(versions(nodes), [1, 1, 1]);
  roll(nodes, "c", 2);
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
  write(nodes, nodes.awaitLeader().id, ["late"]);
  for (const id of IDS) {
    assert.equal(read(nodes, id, ["all"]), ["add 1", "add 1", "upgrade 1 2", "late 2"]);
    const [group] = statusOf(nodes, id).groups;
    assert.equal([group?.machineVersion, group?.machineVersionMax], [2, 2]);
    assert.is(said(nodes, id, /info group main runs version 2 of the machine 'noting', was 1/), 1);
  }
});

test("it rises to what all can run, and again when the last one has more", () => {
  const nodes = cluster(2, [1, 3, 2]);
  assert.equal(versions(nodes), [1, 1, 1]);
  roll(nodes, "a", 3);
  nodes.until("the version rises to 2", () => versions(nodes).every((version) => version === 2));
  assert.equal(statusOf(nodes, "c").groups.map(({ machineVersion, machineVersionMax }) => [machineVersion, machineVersionMax]), [[2, 2]]);
  assert.equal(statusOf(nodes, "b").groups.map(({ machineVersion, machineVersionMax }) => [machineVersion, machineVersionMax]), [[2, 3]]);
  roll(nodes, "c", 3);
  nodes.until("the version rises to 3", () => versions(nodes).every((version) => version === 3));
  assert.equal(read(nodes, "c", ["all"]), ["upgrade 1 2", "upgrade 2 3"]);
});

test("founders of different versions begin with the lowest; those of one with it", () => {
  const mixed = cluster(3, [3, 2, 3]);
  assert.equal([versions(mixed), read(mixed, "a", ["all"])], [[2, 2, 2], []]);
  const alike = cluster(4, [3, 3, 3]);
  assert.equal([versions(alike), read(alike, "a", ["all"])], [[3, 3, 3], []]);
});

test("a member that is down has said nothing, whatever it ran before", () => {
  const nodes = cluster(5, [2, 2, 1]);
  nodes.kill("c");
  nodes.run(5000);
  assert.equal([versionOf(nodes, "a"), versionOf(nodes, "b")], [1, 1]);
  install(nodes, "c", 2);
  nodes.start("c");
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
});

test("nobody new is taken in while the version rises: it was asked what it can run before", () => {
  const nodes = new SimNodes({ seed: 21, ids: [...IDS, "d"], plugin: noting(1) });
  const initial = IDS.map((id) => `${id}@${id}:${SIM_PORT}`).join(",");
  for (const id of IDS) {
    install(nodes, id, id === "c" ? 1 : 2);
    nodes.start(id, { initial });
  }
  nodes.start("d", {});
  const { id } = nodes.awaitLeader();
  nodes.until("all are linked", () => IDS.every((each) => nodes.node(each).number !== 0));
  nodes.run(500);
  assert.equal(versions(nodes), [1, 1, 1]);
  const wishes = [{ type: "add", id: "d", address: `d:${SIM_PORT}`, votes: true }] as const;
  let answer: unknown = null;
  const { stepped } = nodes.watch;
  nodes.watch.stepped = (machine, state, event) => {
    stepped?.(machine, state, event);
    const isRaise = event.type === "propose" && event.entries.some(({ kind, index }) => kind === EntryKind.version && index > 0);
    if (!isRaise || answer !== null) return;
    answer = "asked";
    for (const other of IDS.filter((each) => each !== machine.id)) {
      nodes.net.cut(machine.id, other);
      nodes.net.cut(other, machine.id);
    }
    machine.server?.requests.changeMembers("main", { kind: "change", wishes, force: false, timeoutMs: 5000 }, (result) => (answer = result));
  };
  const old = nodes.stop("c");
  nodes.until("c has stopped", () => old.stopped);
  install(nodes, "c", 2);
  nodes.start("c", { initial });
  nodes.until("it is answered", () => answer instanceof DraftError);
  assert.match((answer as DraftError).message, /the version of the machine of group main is being raised/, id);
  assert.is((answer as DraftError).code, "BUSY");
});

test("a member that was set back to the old build before the raise holds it up", () => {
  const nodes = cluster(6, [1, 1, 1]);
  roll(nodes, "a", 2);
  roll(nodes, "b", 2);
  roll(nodes, "a", 1);
  roll(nodes, "c", 2);
  nodes.run(3000);
  assert.equal(versions(nodes), [1, 1, 1]);
});

test("the version outlives restarts, with the log and with a snapshot in its place", () => {
  const nodes = cluster(7, [1, 2, 2], { "snapshot-entries": "5", "retain-bytes": "0" });
  roll(nodes, "a", 2);
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
  for (let i = 0; i < 12; i++) write(nodes, nodes.awaitLeader().id, ["add"]);
  nodes.until("a snapshot is there", () => IDS.every((id) => (nodes.node(id).state?.snapshotIndex ?? 0) > 8));
  for (const id of IDS) nodes.crash(id);
  nodes.startAll();
  nodes.awaitLeader();
  nodes.until("all are back", () => versions(nodes).every((version) => version === 2));
  const log = read(nodes, "a", ["all"]) as string[];
  assert.equal(log.filter((line) => line.startsWith("upgrade")), ["upgrade 1 2"]);
  assert.equal(log.filter((line) => line === "add 2").length, 12);
});

test("D13: an old build that is started after the raise is refused, from its log and from its snapshot", () => {
  const nodes = cluster(8, [2, 2, 1], { "snapshot-entries": "5", "retain-bytes": "0" });
  roll(nodes, "c", 2);
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
  for (const where of [/its log wants version 2/, /snapshot file ".*" wants version 2/]) {
    const end = nodes.stop("c");
    nodes.until("c has stopped", () => end.stopped);
    install(nodes, "c", 1);
    nodes.start("c");
    const error = endOf(nodes, "c");
    assert.equal([error.code, error.exitCode], ["BAD_PLUGIN", 14]);
    assert.match(error.message, /machine 'noting' of this node has version 1/);
    assert.match(error.message, where);
    assert.match(error.message, /draft serve --machine FILE$/);
    nodes.kill("c");
    install(nodes, "c", 2);
    nodes.start("c");
    nodes.until("c is back", () => versionOf(nodes, "c") === 2);
    for (let i = 0; i < 12; i++) write(nodes, nodes.awaitLeader().id, ["add"]);
    nodes.until("c has a snapshot", () => (nodes.node("c").state?.snapshotIndex ?? 0) > 8);
  }
});

test("D13: an old build that missed the raise stops when it comes to it, and the new one goes on from there", () => {
  const nodes = cluster(10, [2, 2, 1]);
  const { number } = nodes.node("c");
  nodes.kill("c");
  const leader = nodes.awaitLeader();
  install(nodes, "c", 2);
  nodes.start("c");
  for (let ms = 0; ms < 3000 && leader.server?.node.transport.helloOf(number)?.machineVersion !== 2; ms++) nodes.run(1);
  nodes.net.cut(leader.id, "c");
  assert.is(versionOf(nodes, leader.id), 1);
  nodes.until("the version rises without c", () => versionOf(nodes, leader.id) === 2);
  nodes.kill("c");
  nodes.net.heal(leader.id, "c");
  install(nodes, "c", 1);
  nodes.start("c");
  const error = endOf(nodes, "c");
  assert.is(error.code, "BAD_PLUGIN");
  assert.match(error.message, /this node has version 1, and entry \d+ of the log wants version 2/);
  nodes.kill("c");
  install(nodes, "c", 2);
  nodes.start("c");
  nodes.until("c has caught up", () => versionOf(nodes, "c") === 2);
  assert.equal(read(nodes, "c", ["all"]), ["upgrade 1 2"]);
});

test("an upgrade() that throws stops each replica; a mended build goes on from there", () => {
  const nodes = cluster(11, [1, 1, 1]);
  write(nodes, nodes.awaitLeader().id, ["add"]);
  const mended = noting(2);
  const broken: Plugin<Saved> = { ...mended, create: (options) => ({ ...mended.create(options), upgrade: () => { throw new Error("no such field"); } }) };
  for (const id of IDS) {
    const end = nodes.stop(id);
    nodes.until("it has stopped", () => end.stopped);
    nodes.node(id).build = { plugin: broken, sourceDigest: "broken" };
    nodes.start(id);
    nodes.run(id === "c" ? 0 : 1000);
  }
  for (const error of endsOf(nodes, 2)) {
    assert.equal([error.code, error.exitCode], ["BAD_PLUGIN", 14]);
    assert.match(error.message, /upgrade of the machine 'noting' from version 1 to 2 broke at index \d+: no such field/);
  }
  for (const id of IDS) {
    nodes.kill(id);
    install(nodes, id, 2);
    nodes.start(id);
  }
  nodes.awaitLeader();
  nodes.until("all are at version 2", () => versions(nodes).every((version) => version === 2));
  assert.equal(read(nodes, "b", ["all"]), ["add 1", "upgrade 1 2"]);
});

test("another source under the same version is told, is an alarm, and holds up the raise", () => {
  const nodes = cluster(12, [1, 1, 1]);
  roll(nodes, "a", 2);
  roll(nodes, "b", 2);
  roll(nodes, "c", 2, "another file");
  nodes.run(3000);
  assert.equal(versions(nodes), [1, 1, 1]);
  const leader = nodes.awaitLeader().id;
  assert.is(said(nodes, leader, /warn group main stays at version 1: . and c have version 2 of the machine 'noting' from different sources/), 1);
  assert.is(said(nodes, "a", /warn c runs version 2 of the machine 'noting' from another source than this node/), 1);
  assert.equal(statusOf(nodes, "a").alarms.map(({ code }) => code), ["SOURCE_DIFFERS"]);
  assert.equal(statusOf(nodes, "c").alarms.map(({ code }) => code), ["SOURCE_DIFFERS", "SOURCE_DIFFERS"]);
  roll(nodes, "c", 2);
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
  assert.equal(IDS.flatMap((id) => statusOf(nodes, id).alarms), []);
});

test("an operation of version 2 is refused by the node that takes it, until version 2 is in force", () => {
  const nodes = cluster(13, [2, 2, 1]);
  nodes.kill("c");
  nodes.run(1000);
  const { result } = nodes.propose(nodes.awaitLeader().id, ["late"]);
  assert.instance(result, DraftError);
  assert.equal([(result as DraftError).code, (result as DraftError).outcome], ["UNKNOWN_OPERATION", "not-done"]);
  assert.match((result as DraftError).message, /'late' comes with version 2 of the machine 'noting', and 1 is in force: .*; c is not linked: start each with version 2 or a later one/);
  const shown = nodes.node("a").server?.requests.operations("main");
  assert.equal(Array.isArray(shown) && shown.find(({ name }) => name === "late")?.summary, "comes with version 2: ");
});

test("a node that does not know an operation yet says who runs an older version, and what to do", () => {
  const nodes = cluster(16, [1, 1, 1]);
  const refusal = (id: string, operation: string): DraftError => {
    const { result } = nodes.propose(id, [operation]);
    assert.instance(result, DraftError);
    assert.equal([(result as DraftError).code, (result as DraftError).outcome], ["UNKNOWN_OPERATION", "not-done"]);
    return result as DraftError;
  };
  const plain = "unknown operation 'late': the machine 'noting' has add, all";
  assert.is(refusal(nodes.awaitLeader().id, "late").message, plain, "nobody has a later version");
  const leader = nodes.awaitLeader().id;
  const [first, second] = IDS.filter((id) => id !== leader) as [string, string];
  roll(nodes, first, 2);
  nodes.until("the old one leads", () => nodes.awaitLeader().id === leader);
  const older = [leader, second].sort().map((id) => `${id} still runs version 1`).join(", ");
  const next = "start each with version 2 or a later one, then try again";
  assert.is(refusal(leader, "late").message, `${plain}; this node runs version 1, and others a later one already, which may bring it: ${older}: ${next}`);
  nodes.kill(second);
  nodes.run(500);
  const waits = [leader, second].sort().map((id) => id === second ? `${id} is not linked` : `${id} still runs version 1`).join(", ");
  assert.is(refusal(leader, "late").message, `${plain}; this node runs version 1, and others a later one already, which may bring it: ${waits}: ${next}`);
  nodes.start(second);
  nodes.run(1000);
  for (const id of [second, leader]) roll(nodes, id, 2);
  nodes.until("the version rises", () => versions(nodes).every((version) => version === 2));
  assert.is(refusal(nodes.awaitLeader().id, "lat").message, "unknown operation 'lat': the machine 'noting' has add, all, late");
});

test("D13: a replica that comes to a kind of entry that it does not know stops there, and skips nothing", () => {
  const nodes = cluster(14, [1, 1, 1]);
  const leader = nodes.awaitLeader();
  write(nodes, leader.id, ["add"]);
  const { index } = leader.applier?.lastApplied ?? { index: 0 };
  const group = leader.server?.node.groups.get("main");
  group?.propose({ kind: 30, payload: new Uint8Array(3), decoded: null, frees: true }, 5000, () => {});
  group?.propose({ kind: 3, payload: new Uint8Array(0), decoded: null, frees: true }, 5000, () => {});
  const appliers = IDS.map((id) => nodes.node(id).applier);
  for (const error of endsOf(nodes, 2)) {
    assert.equal([error.code, error.exitCode], ["BAD_CONFIG", 14]);
    assert.match(error.message, new RegExp(`entry ${index + 1} of group 1 is of kind 30, which this release of draft does not know: start this node with the one that the others run`));
  }
  for (const applier of appliers) assert.ok((applier?.lastApplied.index ?? 0) <= index);
});

test.run();
