import { test } from "uvu";
import * as assert from "uvu/assert";
import { ReadWindows } from "../../src/wal/read_windows.ts";

test("take() gives the same memory again behind reset(), never twice before it, and new memory for what is larger", () => {
  const windows = new ReadWindows();
  const [first, second] = [windows.take(100), windows.take(50)];
  assert.equal([first.length, second.length], [100, 50]);
  assert.is.not(first.buffer, second.buffer);
  windows.reset();
  const [again, larger] = [windows.take(80), windows.take(60)];
  assert.is(again.buffer, first.buffer);
  assert.is(again.length, 80);
  assert.is(larger.length, 60);
  assert.is.not(larger.buffer, second.buffer);
  windows.reset();
  assert.is(windows.take(100).buffer, first.buffer);
  assert.is(windows.take(60).buffer, larger.buffer);
});

test.run();
