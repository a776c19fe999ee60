/**
 * The power of a node alone is cut under load. Once as whoever finds the disk later sees it: the file system is frozen,
 * its image copied, and a node started on the copy. And once for good: the file system is shut down with all that no sync
 * has brought to the disk, the node's calls fail from then on, and it is started again on what is left.
 */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sleep, TestNode, until } from "../processes.ts";
import { Acknowledged } from "./acknowledged.ts";
import { lead, nodeIn } from "./alone.ts";
import { canTry, FileSystem, whyNoFileSystem, whyNoPowerCut } from "./file_system.ts";

const test = suite("power_cut");
const COPIES = 2;
const CUTS = 2;

if (canTry("a copy of a frozen disk", whyNoFileSystem())) {
  test("P03: a copy of the frozen disk holds all that was acknowledged before", async () => {
    using disk = FileSystem.make("64M");
    const node = await nodeIn(disk.path);
    await lead(node);
    await using load = new Acknowledged([node.address], { valueBytes: 1_000 });
    const seen: number[] = [];
    for (let copy = 1; copy <= COPIES; copy++) {
      await sleep(300);
      const count = load.keys.length;
      disk.freeze();
      let other: FileSystem;
      try {
        other = disk.copy();
      } finally {
        disk.thaw();
      }
      using copied = other;
      const again = new TestNode({ id: "a", address: (await nodeIn(copied.path)).address, data: join(copied.path, "a"), flags: ["--bootstrap"] });
      await lead(again);
      await load.check(again.address, count);
      await again.kill();
      seen.push(count);
    }
    await load.stop();
    await load.check(node.address);
    console.log(`\n${COPIES} copies of the frozen disk hold the ${seen.join(", ")} writes that were acknowledged before`);
    assert.is(await node.stop(), 0);
  });
} else {
  test.skip("a copy of a frozen disk");
}

if (canTry("a power cut", whyNoPowerCut())) {
  test("P03 F11: the power is cut: the node ends with 12, and finds all that it acknowledged when it is back", async () => {
    using disk = FileSystem.make("64M");
    const node = await nodeIn(disk.path);
    const counts: number[] = [];
    for (let cut = 1; cut <= CUTS; cut++) {
      await lead(node);
      await using load = new Acknowledged([node.address], { valueBytes: 1_000, timeoutMs: 500 });
      await until("it works", () => load.keys.length > 100);
      await sleep(37 * cut);
      disk.cutPower();
      const { running } = node;
      assert.is(await running?.end(), 12, running?.err ?? "");
      await load.stop();
      disk.restorePower();
      await lead(node);
      await load.check(node.address);
      counts.push(load.keys.length);
      await node.kill();
    }
    console.log(`\n${CUTS} power cuts: ${counts.join(", ")} writes acknowledged, none lost`);
  });
} else {
  test.skip("a power cut");
}

test.run();
