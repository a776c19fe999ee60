import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { NodeState } from "../../src/gateway/survey.ts";
import { errorIn, HttpRig } from "./http_rig.ts";

interface Events {
  readonly events: readonly { readonly wallMs: number; readonly node: string; readonly text: string }[];
  readonly missing: readonly string[];
}

const test = suite("cluster routes");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

test("states of all members, however many ask at once", async () => {
  const alone = (await rig.ask("GET", "/v1/states")).json as { states: NodeState[] };
  assert.equal(alone.states.map(({ nodeId, address }) => [nodeId, address]), [["a", rig.node.address]]);
  const many = await Promise.all(Array.from({ length: 20 }, () => rig.ask("GET", "/v1/states")));
  assert.ok(many.every(({ status }) => status === 200));
});

test("events are sentences, the newest so many, after a moment", async () => {
  const { events, missing } = (await rig.ask("GET", "/v1/events")).json as Events;
  assert.equal(missing, []);
  assert.ok(events.some(({ node, text }) => node === "a" && text.includes("leads term")), JSON.stringify(events));
  assert.equal(events, [...events].sort((a, b) => a.wallMs - b.wallMs));
  const last = events.at(-1);
  assert.equal(((await rig.ask("GET", "/v1/events?limit=1")).json as Events).events, [last]);
  assert.equal(((await rig.ask("GET", `/v1/events?since=${last?.wallMs}`)).json as Events).events, []);
  assert.is(errorIn(await rig.ask("GET", "/v1/events?limit=0")), "BAD_REQUEST not-done");
  assert.is(errorIn(await rig.ask("GET", "/v1/events?group=none")), "NOT_FOUND not-done");
});

test.run();
