/** Who a node is, wherever it is: found again at other addresses, let in by itself, kept out with a lost directory. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MemberWish } from "../../src/net/member_wish.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import { membersAt, roleOf, statusOf, votersAt } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const SECRET = new TextEncoder().encode("a secret of the whole cluster");

function founded(seed: number, ids: readonly string[] = IDS, options: { peerSecret?: (id: string) => Uint8Array | null } = {}): SimNodes {
  const nodes = new SimNodes({ seed, ids, ...options });
  const initial = IDS.map((id) => `${id}@${id}:${SIM_PORT}`).join(",");
  for (const id of IDS) nodes.start(id, { initial });
  nodes.awaitLeader();
  return nodes;
}

function alarmsOf(nodes: SimNodes, id: string): string {
  return statusOf(nodes, id).alarms.map(({ code, message }) => `${code} ${message}`).join("; ");
}

function awaitVoters(nodes: SimNodes, wanted: readonly string[]): void {
  nodes.until(`voters ${wanted.join()}`, () => {
    const leader = nodes.leader();
    return leader !== null && membersAt(nodes, leader.id).settled && votersAt(nodes, leader.id).sort().join() === wanted.join();
  }, 60_000);
}

test("M19: all addresses change at once: one that is known of old, told to all, is enough to find each other again", () => {
  for (const seed of [1, 2, 3]) {
    const nodes = founded(seed);
    write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
    for (const id of IDS) nodes.kill(id);
    for (const id of IDS) nodes.start(id, { listen: `${id}:7300`, join: "b:7300" });
    nodes.until("a leader, and all linked", () => nodes.leader() !== null && IDS.every((id) => membersAt(nodes, id).members.every(({ reachable }) => reachable)));
    write(nodes, nodes.awaitLeader().id, ["set", "k", "2"]);
    // Where they are is known now: the next start of one needs no hint.
    nodes.kill("c");
    nodes.start("c", { listen: "c:7300" });
    nodes.until("c is back", () => membersAt(nodes, nodes.awaitLeader().id).members.every(({ reachable }) => reachable));
  }
});

test("M19: without a hint nodes that all moved do not find each other, and one that moves back is found there", () => {
  const nodes = founded(4);
  for (const id of IDS) nodes.kill(id);
  for (const id of IDS) nodes.start(id, { listen: `${id}:7300` });
  nodes.run(10_000);
  assert.is(nodes.leader(), null);
  for (const id of IDS) nodes.kill(id);
  for (const id of ["a", "b"]) nodes.start(id, {});
  nodes.start("c", { listen: "c:7300" });
  nodes.until("c is met where it is", () => nodes.leader() !== null && membersAt(nodes, "a").members.every(({ reachable }) => reachable));
  nodes.kill("c");
  nodes.start("c", {});
  nodes.until("c is met where it was", () => membersAt(nodes, "a").members.every(({ reachable }) => reachable));
});

test("D01: a lost directory is named by the others, and by itself, and votes no more", () => {
  const nodes = founded(5);
  const lost = nodes.awaitLeader().id === "b" ? "c" : "b";
  nodes.kill(lost);
  nodes.wipe(lost);
  nodes.start(lost, {});
  nodes.until("the others say so", () => alarmsOf(nodes, "a").includes("LOST_DIRECTORY"));
  assert.match(alarmsOf(nodes, "a"), new RegExp(`LOST_DIRECTORY the directory of ${lost} was lost: .*draft admin replace ${lost} ${lost}@${lost}:7100`));
  nodes.run(20_000);
  assert.is(roleOf(nodes, lost), "waiting", "nobody asked for more");
  assert.equal(votersAt(nodes, "a"), IDS);
});

/** What `id` has on its disk at this moment, for a machine that is to have it later. */
function copyOf(nodes: SimNodes, id: string): () => void {
  const copy = nodes.node(id).disk.afterPowerCut(nodes.scheduler);
  return () => void (nodes.node(id).disk = copy);
}

