import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { decode, encode } from "../../src/base/codec.ts";
import { EntryKind } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, nextU32, seedRandom } from "../../src/base/random.ts";
import { decodeConfiguration } from "../../src/raft/configuration.ts";
import type { Message } from "../../src/raft/message.ts";
import { FrameParser } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";
import { decodeGreeting, encodeHello, encodeRefusal } from "../../src/net/hello.ts";
import { MessageKind, messageOf, readMessage, type ReceivedAppend, writeMessage } from "../../src/net/message_codec.ts";
import { APPEND_REQUEST, CONFIGURATION_PAYLOAD, helloOf, MESSAGES, runOf, sampleRuns } from "./samples.ts";

/** The body of the frame that `message` becomes. */
function bodyOf(message: Message, runs: readonly Uint8Array[] = []): Uint8Array {
  const writer = new FrameWriter();
  writeMessage(writer, message, runs);
  const parser = new FrameParser(1 << 20);
  parser.feed(concatBytes(writer.take()));
  return parser.next() as Uint8Array;
}

function refusal(run: () => unknown): DraftError {
  try {
    run();
  } catch (error) {
    assert.instance(error, DraftError);
    assert.is((error as DraftError).code, "BAD_REQUEST");
    return error as DraftError;
  }
  throw new Error("nothing was refused");
}

const SAMPLES: readonly Uint8Array[] = [
  ...MESSAGES.map((message) => bodyOf(message).slice()),
  bodyOf(APPEND_REQUEST, sampleRuns()).slice(),
];

/** What a message without entries arrives as, besides its empty run. */
function readBack(body: Uint8Array): unknown {
  const { run, ...message } = readMessage(body) as ReceivedAppend;
  assert.is(run?.length ?? 0, 0);
  return message;
}

test("each message is read as it was written", () => {
  assert.is(new Set(MESSAGES.map(({ type }) => type)).size, Object.keys(MessageKind).length);
  for (const message of MESSAGES) assert.equal(readBack(bodyOf(message)), message);
});

test("a field that was added may be missing, and is 0 then; one that was there from the first may not", () => {
  const answer = MESSAGES.find(({ type }) => type === "readIndexReply") as Message;
  const tuple = decode(bodyOf(answer)) as unknown[];
  assert.equal(messageOf(tuple.slice(0, -1)), { ...answer, timeMs: 0 });
  assert.equal(messageOf([...tuple, "newer"]), answer);
  assert.match(refusal(() => messageOf(tuple.slice(0, -2))).message, /at least 10 items/);
});

test("what is written by hand is what cbor-x reads", () => {
  const numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  const writer = new FrameWriter();
  writer.begin();
  writer.array(numbers.length + 4);
  for (const value of numbers) writer.whole(value);
  writer.flag(true);
  writer.flag(false);
  writer.number(1.5);
  writer.number(-3);
  writer.end();
  assert.equal(decode(concatBytes(writer.take()).subarray(8)), [...numbers, true, false, 1.5, -3]);
});

test("entries arrive with header, payload and decoded configuration", () => {
  const message = readMessage(bodyOf(APPEND_REQUEST, sampleRuns()));
  if (message.type !== "appendRequest") throw new Error(message.type);
  const { entries, run } = message as ReceivedAppend;
  assert.equal(entries.map(({ index, term, kind }) => [index, term, kind]), [[10, 4, 1], [11, 5, 2], [12, 5, 3]]);
  assert.equal(entries.map(({ configuration }) => configuration), [
    null,
    decodeConfiguration(CONFIGURATION_PAYLOAD, 11),
    null,
  ]);
  assert.equal(new Uint8Array(run), concatBytes(sampleRuns()));
});

test("N03 every bit of an entry is sealed", () => {
  const body = bodyOf(APPEND_REQUEST, sampleRuns()).slice();
  const entriesBytes = concatBytes(sampleRuns()).length;
  for (let at = body.length - entriesBytes; at < body.length; at++) {
    const bad = body.slice();
    bad[at]! ^= 1 << (at % 8);
    assert.match(refusal(() => readMessage(bad)).message, /^bad entries/);
  }
});

test("entries that are sealed but do not continue the log are refused", () => {
  const entry = { kind: EntryKind.command, payload: Uint8Array.of(1), term: 5 };
  const read = (changes: object, run: Uint8Array): unknown =>
    readMessage(bodyOf({ ...APPEND_REQUEST, lastIndex: 10, ...changes }, [run]));
  read({}, runOf(9, 77, [entry]));
  refusal(() => read({}, runOf(10, 77, [entry])));
  refusal(() => read({}, runOf(9, 78, [entry])));
  refusal(() => read({}, runOf(9, 77, [{ ...entry, term: 3 }])));
  refusal(() => read({}, runOf(9, 77, [{ ...entry, term: 7 }])));
  refusal(() => read({ group: 2 }, runOf(9, 77, [entry])));
  refusal(() => read({ lastIndex: 11 }, runOf(9, 77, [entry])));
  refusal(() => read({ lastIndex: 9 }, runOf(9, 77, [entry])));
  refusal(() => read({ lastIndex: 8 }, new Uint8Array()));
  refusal(() => read({}, runOf(9, 77, [{ ...entry, kind: EntryKind.config }])));
});

