import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import { decodeClientHello, decodeNodeHello, encodeClientHello, encodeNodeHello } from "../../src/net/client_hello.ts";
import { encodeRequest, writeRequestBytesMax, writeWriteRequest } from "../../src/net/client_protocol.ts";
import { RequestReader } from "../../src/net/client_request_reader.ts";
import { encodeError, ReplyReader } from "../../src/net/client_replies.ts";
import { encodeResult } from "./result_body.ts";

const test = suite("client protocol");

function writeBody(id: number, group: string, timeoutMs: number, envelope: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(group);
  const into = new Uint8Array(writeRequestBytesMax(name.length, envelope.length) + 3);
  return into.subarray(3, writeWriteRequest(into, 3, { id, group: name, timeoutMs, envelope }));
}

test("hellos come back as they were", () => {
  const client = { protocol: 1, clientName: "cli", clusterId: "c", forwarded: true, isNode: true, timed: true, token: "draft_x" };
  assert.equal(decodeClientHello(encodeClientHello(client)), client);
  const node = {
    protocol: 1, clusterId: "c", nodeId: "a", address: "h:1", version: "0.1.0", frameBytesMax: 9, valueBytesMax: 8,
    inflightMax: 7, leader: { id: "b", address: "h:2" },
  };
  assert.equal(decodeNodeHello(encodeNodeHello(node)), node);
  assert.equal(decodeNodeHello(encodeNodeHello({ ...node, leader: null })).leader, null);
});

test("a hello may have grown", () => {
  assert.is(decodeClientHello(encode([2, "x", "", 0, "more", 5])).protocol, 2);
});

test("requests come back as they were", () => {
  const head = { id: 5, group: "main", timeoutMs: 5000 };
  const requests = [
    { ...head, kind: "read", level: "lease", minIndex: 9, command: ["get", "k", 5] },
    { ...head, kind: "operations" },
    { ...head, kind: "status" },
    { ...head, kind: "members" },
    { ...head, kind: "record" },
    { ...head, kind: "story" },
    { ...head, kind: "transfer", to: "b" },
  ] as const;
  const reader = new RequestReader();
  for (const request of requests) {
    const read = reader.read(encodeRequest(request));
    assert.equal(JSON.stringify(read), JSON.stringify(request));
  }
});

test("a write written by hand is what the general encoder would write", () => {
  const reader = new RequestReader();
  for (const id of [0, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    for (const bytes of [0, 23, 24, 300, 70_000]) {
      const envelope = new Uint8Array(bytes).fill(7);
      const body = writeBody(id, "main", 5000, envelope);
      for (const round of ["decoded", "by hand"]) {
        const request = reader.read(body);
        assert.equal(request, { id, kind: "write", group: "main", timeoutMs: 5000, envelope }, round);
      }
    }
  }
});

test("a write for another group than the last is read too", () => {
  const reader = new RequestReader();
  for (const group of ["main", "other", "", "main"]) {
    assert.is(reader.read(writeBody(1, group, 1, Uint8Array.of(1))).group, group);
  }
});

test("results and errors come back as they were", () => {
  const reader = new ReplyReader();
  for (const result of ["OK", "", "x".repeat(23), "x".repeat(24), "é", null, 0, 3, 23, 24, 255, -1, 2n ** 60n, [1, "a"], { a: 1 }, true, 1.5]) {
    assert.equal(reader.read(encodeResult(70_000, 2 ** 40, result)), { id: 70_000, index: 2 ** 40, result, timing: null, error: null });
  }
  assert.is(reader.read(encodeResult(1, 1, undefined)).result, null);
  const sent = new DraftError("LOST", "gone", { outcome: "not-done", leader: { id: "a", address: "h:1" }, retryAfterMs: 4 });
  const { id, error } = reader.read(encodeError(9, sent));
  assert.equal([id, error?.code, error?.message, error?.outcome, error?.leader, error?.retryAfterMs],
    [9, "LOST", "gone", "not-done", { id: "a", address: "h:1" }, 4]);
});

test("a code of a newer version keeps its outcome", () => {
  const reader = new ReplyReader();
  const { error } = reader.read(encode([1, 1, "NEW_CODE", "what", 0, null, null, null]));
  assert.equal([error?.code, error?.outcome, error?.message], ["BAD_REQUEST", "not-done", "NEW_CODE: what"]);
  assert.is(reader.read(encode([1, 1, "NEW_CODE", "what", 1, null, null, null])).error?.exitCode, 3);
});

test("bytes that are no message throw BAD_REQUEST, nothing else", () => {
  const requests = new RequestReader();
  const replies = new ReplyReader();
  const sound = writeBody(1, "main", 1, Uint8Array.of(1, 2, 3));
  requests.read(sound);
  for (let cut = 0; cut < sound.length; cut++) assertRefused(() => requests.read(sound.subarray(0, cut)));
  const result = encodeResult(1, 1, ["x"]);
  for (let cut = 0; cut < result.length; cut++) assertRefused(() => replies.read(result.subarray(0, cut)));
  for (const body of [encode(5), encode([]), encode([1, 2]), encode([1, 1, "LOST", 5]), encode([-1, 0, 0, 0])]) {
    assertRefused(() => replies.read(body));
    assertRefused(() => requests.read(body));
  }
});

function assertRefused(run: () => unknown): void {
  assert.throws(run, (error: unknown) => error instanceof DraftError && error.code === "BAD_REQUEST");
}

test.run();
