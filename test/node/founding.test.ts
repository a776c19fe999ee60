import { test } from "uvu";
import * as assert from "uvu/assert";
import { foundersDigest } from "../../src/node/founding.ts";
import { type Hello, decodeGreeting, encodeHello } from "../../src/net/hello.ts";
import { SimNodes } from "./sim_nodes.ts";

const founders = (count: number): { id: string; address: string }[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${"x".repeat(60)}${i}`, address: `draft-${i}.draft.example:7100` }));

test("foundersDigest() is the same for a list in any order, and another for another list", () => {
  const list = founders(5);
  assert.is(foundersDigest(list), foundersDigest([...list].reverse()));
  assert.is.not(foundersDigest(list), foundersDigest(founders(4)));
  assert.is.not(foundersDigest(list), foundersDigest([...list.slice(1), { id: "y", address: "y:1" }]));
  assert.is(foundersDigest(null), "");
});

test("the longest list that may found fits a hello", () => {
  const hello: Hello = {
    protocolVersion: 1, featureLevel: 1, clusterId: "", nodeId: "a", memberNumber: 0, incarnation: 1, bootId: 1,
    address: "a:1", frameBytesMax: 65536, machineName: "kv", machineVersion: 1, sourceDigest: "",
    foundingDigest: foundersDigest(founders(64)), groups: [], priority: 0,
  };
  const heard = decodeGreeting(encodeHello(hello));
  assert.equal(heard, { type: "hello", hello });
});

test("five founders with long names found a cluster", () => {
  const ids = Array.from({ length: 5 }, (_, i) => `${"x".repeat(60)}-${i}`);
  const nodes = new SimNodes({ seed: 5, ids });
  nodes.startAll();
  nodes.awaitLeader();
});

test.run();