test("N03 every truncation of every message is refused", () => {
  for (const body of SAMPLES) {
    for (let end = 0; end < body.length; end++) refusal(() => readMessage(body.subarray(0, end)));
  }
});

test("N03 numbers that are no whole, safe number are refused, never rounded", () => {
  const head = [MessageKind.timeoutNow, 1, 1, 1, 1];
  for (const term of [-1, 1.5, "1", null, true, [1], 2n ** 53n, 2n ** 64n - 1n, Number.NaN, Number.POSITIVE_INFINITY]) {
    refusal(() => readMessage(encode([...head, term])));
  }
  assert.equal(readMessage(encode([...head, 2 ** 53 - 1])).type, "timeoutNow");
  const u64 = Uint8Array.of(0x86, 7, 1, 1, 1, 1, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0);
  refusal(() => readMessage(u64));
  for (const chain of [2 ** 32, -1]) {
    refusal(() => readMessage(encode([MessageKind.installSnapshot, 1, 1, 1, 1, 1, 1, 1, chain, 1])));
  }
});

test("N07 fields behind those that are known are ignored, unknown kinds are told apart", () => {
  for (const message of MESSAGES) {
    const tuple = decode(bodyOf(message)) as unknown[];
    assert.equal(readBack(encode([...tuple, "new", { field: 1 }])), message);
  }
  const append = decode(bodyOf(APPEND_REQUEST, sampleRuns())) as unknown[];
  append[append.length - 2] = ["more", 1];
  assert.is(readMessage(encode(append)).type, "appendRequest");
  assert.equal(readMessage(encode([63, "whatever"])), { type: "unknown", kind: 63 });
});

test("hellos are read as they were written", () => {
  const hello = helloOf("a", 1);
  assert.equal(decodeGreeting(encodeHello(hello)), { type: "hello", hello });
  assert.equal(decodeGreeting(encodeRefusal("x".repeat(999))), { type: "refusal", text: "x".repeat(256) });
});

test("N07 a hello may be longer, or as short as that of protocol 1; wrong fields are refused", () => {
  const hello = helloOf("a", 1, { priority: 7 });
  const tuple = decode(encodeHello(hello)) as unknown[];
  tuple[9] = [hello.frameBytesMax, "new limit"];
  tuple[14] = [[1, false, 0, 0, 0, 3, 9, "new flag"]];
  assert.equal(decodeGreeting(encode([...tuple, "new"])), { type: "hello", hello });
  const short = decodeGreeting(encode(tuple.slice(0, 8)));
  assert.equal(short, {
    type: "hello",
    hello: {
      ...hello,
      address: "",
      frameBytesMax: 65536,
      machineName: "",
      machineVersion: 0,
      sourceDigest: "",
      foundingDigest: "",
      groups: [],
      priority: 0,
    },
  });
  for (let items = 0; items < 8; items++) refusal(() => decodeGreeting(encode(tuple.slice(0, items))));
  for (let at = 0; at < tuple.length; at++) {
    for (const bad of [null, -1, "x".repeat(1000), { a: 1 }]) {
      refusal(() => decodeGreeting(encode(tuple.map((value, i) => i === at ? bad : value))));
    }
  }
  refusal(() => decodeGreeting(encode(tuple.map((value, i) => i === 4 ? "Not An Id" : value))));
});

test("N03 thirty thousand mutations are read or refused, never worse", () => {
  const random = seedRandom(20260727);
  const samples = [...SAMPLES, encodeHello(helloOf("a", 1)).slice(), encodeRefusal("no").slice()];
  let refused = 0;
  for (let round = 0; round < 30_000; round++) {
    const body = mutate(samples[nextU32(random) % samples.length] as Uint8Array, random);
    for (const read of [readMessage, decodeGreeting]) {
      try {
        read(body);
      } catch (error) {
        if (!(error instanceof DraftError)) throw new Error(`round ${round}: ${String(error)}`, { cause: error });
        refused += 1;
      }
    }
  }
  assert.ok(refused > 30_000, `refused ${refused}`);
});

function mutate(sample: Uint8Array, random: ReturnType<typeof seedRandom>): Uint8Array {
  let body: Uint8Array = sample.slice();
  for (let i = nextInRange(random, 1, 4); i > 0; i--) {
    const at = nextInRange(random, 0, Math.min(body.length - 1, 60));
    const way = nextU32(random) % 4;
    if (way === 0) body[at]! ^= 1 << (nextU32(random) % 8);
    else if (way === 1) body[at] = nextU32(random);
    else if (way === 2) body = concatBytes([body.subarray(0, at), Uint8Array.of(nextU32(random)), body.subarray(at)]);
    else if (body.length > 8) body = concatBytes([body.subarray(0, at), body.subarray(at + 1)]);
  }
  return body;
}

test.run();
