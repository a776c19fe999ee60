/** `draft admin add` and its kin, around nodes that answer late, change their mind, or say nothing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { dispatch } from "../../src/cli/dispatch.ts";
import { allLeaves } from "../../src/cli/main.ts";
import { runServer } from "../../src/gateway/run_server.ts";
import type { MemberInfo, MemberList } from "../../src/net/client_answers.ts";
import { type FakeServer, fakeCluster, serveFake } from "../gateway/fake_node.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("admin members");

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], prepare: (servers: FakeServer[]) => void): Promise<Ran> {
  const cluster = fakeCluster();
  const servers: FakeServer[] = [];
  for (const id of ["a", "b", "c"]) servers.push(await serveFake(cluster, id));
  prepare(servers);
  const io = fakeIo("", { DRAFT_CONNECT: servers.map(({ address }) => address).join(",") });
  try {
    const code = await dispatch(["admin", ...args], allLeaves(runServer), io);
    return { code, out: io.outText(), err: io.errText() };
  } finally {
    for (const server of servers) await server.stop();
  }
}

function member(id: string, role: MemberInfo["role"], target: MemberInfo["target"] = role): MemberInfo {
  return { id, address: `${id}:1`, role, target, incarnation: `life of ${id}`, reachable: true };
}

/** What nodes say of the members, one after the other; the last one for good. */
function telling(servers: readonly FakeServer[], lists: readonly (Pick<MemberList, "index" | "members"> | DraftError)[]): void {
  let at = 0;
  const next = (): MemberList | DraftError => {
    const list = lists[Math.min(at++, lists.length - 1)]!;
    if (list instanceof DraftError) return list;
    return { settled: list.members.every(({ role, target }) => role === target), ...list };
  };
  for (const { node } of servers) node.onMembers = next;
}

const BEGUN = { changed: true, before: ["a", "b"], after: ["a", "b", "c"], lives: ["life of a", "life of b", "life of c"] };
const BEFORE = { index: 3, members: [member("a", "voter"), member("b", "voter")] };
const COMING = { index: 9, members: [member("a", "voter"), member("b", "voter"), member("c", "learner", "voter")] };
const DONE = { index: 11, members: [member("a", "voter"), member("b", "voter"), member("c", "voter")] };

test("it says the quorum, waits through the change, and tells its end", async () => {
  const ran = await run(["add", "c@c:1"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [...Array<typeof COMING>(9).fill(COMING), DONE]);
  });
  assert.equal([ran.code, ran.out], [0, "voters: a, b, c (quorum 2)\n"]);
  assert.match(ran.err, /^voters: a, b \(quorum 2\), to be: a, b, c \(quorum 2\)\na voter, b voter, c learner → voter\n/);
});

test("an older list than the change's own is no end: whoever is behind still has it", async () => {
  const ran = await run(["add", "c@c:1", "--json"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [...Array<typeof COMING>(9).fill(BEFORE), ...Array<typeof COMING>(9).fill(COMING), DONE]);
  });
  assert.equal([ran.code, JSON.parse(ran.out)], [0, { result: { voters: ["a", "b", "c"] }, index: 11 }]);
});

test("a leader that goes while it is waited for: nobody answers for a while, then another one goes on", async () => {
  const away = new DraftError("NO_LEADER", "this node belongs to no cluster yet");
  const ran = await run(["add", "c@c:1"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [...Array<DraftError>(9).fill(away), ...Array<typeof COMING>(3).fill(COMING), DONE]);
  });
  assert.equal([ran.code, ran.out], [0, "voters: a, b, c (quorum 2)\n"]);
});

test("a leader that is no more when it is asked: the next one is", async () => {
  const ran = await run(["add", "c@c:1"], (servers) => {
    const [a, b] = servers as [FakeServer, FakeServer];
    a.node.onChange = (_, done) => {
      a.node.cluster.leader = { id: "b", address: b.address };
      done(new DraftError("NOT_LEADER", "b leads", { leader: a.node.cluster.leader }));
    };
    b.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [DONE]);
  });
  assert.equal([ran.code, ran.out], [0, "voters: a, b, c (quorum 2)\n"]);
});

test("a leader that took the change and answers late, or never: the outcome is unknown, exit 3", async () => {
  const ran = await run(["add", "c@c:1", "--timeout-ms", "300"], (servers) => {
    servers[0]!.node.onChange = () => {};
    telling(servers, [COMING]);
  });
  assert.is(ran.code, 3);
  assert.match(ran.err, /TIMEOUT/);
});

