/**
 * A flight recorder's content as bytes: what a node answers, and a file of what several nodes answered.
 *
 * ```text
 * file       8 bytes  0xD7 "DRFREC", version 5
 *            then, for each recording:
 *            u32      length of the body           little-endian
 *            u32      CRC-32 of the body
 *                     body: CBOR
 *
 * body       [version of draft, cluster id, node id, group, taken at wallMs, [[wallMs, sentence], …], [half, …]], and of
 *            a node that came to an end that nobody asked for: [wallMs, sentence, broke off]
 * half       [continues, checkpoint, [configuration, …], steps, bytes]
 * checkpoint RaftImage (raft/image.ts) as a map; configurations likewise
 * bytes      for each step: event (raft/event_format.ts), digest u32 and outline near 0 (raft/effect_digest.ts) and, if
 *            the outline says that the role changed, role (one byte: 0 follower, 1 pre-candidate, 2 candidate, 3 leader),
 *            term and leader, near 0
 * ```
 *
 * `continues` says that the checkpoint is the state which the half before it ended with. If the core broke off, the event
 * at which it did stands behind the last step of the last half, without a result.
 */
import { concatBytes, crc32, equalBytes, viewOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { configurationsFrom, imageFrom } from "../raft/image_check.ts";
import type { Ending, FlightRecorder, RecordedHalf, Told } from "./flight_recorder.ts";

const MAGIC = Uint8Array.of(0xd7, 0x44, 0x52, 0x46, 0x52, 0x45, 0x43, 5);
const VERSION_AT = 7;
const HEAD_BYTES = 8;

/** What one node recorded of one group. */
export interface Recording {
  /** Of draft. */
  readonly version: string;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly group: string;
  /** When it was taken, by the node's wall clock. */
  readonly wallMs: number;
  readonly story: readonly Told[];
  readonly halves: readonly RecordedHalf[];
  /** Null if it was taken while the node worked. */
  readonly ending: Ending | null;
}

/** Whose recording it is, and when it was taken. */
export type RecordingHead = Omit<Recording, "story" | "halves" | "ending">;

/** Body of a recording; with `storyOnly` it has no halves. */
export function encodeRecording(head: RecordingHead, recorder: FlightRecorder, storyOnly: boolean): Uint8Array {
  const { version, clusterId, nodeId, group, wallMs } = head;
  const story = recorder.story.map((told) => [told.wallMs, told.text]);
  const halves = storyOnly ? [] : recorder.halves().map(({ continues, image, configurations, steps, bytes }) =>
    [continues, image, configurations, steps, bytes]);
  const { ending } = recorder;
  const end = ending === null ? [] : [[ending.wallMs, ending.text, ending.brokeOff && !storyOnly]];
  return encode([version, clusterId, nodeId, group, wallMs, story, halves, ...end]);
}

/** @throws DraftError DAMAGED if the bytes are no body of a recording */
export function decodeRecording(body: Uint8Array): Recording {
  let value: unknown;
  try {
    value = decode(body);
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    throw damaged(error.message);
  }
  const [version, clusterId, nodeId, group, wallMs, story, halves, ending] = listOf(value, "recording");
  return {
    version: textOf(version), clusterId: textOf(clusterId), nodeId: textOf(nodeId), group: textOf(group), wallMs: numberOf(wallMs),
    story: listOf(story, "story").map((row) => {
      const [at, text] = listOf(row, "story");
      return { wallMs: numberOf(at), text: textOf(text) };
    }),
    halves: listOf(halves, "list of halves").map(halfFrom),
    ending: ending === undefined ? null : endingFrom(ending),
  };
}

function endingFrom(value: unknown): Ending {
  const [wallMs, text, brokeOff] = listOf(value, "ending");
  if (typeof brokeOff !== "boolean") throw damaged("its ending is none");
  return { wallMs: numberOf(wallMs), text: textOf(text), brokeOff };
}

function halfFrom(value: unknown): RecordedHalf {
  const [continues, image, configurations, steps, bytes] = listOf(value, "half");
  if (typeof continues !== "boolean" || !(bytes instanceof Uint8Array)) throw damaged("a half is none");
  return { continues, image: imageFrom(image), configurations: configurationsFrom(configurations), steps: numberOf(steps), bytes };
}

/** A file that holds these bodies. */
export function recordingFile(bodies: readonly Uint8Array[]): Uint8Array {
  return concatBytes([MAGIC, ...bodies.flatMap((body) => {
    const head = new Uint8Array(HEAD_BYTES);
    const view = viewOf(head);
    view.setUint32(0, body.length, true);
    view.setUint32(4, crc32(body, 0, body.length, 0), true);
    return [head, body];
  })]);
}

/**
 * The recordings in a file.
 *
 * @throws DraftError BAD_REQUEST if it is another file, DAMAGED if it is not whole
 */
export function readRecordingFile(file: Uint8Array): Recording[] {
  if (file.length < MAGIC.length || !equalBytes(file.subarray(0, VERSION_AT), MAGIC.subarray(0, VERSION_AT))) {
    throw new DraftError("BAD_REQUEST", "this is no recording: draft admin record FILE makes one");
  }
  if (file[VERSION_AT] !== MAGIC[VERSION_AT]) {
    throw new DraftError("BAD_REQUEST", `the recording has format ${file[VERSION_AT] ?? 0}, this draft reads format ${MAGIC[VERSION_AT] ?? 0}: replay it with the draft that made it`);
  }
  const view = viewOf(file);
  const recordings: Recording[] = [];
  for (let at = MAGIC.length; at < file.length;) {
    const from = at + HEAD_BYTES;
    const end = from <= file.length ? from + view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (end > file.length) throw damaged(`it ends within its recording ${recordings.length + 1}`);
    if (crc32(file, from, end, 0) !== view.getUint32(at + 4, true)) throw damaged(`the sum of its recording ${recordings.length + 1} is wrong`);
    recordings.push(decodeRecording(file.slice(from, end)));
    at = end;
  }
  return recordings;
}

/** The stories of several nodes as one. Each bears the time of its own node's clock. */
export function mergeStories(stories: readonly (readonly Told[])[]): Told[] {
  return stories.flat().sort((a, b) => a.wallMs - b.wallMs);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged(`its ${what} is none`);
  return value as readonly unknown[];
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw damaged("a text is none");
  return value;
}

function numberOf(value: unknown): number {
  if (typeof value !== "number") throw damaged("a number is none");
  return value;
}

function damaged(why: string): DraftError {
  return new DraftError("DAMAGED", `the recording cannot be read, ${why}: take it again with draft admin record FILE`);
}
