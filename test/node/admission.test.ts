import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Hello } from "../../src/net/hello.ts";
import { Admission, joinProof } from "../../src/node/admission.ts";
import type { Group } from "../../src/node/group.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { message, Single, WALL_MS } from "../raft/helpers.ts";

const SECRET = Uint8Array.of(1, 2, 3);
const REMOTE = "10.0.0.9:4000";

class Rig {
  readonly scheduler: Scheduler = new Scheduler();
  readonly core: Single = new Single({ config: { electionMinMs: 300, electionMaxMs: 600 } });
  readonly wishes: unknown[] = [];
  readonly admission: Admission;
  leaderSinceMs = 0;
  #drawn = 0;

  constructor() {
    this.core.lead();
    this.core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
    this.leaderSinceMs = this.core.nowMs;
    this.admission = new Admission({
      secret: SECRET, areProved: false, clusterId: () => "c1", clock: { ...this.scheduler.clock(0), monotonicMs: () => this.core.nowMs },
      random: { u32: () => ++this.#drawn },
      main: () => ({ state: this.core.state, leaderSinceMs: this.leaderSinceMs, leader: null }) as unknown as Group,
      change: (_, { wishes }, done) => {
        this.wishes.push(...wishes);
        done({ index: 1, reply: null });
      },
    });
  }

  /** Asks as `hello` says. @returns what is answered */
  ask(hello: Partial<Hello>, { again = false, nonce = "", remote = REMOTE, proof = null as Uint8Array | null } = {}): string[] {
    const whole = { nodeId: "d", incarnation: 999, address: "d:1", ...hello } as Hello;
    let answered: string[] = [];
    const shown = proof ?? joinProof(SECRET, { nonce, clusterId: "c1" }, whole);
    this.admission.asked(whole, ["join", again, nonce, shown], remote, (reply) => (answered = reply.slice(1).map(String)));
    return answered;
  }

  nonce(hello: Partial<Hello> = {}, remote: string = REMOTE): string {
    const [verdict, nonce = ""] = this.ask(hello, { remote });
    assert.is(verdict, "prove");
    return nonce;
  }
}

test("a challenge is good once, for the directory and the machine that it was given to", () => {
  const rig = new Rig();
  const nonce = rig.nonce();
  assert.equal(rig.ask({}, { nonce }), ["taken"]);
  assert.is(rig.ask({}, { nonce })[0], "no");
  assert.is(rig.ask({}, { nonce: rig.nonce(), remote: "10.0.0.8:4000" })[0], "no");
  assert.is(rig.ask({ incarnation: 1000 }, { nonce: rig.nonce() })[0], "no");
  assert.is(rig.ask({}, { nonce: rig.nonce(), remote: "10.0.0.9:4001" })[0], "taken");
  assert.is(rig.wishes.length, 2);
});

test("who asks and asks, and proves nothing, takes nobody else's challenge away", () => {
  const rig = new Rig();
  const nonce = rig.nonce();
  for (let at = 0; at < 1000; at++) rig.nonce({ incarnation: 5000 + at }, `10.0.0.66:${at}`);
  assert.equal(rig.ask({}, { nonce }), ["taken"]);
});

test("--auto-rejoin: a member that this leader has not heard is silent since it leads, whatever log time does", () => {
  const rig = new Rig();
  const { core } = rig;
  const lost = currentConfiguration(core.state).members[2]!;
  const rejoin = (): string[] => rig.ask({ nodeId: lost.id }, { again: true, nonce: rig.nonce() });
  const from = core.nowMs;
  for (let ms = 0; ms < 6000; ms += 100) {
    core.nowMs = from + ms;
    if (ms === 3000) assert.match(rejoin()[1] ?? "", /has led for 3000 ms without hearing it: it has to be silent for 6000 ms/);
    // Wall clocks of a quorum run ahead: log time is anchored anew each time.
    core.eventAt(beatOf2(ms), WALL_MS + 3 * core.nowMs);
    core.eventAt({ type: "propose", entries: [] }, WALL_MS + 3 * core.nowMs);
  }
  core.nowMs = from + 6000;
  assert.equal(rejoin(), ["taken"]);
  assert.equal(rig.wishes, [{ type: "replace", id: lost.id, newId: lost.id, address: "d:1" }]);
});

test("--auto-rejoin: one that was heard is silent since then", () => {
  const rig = new Rig();
  const { core } = rig;
  const lost = currentConfiguration(core.state).members[2]!;
  core.nowMs += 100;
  core.receive(message("heartbeatReply", { term: 1, from: 3 }));
  core.nowMs += 250;
  assert.match(rig.ask({ nodeId: lost.id }, { again: true, nonce: rig.nonce() })[1] ?? "", /was heard 250 ms ago/);
});

function beatOf2(ms: number): { readonly type: "receive"; readonly message: ReturnType<typeof message> } {
  return { type: "receive", message: message("heartbeatReply", { term: 1, from: 2, wallMs: WALL_MS + 3 * ms }) };
}

test.run();
