/** A machine that changes while the cluster serves: real processes, from version 1 to version 2, one by one (D13). */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type Client, connect } from "../../src/client/client.ts";
import { draft, sleep, temporaryDirectory, TestCluster, type TestNode, until } from "./processes.ts";

const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "150-300", "--snapshot-entries", "500", "--retain-bytes", "0"];
const CLIENTS = 2;
const LANES = 4;
const TIMEOUT_MS = 20_000;

/** Version 1 keeps names; version 2 keeps, with each, under which version it came and how often it was upgraded. */
const FIRST = `
export default {
  name: "guests", version: 1,
  operations: { add: { kind: "write", args: "NAME" }, count: { kind: "read" } },
  create() {
    let guests = [];
    return {
      apply: ([, name]) => guests.push(String(name)),
      query: () => guests.length,
      snapshot: () => guests,
      restore: (saved) => { guests = [...saved]; },
    };
  },
};
`;

const SECOND = `
export default {
  name: "guests", version: 2,
  operations: { add: { kind: "write", args: "NAME" }, count: { kind: "read" }, came: { kind: "read", since: 2, summary: "when, by version; and upgrades" } },
  create() {
    let guests = [];
    const cameIn = (wanted) => guests.filter(([, version]) => version === wanted).length;
    return {
      apply: ([, name], entry) => guests.push(entry.version === 1 ? String(name) : [String(name), entry.version, 0]),
      upgrade(from) { guests = guests.map((guest) => typeof guest === "string" ? [guest, from, 1] : [guest[0], guest[1], guest[2] + 1]); },
      query: ([operation]) => operation === "count" ? guests.length : [cameIn(1), cameIn(2), Math.max(...guests.map(([,, upgrades]) => upgrades))],
      snapshot: () => guests,
      restore: (saved) => { guests = [...saved]; },
    };
  },
};
`;

const root = temporaryDirectory();
const first = written("guests_1.ts", FIRST);
const second = written("guests_2.ts", SECOND);

function written(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

/** Starts a cluster of which each node runs the first version. */
function cluster(): Promise<TestCluster> {
  return TestCluster.start({ flags: [...FLAGS, "--machine", first] });
}

function install(node: TestNode, machine: string): void {
  node.flags = [...node.flags.slice(0, -1), machine];
}

/** Stops the node in good order, and starts it with another file. */
async function roll(node: TestNode, machine: string): Promise<void> {
  assert.is(await node.stop(), 0);
  install(node, machine);
  await node.start();
}

async function versionsOf(nodes: readonly TestNode[]): Promise<number[][]> {
  const all = await Promise.all(nodes.map((node) => node.mainStatus()));
  return all.map(({ machineVersion, machineVersionMax }) => [machineVersion, machineVersionMax]);
}

function raised({ nodes }: TestCluster): Promise<true | null> {
  return until("version 2 is in force everywhere", async () => (await versionsOf(nodes)).every(([version]) => version === 2) || null);
}

/** The error that the client met. */
async function refusal(client: Client, operation: string): Promise<DraftError> {
  try {
    await client.run([operation]);
  } catch (error) {
    if (error instanceof DraftError) return error;
    throw error;
  }
  throw new Error(`${operation} was answered`);
}

/** Guests that were acknowledged, while others come. */
class Guests {
  acked = 0;
  notDone = 0;
  #isOver = false;
  readonly #lanes: readonly Promise<void>[];
  readonly #clients: readonly Client[];

  constructor(addresses: readonly string[]) {
    this.#clients = Array.from({ length: CLIENTS }, () => connect(addresses, { timeoutMs: TIMEOUT_MS }));
    this.#lanes = this.#clients.flatMap((client, at) => Array.from({ length: LANES }, (_, lane) => this.#come(client, `${at}.${lane}`)));
  }

  /** @throws DraftError if one does not know whether it was let in */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #come(client: Client, name: string): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      try {
        await client.write(["add", `${name}.${n}`]);
        this.acked += 1;
      } catch (error) {
        if (!(error instanceof DraftError) || error.outcome !== "not-done") throw error;
        this.notDone += 1;
      }
      await sleep(2);
    }
  }
}

const test = suite("versions");

