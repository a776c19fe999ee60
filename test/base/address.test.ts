import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress, isNodeId, parseAddress, parseNodeAddress } from "../../src/base/address.ts";
import { DraftError } from "../../src/base/errors.ts";

function refusal(run: () => unknown): DraftError {
  try {
    run();
  } catch (error) {
    assert.instance(error, DraftError);
    return error as DraftError;
  }
  throw new Error("nothing was refused");
}

test("addresses are read and written alike", () => {
  for (const text of ["127.0.0.1:7100", "localhost:0", "node-1.example:65535", "[::1]:7100", "[fe80::1%eth0]:1", "[::ffff:1.2.3.4]:9"]) {
    assert.is(formatAddress(parseAddress(text)), text);
  }
  assert.equal(parseAddress("[::1]:7100"), { host: "::1", port: 7100 });
  assert.equal(parseNodeAddress("a@b:7"), { id: "a", host: "b", port: 7 });
});

test("what is no address is refused by its text and with the code that was asked for", () => {
  const bads = ["", "a", ":1", "a:", "a:b", "a:-1", "a:65536", "a:999999", "a b:1", "a:1 ", "a:1:2", "[::1]", "[x]:1", "a@b:1", "http://a:1", `${"a".repeat(300)}:1`];
  for (const bad of bads) assert.is(refusal(() => parseAddress(bad)).code, "BAD_CONFIG", bad);
  assert.match(refusal(() => parseAddress("::1:7100")).message, "brackets");
  assert.match(refusal(() => parseAddress("x y")).message, '"x y"');
  assert.is(refusal(() => parseAddress("a", "BAD_REQUEST")).code, "BAD_REQUEST");
});

test("a node's address needs its id", () => {
  for (const bad of ["b:7", "@b:7", "A@b:7", "a b@b:7", `${"a".repeat(65)}@b:7`, "a@b"]) refusal(() => parseNodeAddress(bad));
  assert.equal(["a", "n.1_x-2", "", "A", "ä"].map(isNodeId), [true, true, false, false, false]);
});

test.run();
