import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { allProperties } from "../../src/sim/properties/index.ts";
import type { Property, SimMember } from "../../src/sim/property.ts";
import { type Outcome, runScript } from "../../src/sim/run_seed.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { shortLife } from "./short_life.ts";

const RULE = "acknowledged is durable";

/** Disks of the machines at these places say that they have synced a segment, and have not, from the first step to the last. */
class NeverSyncs implements Property {
  readonly name = "never syncs";
  readonly #places: readonly number[];

  constructor(places: readonly number[]) {
    this.#places = places;
  }

  stepped(member: SimMember): void {
    const machine = member as SimMachine;
    if (!this.#places.includes(machine.place)) return;
    machine.disk.fault = ({ kind, path }) => kind === "sync" && path.endsWith(".seg") ? { lie: true } : null;
  }
}

/** A foreign hand removes a file of these machines when all is over. */
class Removes implements Property {
  readonly name = "removes";
  readonly #places: readonly number[];
  readonly #which: string;

  constructor(places: readonly number[], which: string) {
    this.#places = places;
    this.#which = which;
  }

  finished(members: readonly SimMember[]): void {
    for (const { place, disk } of members as readonly SimMachine[]) {
      if (!this.#places.includes(place)) continue;
      const paths = disk.names.files().filter((path) => path.includes(this.#which));
      assert.ok(paths.length > 0, `${this.#which} of ${place}`);
      for (const path of paths) disk.move(path, null);
    }
  }
}

/** A life without faults, which somebody spoils. */
function spoiled(by: Property): Promise<Outcome> {
  const script = shortLife(7, 1, []);
  const quiet = { ...script, faults: script.faults.filter(({ kind }) => kind === "isolate") };
  return runScript(quiet, { plugin: kv, properties: () => [by, ...allProperties()] });
}

test("P03: an acknowledged write that no quorum holds through a power cut is found, though nobody ever cuts the power", async () => {
  const { violation } = await spoiled(new NeverSyncs([1, 2]));
  assert.is(violation?.property, RULE, violation?.message);
  assert.match(violation?.message ?? "", /is durable on no quorum: a .*; b .*; c holds it/);
});

test("one disk of three that never syncs costs no acknowledged write", async () => {
  const { violation } = await spoiled(new NeverSyncs([2]));
  assert.is(violation, null, violation?.message);
});

test("what stands in a snapshot alone is held as long as the snapshot can be read", async () => {
  assert.is((await spoiled(new Removes([3], "/snapshots/"))).violation, null);
  const { violation } = await spoiled(new Removes([1, 3], "/snapshots/"));
  assert.is(violation?.property, RULE, violation?.message);
  assert.match(violation?.message ?? "", /a cannot be read: snapshot file .* is missing; b holds it; c cannot be read/);
});

test("a log that cannot be read holds nothing", async () => {
  const { violation } = await spoiled(new Removes([2, 3], "/wal/mark"));
  assert.is(violation?.property, RULE, violation?.message);
  assert.match(violation?.message ?? "", /a holds it; b cannot be read: mark file .* is missing/);
});

test.run();
