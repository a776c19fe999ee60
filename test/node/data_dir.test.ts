import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextU32, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task } from "../../src/base/task.ts";
import { type Claim, type DataDir, drawIncarnation, openDataDir } from "../../src/node/data_dir.ts";
import type { Disk } from "../../src/host/host.ts";
import type { Identity } from "../../src/node/identity.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";

const ANYBODY: Claim = { nodeId: null, machine: null };
const BEGINNING = { nodeId: "a", machine: "kv", founding: [{ id: "a", address: "h:1" }] };
const FILE = "x/data/identity";

class Machine {
  scheduler: Scheduler = new Scheduler();
  disk: SimDisk;
  random = seedRandom(3);
  #port: Disk | null = null;

  constructor(seed: number) {
    this.disk = new SimDisk(this.scheduler, { seed });
  }
  run<T>(task: Task<T>): T | null {
    const result: { value: T | null; error: Error | null } = { value: null, error: null };
    runTask(task, (...[error, value]) => Object.assign(result, { error, value: value ?? null }));
    while (result.value === null && result.error === null && this.scheduler.step());
    if (result.error !== null) throw result.error;
    return result.value;
  }
  open(claim: Claim = ANYBODY): DataDir | null {
    this.#port = this.disk.boot();
    return this.run(openDataDir({ disk: this.#port, random: { u32: () => nextU32(this.random) } }, "x/data", claim));
  }
  kill(): void {
    if (this.#port !== null) this.disk.kill(this.#port);
  }
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof DraftError) return `${error.code} ${error.exitCode}: ${error.message}`;
    throw error;
  }
  return "none";
}

test("begin() makes an identity once and counts the boots, durably", () => {
  const machine = new Machine(1);
  const first = machine.open() as DataDir;
  assert.is(first.identity, null);
  const identity = machine.run(first.begin(BEGINNING));
  assert.equal({ ...identity, incarnation: 0 }, { clusterId: "", nodeId: "a", incarnation: 0, memberNumber: 0, welcome: null, bootCount: 1, machine: "kv", promiseMaxMs: 0, founding: BEGINNING.founding, genesis: null, recovery: null, rebuilding: null, fallenBack: "" });
  for (let boot = 2; boot < 5; boot++) {
    machine.disk.crash();
    const again = machine.open() as DataDir;
    const now = machine.run(again.begin({ ...BEGINNING, nodeId: "other" }));
    assert.is(now?.bootCount, boot);
    assert.is(now?.incarnation, identity?.incarnation);
    assert.is(now?.nodeId, "a");
    machine.run(again.change({ clusterId: `c${boot}`, memberNumber: 2, promiseMaxMs: 600 }));
    assert.is(again.identity?.clusterId, `c${boot}`);
  }
});

test("IN_USE: a second process is refused with exit 11, after the first is gone it is not", () => {
  const machine = new Machine(2);
  const first = machine.open() as DataDir;
  assert.match(code(() => machine.open()), /^IN_USE 11: data directory "x\/data" is in use by another process; stop/);
  first.close();
  assert.ok(machine.open());
});

test("WRONG_IDENTITY: another id is 13, another machine 14, both named with the command to type", () => {
  const machine = new Machine(3);
  const first = machine.open() as DataDir;
  machine.run(first.begin(BEGINNING));
  first.close();
  assert.match(code(() => machine.open({ nodeId: "b", machine: null })), /^WRONG_IDENTITY 13: .*node "a"'s, wanted "b"'s; type: draft serve --id a/);
  assert.match(code(() => machine.open({ nodeId: "a", machine: "sql" })), /^BAD_PLUGIN 14: .*machine "kv", wanted "sql"/);
  assert.ok(machine.open({ nodeId: "a", machine: "kv" }), "a refused process holds no lock");
});

test("DAMAGED: each byte of the identity file, changed, is told; a later format names its draft", () => {
  const machine = new Machine(4);
  const first = machine.open() as DataDir;
  machine.run(first.begin(BEGINNING));
  first.close();
  const content = machine.disk.content(FILE) as Uint8Array;
  const text = new TextDecoder().decode(content);
  for (let at = 0; at < content.length - 1; at++) {
    if (/\s/.test(text[at] as string)) continue;
    machine.disk.overwrite(FILE, content.map((byte, i) => i === at ? byte ^ 1 : byte));
    assert.match(code(() => machine.open()), /^(DAMAGED 10|WRONG_IDENTITY 13: .* has format)/, `byte ${at}`);
  }
  machine.disk.overwrite(FILE, new TextEncoder().encode(text.replace('"format": 1', '"format": 2').replace('"0.1.0"', '"7.0.0"')));
  assert.match(code(() => machine.open()), /^WRONG_IDENTITY 13: .*has format 2, wanted 1; start the draft that wrote it: 7.0.0/);
  machine.disk.overwrite("x/data/wal/mark", new Uint8Array(1));
  machine.disk.move(FILE, null);
  assert.match(code(() => machine.open()), /^DAMAGED 10: .*missing: found a log without it/);
});

test("a power cut at each disk call leaves the old identity or the new one", () => {
  for (let seed = 1; seed < 6; seed++) {
    for (let at = 1; at < 40; at++) {
      const machine = new Machine(seed);
      const told: number[] = [];
      machine.disk.crashAt(at);
      const directory = machine.open();
      if (directory !== null && machine.run(directory.begin(BEGINNING)) !== null) {
        told.push(1);
        if (machine.run(directory.change({ promiseMaxMs: 500 })) !== null) told.push(500);
      }
      machine.disk.crashAt(0);
      machine.disk.crash();
      const { identity } = machine.open() as DataDir;
      if (told.includes(1)) assert.is(identity?.bootCount, 1);
      if (told.includes(500)) assert.is(identity?.promiseMaxMs, 500);
    }
  }
});

test("a kill at each disk call, and a power cut after the next process has begun: its identity is there", () => {
  for (let seed = 1; seed < 6; seed++) {
    for (let at = 1; at < 25; at++) {
      const machine = new Machine(seed);
      machine.disk.endAt(at, () => machine.kill());
      const killed = machine.open();
      if (killed !== null) machine.run(killed.begin(BEGINNING));
      machine.disk.endAt(0, () => {});
      machine.kill();
      const directory = machine.open() as DataDir;
      const { incarnation, bootCount } = machine.run(directory.begin(BEGINNING)) as Identity;
      machine.disk.crash();
      const { identity } = machine.open() as DataDir;
      assert.equal([identity?.incarnation, identity?.bootCount], [incarnation, bootCount], `seed ${seed}, killed at ${at}`);
    }
  }
});

test("openDataDir() takes a directory whose parent it may not open", () => {
  const machine = new Machine(1);
  machine.open();
  machine.kill();
  machine.disk.fault = ({ kind }) => kind === "syncDirectory" ? { error: "EACCES" } : null;
  assert.ok(machine.open());
  machine.disk.fault = ({ kind }) => kind === "syncDirectory" ? { error: "EIO" } : null;
  machine.kill();
  assert.throws(() => machine.open(), /EIO/);
});

test("drawIncarnation() stays within 1..2^53-1", () => {
  assert.is(drawIncarnation({ u32: () => 0 }), 1);
  assert.is(drawIncarnation({ u32: () => 0xffffffff }), Number.MAX_SAFE_INTEGER);
});

test.run();
