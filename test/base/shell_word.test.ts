import { spawnSync } from "node:child_process";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { shellWord } from "../../src/base/shell_word.ts";

const test = suite("shell_word");

test("shellWord() leaves a word as it is, and takes double quotes where they do", () => {
  assert.is(shellWord("/data/a-1/x.rec"), "/data/a-1/x.rec");
  assert.is(shellWord("my script.json"), '"my script.json"');
  assert.is(shellWord("it's"), '"it\'s"');
  assert.is(shellWord("$HOME it's"), "'$HOME it'\\''s'");
});

test("a shell reads back what it was given", () => {
  if (process.platform === "win32") return;
  for (const text of ["plain", "two words", "it's", '"$(exit 3)`x`', "a\\b!", "a\tb\nc", "*?[x]", "~/x", "#x", ";&|<>", "ü ñ", ""]) {
    assert.is(spawnSync("sh", ["-c", `printf '%s.' ${shellWord(text)}`], { encoding: "utf8" }).stdout, `${text}.`);
  }
});

test.run();
