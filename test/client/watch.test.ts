/** Watching from a client: whichever node answers, each change once; other nodes before COMPACTED (W01, W04). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/client.ts";
import type { Change, WatchRequestOptions } from "../../src/client/watch.ts";
import { behindEntry, type ChangeCursor, compareCursors, type HeldChange } from "../../src/machine/change.ts";
import type { WatchOptions } from "../../src/node/watch.ts";
import { fakeCluster, type FakeCluster, type FakeNode, serveFake } from "../gateway/fake_node.ts";

/** Entries 1 to 6, of two changes each. */
const ALL: readonly HeldChange[] = [1, 2, 3, 4, 5, 6].flatMap((index) => [1, 2].map((n) => ({ index, n, key: `k${n}`, value: n === 2 ? undefined : index })));

interface Held {
  /** The first entry that the node holds. */
  readonly oldest?: number;
  /** The last entry that it has applied. */
  readonly applied?: number;
  /** What it says in place of an answer, so many times. */
  readonly refuses?: DraftError;
  readonly times?: number;
}

/** Lets `node` serve watches of {@link ALL}, two changes at a time. Returns what it was asked. */
function serves(node: FakeNode, { oldest = 1, applied = 6, refuses, times = Infinity }: Held): (ChangeCursor | null)[] {
  const asked: (ChangeCursor | null)[] = [];
  node.onWatch = ({ after }: WatchOptions) => {
    asked.push(after);
    if (refuses !== undefined && asked.length <= times) return refuses;
    const from = after ?? behindEntry(applied);
    if (from.index < oldest) return new DraftError("COMPACTED", "gone", { oldestIndex: oldest });
    const changes = ALL.filter((change) => compareCursors(change, from) > 0 && change.index <= applied).slice(0, 2);
    const next = changes.at(-1) ?? behindEntry(applied);
    const page = { changes, next: { index: next.index, n: next.n }, appliedIndex: applied };
    return { take: () => changes.length > 0 || after === null ? page : null, close: () => {} };
  };
  return asked;
}

async function hear(address: string, count: number, options: WatchRequestOptions): Promise<{ heard: string[]; error: DraftError | null; changes: Change[] }> {
  const changes: Change[] = [];
  let error: DraftError | null = null;
  await using client = connect(address);
  try {
    for await (const change of client.watch("k", options)) if (changes.push(change) === count) break;
  } catch (thrown) {
    if (!(thrown instanceof DraftError)) throw thrown;
    error = thrown;
  }
  return { heard: changes.map(({ index, n }) => `${index}.${n}`), error, changes };
}

/** Serves nodes of one cluster, the first of which leads. */
async function withNodes(ids: readonly string[], run: (address: string, nodes: readonly FakeNode[]) => Promise<void>, cluster: FakeCluster = fakeCluster()): Promise<void> {
  const servers = [];
  for (const id of ids) servers.push(await serveFake(cluster, id));
  try {
    await run(servers[0]!.address, servers.map(({ node }) => node));
  } finally {
    for (const server of servers) await server.stop();
  }
}

test("watch() goes on page by page, and says of each change what it is", async () => {
  await withNodes(["a"], async (address, [node]) => {
    const asked = serves(node!, {});
    const { heard, changes } = await hear(address, 6, { from: 2 });
    assert.equal(heard, ["2.1", "2.2", "3.1", "3.2", "4.1", "4.2"]);
    assert.equal(asked, [{ index: 2, n: 0 }, { index: 2, n: 2 }, { index: 3, n: 2 }]);
    assert.equal(changes.slice(0, 2), [
      { index: 2, n: 1, key: "k1", value: 2, revision: 2, deleted: false }, { index: 2, n: 2, key: "k2", value: null, revision: 2, deleted: true },
    ]);
  });
});

test("W04: watch() asks the other nodes before it says COMPACTED, members that nobody named too", async () => {
  await withNodes(["a", "b"], async (one, [first, second]) => {
    serves(first!, { oldest: 5 });
    serves(second!, { oldest: 3 });
    assert.equal((await hear(one, 3, { from: 3 })).heard, ["3.1", "3.2", "4.1"]);
    const { heard, error } = await hear(one, 3, { from: 2 });
    assert.equal([heard, error?.code, error?.oldestIndex], [[], "COMPACTED", 3]);
  });
});

test("W01: watch() tries again what passes, and ends with what the last node said once none served for so long", async () => {
  await withNodes(["a"], async (address, [fake]) => {
    const node = fake!;
    serves(node, { refuses: new DraftError("NO_LEADER", "silent"), times: 3 });
    assert.equal((await hear(address, 2, { from: 1 })).heard, ["1.1", "1.2"]);
    serves(node, { refuses: new DraftError("NO_LEADER", "silent") });
    assert.is((await hear(address, 2, { from: 1, timeoutMs: 300 })).error?.code, "NO_LEADER");
    serves(node, { refuses: new DraftError("BAD_REQUEST", "no such thing") });
    assert.is((await hear(address, 2, { from: 1 })).error?.code, "BAD_REQUEST");
  });
});

test("watch() from now on begins where the node says, is told so, and ends with the signal's reason", async () => {
  await withNodes(["a"], async (address, [node]) => {
    serves(node!, {});
    const stop = new AbortController();
    const places: ChangeCursor[] = [];
    let reason: unknown = null;
    await using client = connect(address);
    try {
      const heard = (place: ChangeCursor): void => {
        places.push(place);
        stop.abort(new RangeError("enough"));
      };
      for await (const change of client.watch("", { signal: stop.signal, heard })) assert.unreachable(`heard ${change.index}`);
    } catch (thrown) {
      reason = thrown;
    }
    assert.instance(reason, RangeError);
    assert.equal(places, [{ index: 7, n: 0 }]);
  });
});

test.run();
