/**
 * What a stranger can send, to each parser that reads it: sound inputs that were bent, cut, doubled or filled with
 * chance. A parser may refuse in its own way (a DraftError, a RangeError where it says so); anything else is a crash.
 */
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import { authBookFrom } from "../../src/gateway/auth/auth_file.ts";
import { sniff } from "../../src/gateway/sniff.ts";
import { namesIn } from "../../src/host/certificate_names.ts";
import { decodeEnvelope, encodeCommand } from "../../src/machine/command.ts";
import { decodeClientHello, decodeNodeHello, encodeClientHello } from "../../src/net/client_hello.ts";
import { RequestReader } from "../../src/net/client_request_reader.ts";
import { FrameParser } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";
import { decodeGreeting } from "../../src/net/hello.ts";
import { readMessage } from "../../src/net/message_codec.ts";

/** One parser under fuzz. */
export interface FuzzedParser {
  readonly name: string;
  /** Sound inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  parse(input: Uint8Array): void;
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

function framed(body: Uint8Array): Uint8Array {
  const writer = new FrameWriter();
  writer.add(body);
  return Uint8Array.from(writer.take().flatMap((part) => [...part]));
}

/** A list in a list, so many times. */
function nested(depth: number): Uint8Array {
  return new Uint8Array(depth + 1).fill(0x81, 0, depth);
}

const HELLO = encodeClientHello({ protocol: 1, clientName: "c", clusterId: "", forwarded: false, isNode: true, timed: true, token: "draft_x" });
const REQUESTS = [encode([1, 1, "main", 5000, encodeCommand(["set", "k", "v"])]), encode([2, 2, "main", 5000, 0, 0, ["get", "k"]]), encode([3, 16, "main", 5000, ["p", 1, 2]])];
const MAX_LENGTH = Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 1);

export const PARSERS: readonly FuzzedParser[] = [
  { name: "frames", seeds: [framed(HELLO), MAX_LENGTH], parse: (input) => {
    const parser = new FrameParser(65536);
    for (let at = 0; at < input.length; at += 7) {
      parser.feed(input.subarray(at, at + 7));
      while (parser.fault === null && parser.next() !== null);
    }
  } },
  { name: "client hello", seeds: [HELLO, nested(5000)], parse: (input) => void decodeClientHello(input) },
  { name: "node hello", seeds: [encode([1, "c", "a", "h:1", "0", [1, 2, 3], ["a", "h:1"]])], parse: (input) => void decodeNodeHello(input) },
  { name: "requests", seeds: [...REQUESTS, nested(5000)], parse: (input) => void new RequestReader().read(input) },
  { name: "commands", seeds: [new Uint8Array(encodeCommand(["set", "k", "v"])), encode([0, 0, 0, ["x", { a: [1, new Uint8Array(3)] }]])], parse: (input) => void decodeEnvelope(input) },
  { name: "peer greetings", seeds: [encode([64, 1, 1, "c", "a", 1, 7, 1, "h:1", [65536], "kv", 1, "", "", [[1, true, 0, 0, 0, 0, 0]]]), encode([70, "n"]), encode([71, "n", new Uint8Array(32)])], parse: (input) => void decodeGreeting(input) },
  { name: "peer messages", seeds: [encode([1, 1, 2, 3, 4, 5, 6, 7, 8, 9]), nested(5000)], parse: (input) => void readMessage(input) },
  { name: "first bytes", seeds: [text("GET / HTTP/1.1\r\n"), text("*1\r\n$4\r\nPING\r\n"), Uint8Array.of(0xd7, 0x44, 0x52, 0x46, 2, 1, 0, 0)], parse: (input) => void (input.length > 0 && sniff(input)) },
  { name: "auth file", seeds: [text('[[token]]\nname = "x"\nsha256 = "'.concat("a".repeat(64), '"\nroles = ["read"]\n')), text("a = ".concat("[".repeat(3000)))], parse: (input) => void authBookFrom(input, "f") },
  { name: "certificate names", seeds: [Uint8Array.from(atob("MBAwDgIBATAAMAAwADAAMAAwAA=="), (char) => char.charCodeAt(0))], parse: (input) => void namesIn(input) },
];

const INPUT_BYTES_MAX = 16_384;

function nextBelow(random: RandomState, end: number): number {
  return nextInRange(random, 0, end - 1);
}

/** One of the seeds, bent. */
function bent(seeds: readonly Uint8Array[], random: RandomState): Uint8Array {
  let bytes = new Uint8Array(seeds[nextBelow(random, seeds.length)] ?? []);
  for (let left = nextBelow(random, 6); left >= 0 && bytes.length > 0; left--) {
    const at = nextBelow(random, bytes.length);
    switch (nextBelow(random, 5)) {
      case 0: bytes[at] = nextBelow(random, 256); break;
      case 1: bytes[at] = (bytes[at] ?? 0) ^ (1 << nextBelow(random, 8)); break;
      case 2: bytes = bytes.slice(0, at); break;
      case 3: bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(nextBelow(random, at + 1))]).slice(0, INPUT_BYTES_MAX); break;
      default: bytes.fill(nextBelow(random, 2) * 0xff, at, at + 4);
    }
  }
  return bytes;
}

/**
 * Gives `parser` so many inputs.
 *
 * @throws Error that names the input, if it crashed
 */
export function fuzzParser(parser: FuzzedParser, seed: number, inputs: number): { readonly refused: number } {
  const random = seedRandom(seed);
  let refused = 0;
  for (let i = 0; i < inputs; i++) {
    const input = bent(parser.seeds, random);
    try {
      parser.parse(input);
    } catch (error) {
      if (!(error instanceof DraftError || (parser.name === "certificate names" && error instanceof RangeError))) {
        throw new Error(`${parser.name} crashed at input ${i} of seed ${seed}: ${String(error)}: ${Buffer.from(input).toString("hex").slice(0, 400)}`, { cause: error });
      }
      refused += 1;
    }
  }
  return { refused };
}
