/**
 * Whether plain data that came from a file is an image that a core can go on from: each field by its kind, and sizes and
 * order where a loop of the core relies on them.
 */
import { DraftError } from "../base/errors.ts";
import { NUMBERS, type RaftImage, RUN_NUMBERS, type TrailImage } from "./image.ts";
import type { Configuration, Member, RaftConfig } from "./types.ts";

type Fields = Readonly<Record<string, unknown>>;

const CONFIG_NUMBERS = [
  "group", "self", "incarnation", "bootId", "heartbeatMs", "electionMinMs", "electionMaxMs", "promisedMs", "appendEntriesMax", "appendBytesMax",
  "inflightAppendsMax", "inflightBytesMax", "uncommittedBytesMax", "pendingReadsMax", "verdictEntries", "verdictMs", "seed",
] as const satisfies readonly (keyof RaftConfig)[];

const TRAIL_WHOLE = ["lastIndex", "lastTerm", "lastChain", "keepFrom", "recentFirst", "capacity"] as const;
const PROGRESS_NUMBERS = [
  "member", "matchIndex", "provenIndex", "nextIndex", "probeIndex", "inflightBytes", "reopenAfterMs", "lastHeardMs",
  "ackedRound", "promisedUntilMs", "promisedSkewMs", "bootId", "wallMs", "wallHeardMs", "roundIndex", "roundSinceMs", "pinRoundIndex", "pinRoundLag",
  "checkIndex", "checkDigest",
];
const READ_NUMBERS = ["readId", "from", "fromIncarnation", "bootId", "index"];
const ROLES: readonly unknown[] = ["follower", "pre-candidate", "candidate", "leader"];
const MEMBER_ROLES: readonly unknown[] = [null, "voter", "learner", "witness"];
const CAPACITY_MAX = 1 << 20;

/** @throws DraftError DAMAGED unless `value` is an image */
export function imageFrom(value: unknown): RaftImage {
  const image = fieldsOf(value, "checkpoint");
  const config = fieldsOf(image["config"], "configuration");
  wholes(config, CONFIG_NUMBERS);
  want(typeof config["witness"] === "boolean", "witness");
  numbers(fieldsOf(image["random"], "random state"), ["a", "b", "c", "counter"]);
  numbers(fieldsOf(image["numbers"], "numbers"), NUMBERS);
  want(ROLES.includes(image["role"]) && ROLES.includes(image["toldRole"]), "role");
  want(image["wakeAtMs"] === null || isNumber(image["wakeAtMs"]), "wakeAtMs");
  want(typeof image["diskStalled"] === "boolean" && typeof image["diskFull"] === "boolean", "disk");
  checkTrail(fieldsOf(image["trail"], "log"));
  const configurations = configurationsFrom(image["configurations"]);
  want(configurations.length > 0, "configurations");
  for (const each of listOf(image["pendingStores"], "stores")) numbers(fieldsOf(each, "store"), ["store", "term", "lastIndex"]);
  for (const vote of listOf(image["votes"], "votes")) {
    const [member, granted] = listOf(vote, "vote");
    want(isNumber(member) && typeof granted === "boolean", "vote");
  }
  for (const each of listOf(image["progress"], "progress")) checkProgress(fieldsOf(each, "progress"));
  if (image["transfer"] !== null) {
    const transfer = fieldsOf(image["transfer"], "transfer");
    numbers(transfer, ["to", "term", "deadlineMs"]);
    want(typeof transfer["sent"] === "boolean", "transfer");
  }
  checkReads(fieldsOf(image["reads"], "reads"));
  for (const round of listOf(image["rounds"], "rounds")) numbers(fieldsOf(round, "round"), ["round", "nowMs", "wallMs"]);
  for (const read of listOf(image["forwardedReads"], "reads")) want(listOf(read, "read").every(isNumber), "read");
  want(Object.values(fieldsOf(image["dropped"], "dropped")).every(isNumber), "dropped");
  return image as unknown as RaftImage;
}

