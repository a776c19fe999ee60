import { test } from "uvu";
import { CleanTail } from "../../src/sim/clean_tail.ts";
import { newestMarkSlot } from "../../src/sim/mark_slot.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { segmentName } from "../../src/wal/segment.ts";
import { SimNodes } from "../node/sim_nodes.ts";
import { write } from "../node/workload.ts";
import { rejects } from "./properties/hand.ts";

const RULE = "the tail is trimmed";
const MARK = "/a/wal/mark";

/** A node that stopped in good order: its mark stands at the end of its log. */
function stopped(): { machine: SimMachine; path: string; end: number } {
  const nodes = new SimNodes({ seed: 5, ids: ["a"] });
  nodes.start("a", { bootstrap: "yes" });
  const machine = nodes.awaitLeader();
  write(nodes, "a", ["set", "k", "v"]);
  const end = machine.stop();
  nodes.until("it has stopped", () => end.stopped);
  const mark = newestMarkSlot(machine.disk.content(MARK) ?? new Uint8Array());
  return { machine, path: `/a/wal/${segmentName(mark?.sequence ?? 0)}`, end: mark?.offset ?? 0 };
}

/** Puts a byte somewhere into a file. */
function poke(machine: SimMachine, path: string, at: number): void {
  machine.disk.overwrite(path, (machine.disk.content(path) as Uint8Array).map((byte, i) => i === at ? byte ^ 1 : byte));
}

test("a log that ends with zeros is as it should be, whatever stands before its end", () => {
  const { machine, path, end } = stopped();
  new CleanTail().opened(machine);
  poke(machine, path, end - 1);
  new CleanTail().opened(machine);
});

test("a byte that is left behind the end of the log is found, next to it and at the end of the file", () => {
  for (const behind of [0, 1, 1000, -1]) {
    const { machine, path, end } = stopped();
    const size = machine.disk.content(path)?.length ?? 0;
    const at = behind < 0 ? size + behind : end + behind;
    poke(machine, path, at);
    rejects(RULE, new RegExp(`a ends its log at ${end} of ${path}, and leaves bytes at ${at}`), () => new CleanTail().opened(machine));
  }
});

test("nothing is asked of a disk that lost something silently, nor of a log without a mark or a batch", () => {
  const { machine, path, end } = stopped();
  poke(machine, path, end);
  machine.isSilentlyLost = true;
  new CleanTail().opened(machine);
  machine.isSilentlyLost = false;
  rejects(RULE, /leaves bytes/, () => new CleanTail().opened(machine));
  machine.disk.move(MARK, null);
  new CleanTail().opened(machine);
});

test.run();
