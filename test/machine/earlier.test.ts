/** Arguments of generated commands that an earlier answer tells. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import lock from "../../plugins/lock/lock.ts";
import queue from "../../plugins/queue/queue.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextFloat, nextInRange, seedRandom } from "../../src/base/random.ts";
import { earlier, EarlierAnswers, earlierText, isEarlier } from "../../src/machine/earlier.ts";
import type { AnyPlugin, Command, StreamPlugin } from "../../src/machine/machine.ts";
import type { TablesPiece } from "../../src/machine/table_machine.ts";
import { PluginRig } from "./plugin_rig.ts";

test("fill() takes the newest answer to a command with the same first argument", () => {
  const answers = new EarlierAnswers();
  const command: Command = ["ack", "jobs", earlier("take", "receipt", 1)];
  assert.equal(answers.fill(command), ["ack", "jobs", 1], "nothing was answered yet");
  answers.note(["take", "jobs"], { receipt: 7 });
  answers.note(["take", "others"], { receipt: 8 });
  answers.note(["take", "jobs"], null);
  assert.equal(answers.fill(command), ["ack", "jobs", 7]);
  assert.equal(answers.fill(["ack", "nobody's", earlier("take", "receipt", 1)]), ["ack", "nobody's", 1]);
  assert.equal(answers.fill(["ack", "jobs", earlier("take", "no such field", 2)]), ["ack", "jobs", 2]);
  answers.note(["push", "jobs", "a"], "12");
  assert.equal(answers.fill(["get", "jobs", earlier("push", "", "0")]), ["get", "jobs", "12"]);
});

test("isEarlier() knows one that was written down, and nothing else", () => {
  const placeholder: unknown = earlier("take", "receipt", 1);
  assert.ok(isEarlier(JSON.parse(JSON.stringify(placeholder))));
  assert.is(isEarlier(placeholder) && earlierText(placeholder), "(receipt of the newest take, else 1)");
  for (const other of [null, "take", 7, [], {}, { earlier: ["take", "receipt"] }, { earlier: ["take", "receipt", null] }, { earlier: ["a", "b", 1], more: 1 }]) {
    assert.not(isEarlier(other), JSON.stringify(other));
  }
});

/** How many of the generated commands of these operations were done, and how many were not. */
function share(plugin: StreamPlugin<TablesPiece> & AnyPlugin, operations: readonly string[]): number {
  const random = seedRandom(5);
  const rig = new PluginRig(plugin);
  const answers = new EarlierAnswers();
  const tally = { done: 0, other: 0 };
  for (let at = 0; at < 3000; at++) {
    rig.timeMs += nextInRange(random, 0, 30);
    const command = answers.fill((plugin.generate as (random: () => number) => Command)(() => nextFloat(random)));
    const answer = rig.run(...command);
    if (!(answer instanceof DraftError)) answers.note(command, answer);
    if (operations.includes(command[0])) tally[answer instanceof DraftError || answer === false ? "other" : "done"] += 1;
  }
  return tally.done / (tally.done + tally.other);
}

test("what lock and queue generate meets tokens and receipts that are held, and some that are not", () => {
  const [locks, jobs] = [share(lock, ["renew", "release"]), share(queue, ["ack", "nack", "extend"])];
  assert.ok(locks > 0.2 && locks < 0.9, `${locks} of renewals and releases`);
  assert.ok(jobs > 0.2 && jobs < 0.9, `${jobs} of acks, nacks and extensions`);
});

test.run();