/** That `fallen` is refused by itself and by the others, and counts nowhere, whoever leads. */
function isRefused(nodes: SimNodes, fallen: string, why: RegExp): void {
  nodes.until("it is told", () => roleOf(nodes, fallen) === "waiting");
  const [group] = statusOf(nodes, fallen).groups;
  assert.equal([group?.voting, group?.condition], [false, "dead-incarnation"]);
  assert.match(alarmsOf(nodes, fallen), why);
  assert.match(alarmsOf(nodes, fallen), new RegExp(`empty .*, then type: draft admin replace ${fallen} ${fallen}@${fallen}:7100`));
  const others = IDS.filter((id) => id !== fallen);
  nodes.until("the others say so", () => others.every((id) => alarmsOf(nodes, id).includes("LOST_DIRECTORY")));
  for (const id of others) assert.match(alarmsOf(nodes, id), new RegExp(`the directory of ${fallen} is an older copy.*draft admin replace ${fallen} ${fallen}@${fallen}:7100`));
}

test("D18: an old copy of a directory is found by what it had acknowledged, votes nowhere, over restarts of all, and is replaced", () => {
  const nodes = founded(11);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
  const { id } = nodes.awaitLeader();
  const [fallen, other] = IDS.filter((each) => each !== id) as [string, string];
  nodes.run(1000);
  const putBack = copyOf(nodes, fallen);
  write(nodes, id, ["set", "k", "2"]);
  nodes.run(1000);
  nodes.kill(fallen);
  putBack();
  nodes.start(fallen, {});
  isRefused(nodes, fallen, /it acknowledged entries up to \d+, and holds those up to \d+/);
  // Nobody is left who knows it from before.
  for (const each of IDS) nodes.kill(each);
  for (const each of [fallen, other]) nodes.start(each, {});
  nodes.run(20_000);
  assert.is(nodes.leader(), null, "its vote counts for nothing");
  nodes.start(id, {});
  nodes.awaitLeader();
  isRefused(nodes, fallen, /it acknowledged entries/);
  nodes.kill(fallen);
  nodes.wipe(fallen);
  nodes.start(fallen, {});
  nodes.until("it waits", () => roleOf(nodes, fallen) === "waiting");
  const wishes: MemberWish[] = [{ type: "replace", id: fallen, newId: fallen, address: `${fallen}:${SIM_PORT}` }];
  nodes.awaitLeader().server?.requests.changeMembers("main", { kind: "change", wishes, force: false, timeoutMs: 5000 }, () => {});
  awaitVoters(nodes, IDS);
  nodes.until("it follows", () => roleOf(nodes, fallen) === "follower");
});

test("D18: an old copy of a leader's directory, which acknowledged nothing to anybody, is found by the term that it led", () => {
  const nodes = founded(12);
  const fallen = nodes.awaitLeader().id;
  const [next] = IDS.filter((each) => each !== fallen) as [string];
  const lead = (id: string): void => {
    let ended: unknown = null;
    nodes.awaitLeader().server?.requests.transfer("main", id, 5000, (answer) => (ended = answer));
    nodes.until("the transfer", () => ended !== null && nodes.leader()?.id === id);
  };
  lead(next);
  nodes.run(1000);
  const putBack = copyOf(nodes, fallen);
  lead(fallen);
  write(nodes, fallen, ["set", "k", "1"]);
  nodes.kill(fallen);
  putBack();
  nodes.start(fallen, {});
  isRefused(nodes, fallen, /it was in term 3, and says that it is in term 2/);
});

test("D18: a copy that was started less often than the original is found, once that one is gone", () => {
  const nodes = founded(13);
  const { id } = nodes.awaitLeader();
  const [fallen] = IDS.filter((each) => each !== id) as [string];
  const putBack = copyOf(nodes, fallen);
  for (let start = 0; start < 3; start++) {
    nodes.kill(fallen);
    nodes.start(fallen, {});
    nodes.run(2000);
  }
  nodes.kill(fallen);
  putBack();
  nodes.start(fallen, {});
  isRefused(nodes, fallen, /it was started 4 times, and says that it was 2 times/);
});