test("a rolling change under writes loses none, and takes effect everywhere at one place of the log", async () => {
  await using nodes = await cluster();
  const [a, b, c] = nodes.nodes as readonly [TestNode, TestNode, TestNode];
  const guests = new Guests(nodes.addresses);
  await using client = nodes.client(TIMEOUT_MS);
  for (const node of [a, b]) {
    const ackedBefore = guests.acked;
    await until("guests come under version 1", () => guests.acked > ackedBefore + 100);
    await roll(node, second);
  }
  assert.equal(await versionsOf(nodes.nodes), [[1, 2], [1, 2], [1, 1]]);
  // Of a node that runs version 1 nothing can be asked that came later; of its own accord the client asks the leader.
  assert.is((await draft(["admin", "transfer", "a", "-c", a.address])).code, 0);
  const early = await refusal(client, "came");
  assert.equal([early.code, early.outcome], ["UNKNOWN_OPERATION", "not-done"]);
  assert.match(early.message, /'came' comes with version 2 of the machine 'guests', and 1 is in force: it rises once every node runs the newer one; c still runs version 1: start each with version 2 or a later one, then try again/);
  const { out } = await draft(["admin", "states", "-c", a.address]);
  assert.match(out, /^b .*guests at version 1, can run 2$/m);
  assert.match(out, /^c .*guests at version 1, can run 1$/m);
  await roll(c, second);
  await raised(nodes);
  const ackedBefore = guests.acked;
  await until("guests come under version 2", () => guests.acked > ackedBefore + 100);
  await guests.stop();
  const [before = 0, after = 0, upgrades] = (await client.read(["came"])).result as number[];
  console.log(`\nversions: ${guests.acked} acknowledged, ${guests.notDone} not done; ${before} came under version 1, ${after} under 2`);
  assert.equal([before + after, upgrades], [guests.acked, 1]);
  assert.ok(before > 200 && after > 100, "guests came before and after");
  await until("all have applied the same", async () => {
    const all = await Promise.all(nodes.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex, stateHash }) => `${appliedIndex} ${stateHash}`)).size === 1;
  });
});

test("a node that is started with the old version after the raise ends with 14, says what to do, and serves again with the new one", async () => {
  await using nodes = await cluster();
  const [, , c] = nodes.nodes as readonly [TestNode, TestNode, TestNode];
  for (const node of nodes.nodes) await roll(node, second);
  await raised(nodes);
  await using client = nodes.client(TIMEOUT_MS);
  for (const where of [/its log wants version 2/, /snapshot file ".*" wants version 2/]) {
    await c.stop();
    install(c, first);
    const running = c.launch();
    assert.is(await running.end(), 14);
    assert.match(running.err, /BAD_PLUGIN the machine 'guests' of this node has version 1, and .*: start this node with version 2 or later, as the others: draft serve --machine FILE/);
    assert.match(running.err, where);
    assert.not.match(running.out, /ready/);
    install(c, second);
    await c.start();
    await Promise.all(Array.from({ length: 600 }, (_, n) => client.write(["add", String(n)])));
    await until("c has a snapshot", async () => (await c.mainStatus()).snapshotIndex > 0);
  }
  await raised(nodes);
});

test("the same version from other bytes is told by every node and by admin states, and holds up the raise", async () => {
  await using nodes = await cluster();
  const [a, b, c] = nodes.nodes as readonly [TestNode, TestNode, TestNode];
  const other = written("guests_other.ts", `${SECOND}// edited on one node alone\n`);
  await roll(a, second);
  await roll(b, second);
  await roll(c, other);
  const leader = await nodes.leader();
  await until("it is said why the version stays", () => /group main stays at version 1: . and c have version 2 of the machine 'guests' from different sources: give all nodes the same file/.test(leader.running?.err ?? ""));
  for (const node of [a, b]) {
    await until("it is warned of c", () => /c runs version 2 of the machine 'guests' from another source than this node/.test(node.running?.err ?? ""));
  }
  const { out } = await draft(["admin", "states", "-c", a.address]);
  assert.match(out, /^a .*SOURCE_DIFFERS: c runs version 2 of the machine 'guests' from another source than this node: give both the same file, or the changed one a higher version$/m);
  assert.match(out, /^c .*SOURCE_DIFFERS: a runs version 2 .*SOURCE_DIFFERS: b runs version 2/m);
  assert.equal((await versionsOf(nodes.nodes)).map(([version]) => version), [1, 1, 1]);
  // Another path is not another source.
  await roll(c, written("guests_copy.ts", SECOND));
  await raised(nodes);
  const states = JSON.parse((await draft(["admin", "states", "-c", a.address, "--json"])).out) as readonly { readonly alarms: readonly unknown[] }[];
  assert.equal(states.flatMap(({ alarms }) => alarms), []);
});

test.run();
