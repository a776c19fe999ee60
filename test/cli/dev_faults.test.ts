/** What `draft dev` tells of a machine that broke. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FaultWatch, faultText } from "../../src/cli/dev_faults.ts";

function line(where: string, thrown: string): string {
  return `04:37:14.776 ERROR ${where} broke thrown=${JSON.stringify(thrown)}\n`;
}

test("faultText() says what was thrown and where in the author's files, and nothing of the entry", () => {
  const stack = `TypeError: oops\n    at run (${process.cwd()}/scores.ts:15:19)\n    at apply (src/machine/machine_calls.ts:77:39)`;
  assert.is(faultText(line("apply of 'add' at index 3", stack)), "apply of 'add' broke: TypeError: oops at scores.ts:15:19");
  assert.is(faultText(line("wake", "Error: late")), "wake broke: Error: late");
  const forbidden = `ForbiddenGlobal: apply() of 'add' uses Math.random() at ${process.cwd()}/scores.ts:15:18: take entry.random()\n    at gL (src/host/node_guard.ts:168:21)\n    at run (${process.cwd()}/scores.ts:15:18)`;
  assert.is(faultText(line("apply of 'add' at index 4", forbidden)), "apply of 'add' broke: ForbiddenGlobal: apply() of 'add' uses Math.random() at scores.ts:15:18: take entry.random()");
  for (const other of ["", "04:37:14.776 INFO  ready", "04:37:14.776 ERROR the disk is full", "04:37:14.776 ERROR apply of 'add' broke thrown=null"]) assert.is(faultText(other), null);
});

test("FaultWatch tells each fault once, from the moment it began, also of a line that came in two", () => {
  const directory = mkdtempSync(join(tmpdir(), "draft-faults-"));
  try {
    const [a, b] = [join(directory, "a.log"), join(directory, "b.log")];
    writeFileSync(a, line("wake", "Error: long ago"));
    const told: string[] = [];
    const watch = new FaultWatch([a, b], (text) => told.push(text));
    const whole = line("apply of 'add' at index 3", "Error: oops");
    appendFileSync(a, whole + line("apply of 'add' at index 4", "Error: oops") + whole.slice(0, 30));
    appendFileSync(b, whole);
    watch.close();
    assert.equal(told, [`apply of 'add' broke: Error: oops; the stack: ${a}`]);
    watch.forget();
    appendFileSync(a, whole.slice(30));
    watch.close();
    assert.is(told.length, 2);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.run();