test("whoever took the change goes in it and says nothing: the members are asked whether it holds, exit 0", async () => {
  const gone = { index: 11, members: [member("a", "voter")] };
  const ran = await run(["del", "b", "c", "--timeout-ms", "1000"], (servers) => {
    servers[0]!.node.onChange = () => {};
    telling(servers, [...Array<typeof BEFORE>(9).fill(BEFORE), gone]);
  });
  assert.equal([ran.code, ran.out], [0, "voters: a (quorum 1)\n"]);
  assert.match(ran.err, /did not hear what became of it: the members say that it is done/);
});

test("nobody says any more how far it is: exit 3, and the change goes on by itself", async () => {
  const ran = await run(["add", "c@c:1", "--timeout-ms", "300"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [new DraftError("FENCED", "this node has failed")]);
  });
  assert.is(ran.code, 3);
  assert.match(ran.err, /nobody who answers says how far the change of index 9 is: it goes on without this command/);
});

test("who did not catch up in time is named, and nothing else is said to be done: exit 1", async () => {
  const ran = await run(["add", "c@c:1"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: BEGUN });
    telling(servers, [{ index: 12, members: [member("a", "voter"), member("b", "voter"), member("c", "learner")] }]);
  });
  assert.is(ran.code, 1);
  assert.match(ran.err, /c did not catch up in time, stays a learner/);
});

test("a member that is replaced by itself is not done while its old life votes", async () => {
  const old = { ...member("b", "voter"), incarnation: "old" };
  const ran = await run(["replace", "b", "b@b:1"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: { ...BEGUN, after: ["a", "b"], lives: ["life of a", "life of b"] } });
    telling(servers, [{ index: 12, members: [member("a", "voter"), old] }]);
  });
  assert.is(ran.code, 1);
  assert.match(ran.err, /b did not catch up in time/);
});

test("what is so already is said, exit 0", async () => {
  const ran = await run(["del", "c"], (servers) => {
    servers[0]!.node.onChange = (_, done) => done({ index: 9, reply: { ...BEGUN, changed: false, after: BEGUN.before } });
  });
  assert.equal(ran, { code: 0, out: "voters: a, b (quorum 2)\n", err: "nothing to change: no member is called c\n" });
});

test("--force and --dry-run reach the leader, and a dry run prints a table", async () => {
  const asked: unknown[] = [];
  const now = { voters: ["a", "b", "c"], outgoing: [], witnesses: [], learners: [], rising: [], quorum: 2, outgoingQuorum: 0, spare: 1, absent: [], aboutMs: null };
  const step = { ...now, voters: ["a", "b"], spare: 0 };
  const reply = { changed: true, now, steps: [step], isWhole: true, copiedBytes: 5, fromSnapshot: false };
  const prepare = (servers: FakeServer[]): void => {
    servers[0]!.node.onChange = ({ kind, wishes, force }, done) => {
      asked.push([kind, wishes, force]);
      done({ index: 9, reply });
    };
  };
  const ran = await run(["del", "c", "--dry-run", "--force"], prepare);
  assert.equal(asked, [["rehearse", [{ type: "remove", id: "c" }], true]]);
  assert.equal(ran.out.split("\n").slice(0, 4), [
    "STEP  DECIDE      LEARN  MAY FAIL  FOR ABOUT",
    "now   2 of a b c  -      1         -",
    "1     2 of a b    -      0         -",
    "in step 1 nothing can be written once one more voter fails",
  ]);
  assert.equal([ran.code, ran.err], [0, "a dry run: nothing was changed\n"]);
  assert.equal(JSON.parse((await run(["del", "c", "--dry-run", "--json"], prepare)).out), { result: reply, index: 0 });
});

test("append proposes one word split as at the prompt, or words behind --; log-level asks every node", async () => {
  let servers: FakeServer[] = [];
  const prepare = (all: FakeServer[]): void => void (servers = all);
  assert.equal(await run(["append", 'set k "a b"'], prepare), { code: 0, out: "OK\n", err: "" });
  assert.is(servers[0]!.node.cluster.state.get("k"), "a b");
  assert.equal(JSON.parse((await run(["append", "--json", "--", "set", "k", "-5"], prepare)).out), { result: "OK", index: 1 });
  assert.is(servers[0]!.node.cluster.state.get("k"), "-5");
  assert.equal((await run(["log-level", "debug"], prepare)).out, "a: debug, was info\nb: debug, was info\nc: debug, was info\n");
  assert.equal(servers.map(({ node }) => node.seen), [["log-level debug"], ["log-level debug"], ["log-level debug"]]);
  assert.is((await run(["log-level", "loud"], prepare)).code, 2);
});

test.run();