test("auto-rejoin: a node whose directory was lost comes back by itself, once its old self was silent, as another life", () => {
  const nodes = founded(6, IDS, { peerSecret: () => SECRET });
  const initial = IDS.map((id) => `${id}@${id}:${SIM_PORT}`).join(",");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
  const lost = nodes.awaitLeader().id === "b" ? "c" : "b";
  const life = (): string | undefined => membersAt(nodes, nodes.awaitLeader().id).members.find(({ id }) => id === lost)?.incarnation;
  const before = life();
  nodes.kill(lost);
  nodes.wipe(lost);
  const diedMs = nodes.scheduler.nowMs;
  nodes.start(lost, { initial, "auto-rejoin": "yes" });
  nodes.until("it is a member again", () => roleOf(nodes, lost) === "follower" && life() !== before, 60_000);
  awaitVoters(nodes, IDS);
  assert.ok(nodes.scheduler.nowMs - diedMs >= 10 * 600, "not before its old self was silent for ten election timeouts");
  assert.not.ok(alarmsOf(nodes, nodes.awaitLeader().id).includes("LOST_DIRECTORY"));
  write(nodes, nodes.awaitLeader().id, ["set", "k", "2"]);
});

test("join: a lost directory takes no member's place unless it was told to", () => {
  const nodes = founded(10, IDS, { peerSecret: () => SECRET });
  const lost = nodes.awaitLeader().id === "b" ? "c" : "b";
  const lives = (): string[] => membersAt(nodes, nodes.awaitLeader().id).members.map(({ incarnation }) => incarnation);
  const before = lives();
  nodes.kill(lost);
  nodes.wipe(lost);
  nodes.start(lost, { join: `a:${SIM_PORT}` });
  nodes.run(30_000);
  assert.equal([roleOf(nodes, lost), lives()], ["waiting", before]);
  assert.match(alarmsOf(nodes, lost), /is a member with another directory: draft admin replace/);
});

test("auto-rejoin: not while too few others are there", () => {
  const nodes = founded(7, IDS, { peerSecret: () => SECRET });
  const { id } = nodes.awaitLeader();
  const [lost, away] = IDS.filter((each) => each !== id) as [string, string];
  for (const each of [lost, away]) nodes.kill(each);
  nodes.wipe(lost);
  nodes.start(lost, { initial: IDS.map((each) => `${each}@${each}:${SIM_PORT}`).join(","), "auto-rejoin": "yes" });
  nodes.run(30_000);
  assert.is(roleOf(nodes, lost), "waiting");
  nodes.start(away, {});
  awaitVoters(nodes, IDS);
});

test("join: who proves that it knows the secret is added, by way of any node; who does not is not", () => {
  const secrets: Record<string, Uint8Array | null> = { d: SECRET, e: new TextEncoder().encode("another secret of nobody"), f: null };
  const nodes = founded(8, [...IDS, "d", "e", "f"], { peerSecret: (id) => id in secrets ? secrets[id] ?? null : SECRET });
  const asked = IDS.find((id) => id !== nodes.awaitLeader().id) as string;
  for (const id of ["d", "e", "f"]) nodes.start(id, { join: `nowhere:1,${asked}:${SIM_PORT}` });
  awaitVoters(nodes, [...IDS, "d"]);
  nodes.run(10_000);
  assert.match(alarmsOf(nodes, "e"), /WAITING asks to be added: .*(its --peer-secret-file is another one|nowhere:1)/);
  assert.match(alarmsOf(nodes, "f"), /WAITING asks to be added: .*(start this node with the same --peer-secret-file|nowhere:1)/);
  assert.equal([roleOf(nodes, "e"), roleOf(nodes, "f"), roleOf(nodes, "d")], ["waiting", "waiting", "follower"]);
});

test("join: without a secret nobody from beyond loopback is let in", () => {
  const nodes = founded(9, [...IDS, "d"]);
  nodes.start("d", { join: `a:${SIM_PORT},b:${SIM_PORT},c:${SIM_PORT}` });
  nodes.run(10_000);
  assert.is(roleOf(nodes, "d"), "waiting");
  assert.match(alarmsOf(nodes, "d"), /from beyond loopback has to prove itself: start all nodes with --peer-secret-file/);
  assert.equal(votersAt(nodes, "a"), IDS);
});

test.run();
