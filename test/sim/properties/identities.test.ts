import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Identity } from "../../../src/node/identity.ts";
import { Identities } from "../../../src/sim/properties/identities.ts";
import { SimNodes } from "../../node/sim_nodes.ts";
import { write } from "../../node/workload.ts";
import { Hand, rejects } from "./hand.ts";
import { memberOf, type Watched } from "./watch.ts";

const TARGET = "identities";

const FOUNDED: Identity = {
  clusterId: "c1", nodeId: "n1", incarnation: 101, memberNumber: 1, welcome: { number: 1, index: 0, witness: false }, bootCount: 1, machine: "kv", promiseMaxMs: 0, founding: [],
  genesis: Uint8Array.of(1, 2), recovery: null, rebuilding: null, fallenBack: "",
};

/** Processes of the directories n1 and n2, and the rule that looks on. */
class Directories {
  readonly rule: Identities = new Identities();
  readonly members: Watched[] = [memberOf("n1"), memberOf("n2")];

  /** The next process of a directory finds this there. */
  start(number: number, found: Partial<Identity> = {}): void {
    const member = this.members[number - 1] as Watched;
    member.boots += 1;
    const own = number === 1 ? {} : { nodeId: "n2", incarnation: 102, memberNumber: 2 };
    member.identity = { ...FOUNDED, ...own, bootCount: member.boots, ...found };
    this.rule.began(member);
  }

  /** Its identity becomes another while the process runs; noticed at a step. */
  becomes(number: number, changes: Partial<Identity>): void {
    const member = this.members[number - 1] as Watched;
    member.identity = { ...member.identity as Identity, ...changes };
    this.rule.stepped(member);
  }
}

test("identities: boot ids rise, over gaps too, and none comes again", () => {
  const nodes = new Directories();
  nodes.start(1);
  nodes.start(1, { bootCount: 5 });
  rejects(TARGET, /n1 starts with boot id 5; an earlier process had 5/, () => nodes.start(1, { bootCount: 5 }));
  rejects(TARGET, /n1 starts with boot id 4; an earlier process had 5/, () => nodes.start(1, { bootCount: 4 }));
  nodes.start(1, { bootCount: 6 });
  rejects(TARGET, /the boot id of n1 changes from "6" to "7"/, () => nodes.becomes(1, { bootCount: 7 }));
});

test("identities: cluster, member number and genesis are given once; id and incarnation never change", () => {
  const nodes = new Directories();
  nodes.start(1, { clusterId: "", memberNumber: 0, genesis: null });
  nodes.becomes(1, { clusterId: "c1", genesis: Uint8Array.of(1) });
  nodes.becomes(1, { memberNumber: 1 });
  nodes.start(1, { genesis: Uint8Array.of(1) });
  rejects(TARGET, /the cluster id of n1 changes from "c1" to ""/, () => nodes.start(1, { clusterId: "" }));
  rejects(TARGET, /the cluster id of n1 changes from "c1" to "c2"/, () => nodes.becomes(1, { clusterId: "c2" }));
  rejects(TARGET, /the member number of n1 changes from "1" to ""/, () => nodes.start(1, { memberNumber: 0 }));
  rejects(TARGET, /the genesis of n1 changes from "01" to "02"/, () => nodes.start(1, { genesis: Uint8Array.of(2) }));
  rejects(TARGET, /the incarnation of n1 changes from "101" to "9"/, () => nodes.start(1, { genesis: Uint8Array.of(1), incarnation: 9 }));
  rejects(TARGET, /the node id of n1 changes from "n1" to "x"/, () => nodes.start(1, { nodeId: "x" }));
});

test("identities: one cluster, and nobody is somebody else", () => {
  const other = (found: Partial<Identity>) => () => {
    const nodes = new Directories();
    nodes.start(1);
    nodes.start(2, found);
  };
  other({})();
  other({ clusterId: "", memberNumber: 0 })();
  rejects(TARGET, /n2 belongs to cluster "c2", n1 to "c1"/, other({ clusterId: "c2" }));
  rejects(TARGET, /n2 and n1 are both member 1/, other({ memberNumber: 1 }));
  rejects(TARGET, /n2 and n1 are both incarnation 101/, other({ incarnation: 101 }));
});

test("identities: a directory that was lost, or whose disk lied, may begin anew; one that rots may not", () => {
  const anew = { clusterId: "", memberNumber: 0, genesis: null, incarnation: 7, bootCount: 1 };
  const lost = new Directories();
  lost.start(1);
  (lost.members[0] as Watched).forgiven = true;
  rejects(TARGET, /the incarnation of n1 changes/, () => lost.start(1, anew));
  (lost.members[0] as Watched).isSilentlyLost = true;
  lost.start(1, anew);
  rejects(TARGET, /the boot id of n1 changes/, () => lost.becomes(1, { bootCount: 2 }));
});

test("identities: whose disk was damaged may give up its incarnation, and is nobody then", () => {
  const nodes = new Directories();
  const dead = { clusterId: "", memberNumber: 0, genesis: null, incarnation: 9, rebuilding: { incarnation: 101, clusterId: "c1", addresses: ["b:1"], why: "" } };
  nodes.start(1);
  rejects(TARGET, /the incarnation of n1 changes from "101" to "9"/, () => nodes.becomes(1, dead));
  nodes.members[0]!.forgiven = true;
  rejects(TARGET, /the incarnation of n1 changes from "101" to "9"/, () => nodes.becomes(1, { ...dead, memberNumber: 1 }));
  rejects(TARGET, /the incarnation of n1 changes from "101" to "9"/, () => nodes.becomes(1, { ...dead, rebuilding: { ...dead.rebuilding, incarnation: 8 } }));
  nodes.becomes(1, dead);
  nodes.start(1, dead);
  nodes.becomes(1, { ...FOUNDED, incarnation: 9, memberNumber: 4, bootCount: 2 });
  rejects(TARGET, /the incarnation of n1 changes from "9" to "101"/, () => nodes.start(1));
});

test("identities: the core is who the directory says", () => {
  const hand = new Hand(TARGET);
  hand.member(1).identity = { ...FOUNDED, bootCount: 2 };
  hand.open(1);
  hand.member(1).identity = { ...FOUNDED, bootCount: 4 };
  rejects(TARGET, /the core of n1 is member 1, incarnation 101, boot 3; its directory says member 1, incarnation 101, boot 4/, () => hand.open(1));
});

test("identities: whole nodes keep to it, and a directory that is brought back from an old copy is found out", () => {
  const nodes = new SimNodes({ seed: 3, ids: ["a", "b", "c"], properties: [new Identities()] });
  nodes.startAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  const old = nodes.node("b").disk.content("/b/identity") as Uint8Array;
  for (let time = 0; time < 3; time++) {
    nodes.crash("b");
    nodes.start("b");
    nodes.run(300);
  }
  assert.is(nodes.broken, null);
  nodes.crash("b");
  nodes.node("b").disk.overwrite("/b/identity", old);
  rejects(TARGET, /b starts with boot id 2; an earlier process had 4/, () => {
    nodes.start("b");
    nodes.run(300);
  });
});

test.run();
