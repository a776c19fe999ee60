/** What the types of a kv's operations must let through and what they must not; see define.ts for how this is judged. */
import { type Client, kv, type KvMethods, type KvTxnReply, type KvValue } from "../../mod.ts";

/** Fails to compile unless `A` and `B` are one type. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]): void {}

export async function typed(client: Client): Promise<void> {
  const store = client.as(kv);
  same<typeof store, KvMethods>();
  const value = await store.get("k");
  same<typeof value, KvValue | null>();
  const revision = (await store.getrev(new Uint8Array(1)))?.[1];
  same<typeof revision, number | undefined>();
  await store.set("k", 5, "EX", 60, "NX", "GET");
  await store.cas("k", revision ?? 0, "v");
  await store.delex("k", "IFEQ", "v");
  const [cursor, keys] = await store.scan(0, "MATCH", "a*");
  same<typeof cursor, string>();
  same<typeof keys, readonly KvValue[]>();
  const done = await store.txn([["revision", "k", "=", 9], ["exists", "k"]], [["set", "k", "v"]], [["get", "k"]]);
  same<typeof done, KvTxnReply>();
  await client.as<typeof kv>().incrby("n", 1n);

  // @ts-expect-error -- there is no such operation
  await store.gett("k");
  // @ts-expect-error -- a value is missing
  await store.set("k");
  // @ts-expect-error -- no list is a value
  await store.set("k", ["v"]);
  // @ts-expect-error -- keys are wanted
  await store.del();
  // @ts-expect-error -- the only condition is IFEQ
  await store.delex("k", "IFNE", "v");
  // @ts-expect-error -- revisions are numbers
  await store.cas("k", "9", "v");
  // @ts-expect-error -- no such flag
  await store.expire("k", 5, "EX");
  // @ts-expect-error -- no such order
  await store.txn([["revision", "k", "==", 9]], [], []);
  // @ts-expect-error -- a txn holds no other
  await store.txn([], [["txn", "k"]], []);
}