/** @throws DraftError DAMAGED unless `value` is a list of configurations */
export function configurationsFrom(value: unknown): Configuration[] {
  return listOf(value, "configurations").map((each) => {
    const configuration = fieldsOf(each, "configuration");
    wholes(configuration, ["index", "nextMemberNumber"]);
    want(typeof configuration["joint"] === "boolean", "configuration");
    for (const row of listOf(configuration["members"], "members")) {
      const member = fieldsOf(row, "member");
      wholes(member, ["number", "incarnation", "promoteByMs"]);
      want(typeof member["id"] === "string" && typeof member["address"] === "string", "member");
      const { role, outgoingRole, targetRole } = member as unknown as Member;
      want([role, outgoingRole, targetRole].every((each) => MEMBER_ROLES.includes(each)), "member");
    }
    return configuration as unknown as Configuration;
  });
}

function checkTrail(fields: Fields): void {
  wholes(fieldsOf(fields["base"], "base"), ["index", "term", "chain"]);
  wholes(fields, TRAIL_WHOLE);
  // Estimates are not whole.
  numbers(fields, ["timeMs", "lastBytes"]);
  const trail = fields as unknown as TrailImage;
  const { runs, chains, ends, base, lastIndex, recentFirst, capacity } = trail;
  want(runs instanceof Float64Array && chains instanceof Uint32Array && ends instanceof Float64Array, "log");
  want(runs.length % RUN_NUMBERS === 0 && (runs.length > 0) === (lastIndex > base.index), "log");
  let after = base.index;
  for (let at = 0; at < runs.length; at += RUN_NUMBERS) {
    const first = runs[at] as number;
    want(Number.isSafeInteger(first) && first > after && first <= lastIndex, "log");
    after = first;
  }
  const count = lastIndex - recentFirst + 1;
  want(capacity > 0 && capacity <= CAPACITY_MAX && (capacity & (capacity - 1)) === 0, "log");
  want(lastIndex >= base.index && recentFirst > base.index, "log");
  want(count >= 0 && count <= capacity && chains.length === count && ends.length === count, "log");
}

function checkProgress(progress: Fields): void {
  numbers(progress, PROGRESS_NUMBERS);
  wholes(progress, ["member", "matchIndex", "nextIndex"]);
  want(["probe", "replicate", "snapshot"].includes(progress["state"] as string), "progress");
  want(progress["matchChain"] === null || isNumber(progress["matchChain"]), "progress");
  want(typeof progress["probeSent"] === "boolean" && typeof progress["witness"] === "boolean" && typeof progress["caughtUp"] === "boolean", "progress");
  // Recordings of before it was noted have none.
  want(typeof (progress["isCut"] ?? false) === "boolean", "progress");
  for (const each of listOf(progress["inflight"], "progress")) {
    numbers(fieldsOf(each, "progress"), ["prevIndex", "lastIndex", "bytes", "sentMs"]);
  }
}

function checkReads(reads: Fields): void {
  numbers(reads, ["round"]);
  for (const name of ["waiting", "confirming", "confirmed"]) {
    for (const read of listOf(reads[name], "reads")) numbers(fieldsOf(read, "read"), READ_NUMBERS);
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  want(typeof value === "object" && value !== null && !Array.isArray(value), what);
  return value as Fields;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  want(Array.isArray(value), what);
  return value as readonly unknown[];
}

function numbers(fields: Fields, names: readonly string[]): void {
  for (const name of names) want(isNumber(fields[name]), name);
}

function wholes(fields: Fields, names: readonly string[]): void {
  for (const name of names) want(Number.isSafeInteger(fields[name]) && (fields[name] as number) >= 0, name);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}

function want(condition: boolean, what: string): asserts condition {
  if (!condition) throw new DraftError("DAMAGED", `the recording's checkpoint cannot be read: its ${what} makes no sense`);
}
