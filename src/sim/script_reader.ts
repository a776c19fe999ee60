/**
 * Reads a script that somebody wrote or changed. What is wrong with it is named by its place, `faults[3].who`, before
 * anything is run.
 */
import { DraftError } from "../base/errors.ts";
import { isEarlier } from "../machine/earlier.ts";
import { SESSION_LIMITS } from "../machine/session_limits.ts";
import type { FaultBody, FaultKind, LossyWay, PlannedOperation, Script, Settings } from "./script.ts";

/** What a value must be, in words, or null if it is that. */
type Check = (value: unknown, nodes: number) => string | null;

/** A check for each field: one that is new in a type is missed here by the compiler. */
type Checks<T> = { readonly [F in keyof T]-?: Check };

type BodyOf<K extends FaultKind> = Omit<Extract<FaultBody, { kind: K }>, "kind">;

const NODES_MAX = 7;
const CLIENTS_MAX = 100;

const text: Check = (value) => typeof value === "string" ? null : "wants a text";
const flag: Check = (value) => typeof value === "boolean" ? null : "wants true or false";
const amount: Check = (value) => isNumber(value) && value >= 0 ? null : "wants a number from 0 on";
const signed: Check = (value) => isNumber(value) ? null : "wants a number";
const count: Check = whole(0);
const positive: Check = whole(1);
const who: Check = (value, nodes) => whole(0, nodes)(value, nodes);
const numbers: Check = listOf(signed);

const part: Check = (value) => isNumber(value) && value >= 0 && value <= 1 ? null : "wants a number from 0 to 1";

const libraryClient: Check = (value, nodes) => {
  const { client, knows } = (value ?? {}) as { client?: unknown; knows?: unknown };
  const isOne = positive(client, nodes) === null && Array.isArray(knows) && knows.length > 0 && listOf(positive)(knows, nodes) === null;
  return isOne ? null : "wants a client and the places of nodes that it knows";
};

const snapshots = (value: unknown): string | null => {
  const { entries, retainBytes, pieceBytes = 1, servedBytesPerSecond = 1, hoards = 1 } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isOne = [entries, pieceBytes, servedBytesPerSecond, hoards].every((each) => positive(each, 0) === null) && count(retainBytes, 0) === null;
  return isOne ? null : "wants entries and retainBytes, and may have pieceBytes, servedBytesPerSecond and hoards";
};

const sessionLimits = (value: unknown): string | null => {
  const isOne = typeof value === "object" && value !== null && Object.entries(value).every(([name, each]) => name in SESSION_LIMITS && count(each, 0) === null);
  return isOne ? null : `wants some of ${Object.keys(SESSION_LIMITS).join(", ")}`;
};

const verdicts = (value: unknown): string | null => {
  const { entries, ms } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return positive(entries, 0) === null && positive(ms, 0) === null ? null : "wants entries and ms";
};

const astray = (value: unknown): string | null => {
  const { who: place, from, what } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isOne = whole(1, NODES_MAX)(place, 0) === null && positive(from, 0) === null && oneOf("answers", "changes", "state")(what, 0) === null;
  return isOne ? null : "wants who, from, and what: answers, changes or state";
};

const versions = (value: unknown): string | null => {
  const { newest, first, finishes } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isOne = whole(2)(newest, 0) === null && listOf(whole(1, newest as number))(first, 0) === null && flag(finishes, 0) === null;
  return isOne ? null : "wants newest, 2 or more, first, a list of versions up to that, and finishes, true or false";
};

const membership = (value: unknown): string | null => {
  const { founders, promoteWithinMs, witnesses, besides = [] } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isOne = whole(1, NODES_MAX)(founders, 0) === null && positive(promoteWithinMs, 0) === null && (witnesses === undefined || witnesses === true) &&
    listOf(oneOf("witnesses", "damage"))(besides, 0) === null;
  return isOne ? null : "wants founders, promoteWithinMs and, if those that wait become witnesses, witnesses: true; besides may list witnesses and damage";
};

const wish: Check = (value, nodes) => {
  const { what, who: place, by } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isOne = oneOf("add", "learn", "witness", "remove", "promote", "demote", "replace", "turn", "cancel")(what, nodes) === null && who(place, nodes) === null && who(by, nodes) === null;
  return isOne ? null : "wants what, who and by";
};

const SETTINGS: Checks<Settings> = {
  nodes: whole(1, NODES_MAX), heartbeatMs: positive, electionMinMs: positive, electionMaxMs: positive, tailBytesMax: count,
  segmentBytes: positive, batchBytesMax: positive, appendEntriesMax: positive, inflightAppendsMax: positive,
  uncommittedBytesMax: positive, netDelayMs: amount, netBytesPerMs: positive, netWindowBytes: positive, netCutOneIn: count,
  diskDelayMaxMs: amount, drift: numbers, wallOffsetMs: numbers, calmStart: flag, clients: whole(1, CLIENTS_MAX),
  safetyMs: amount, freezeRest: flag, gentle: flag, faultEveryMs: positive, features: listOf(text),
  snapshots: (value) => value === undefined ? null : snapshots(value),
  verdicts: (value) => value === undefined ? null : verdicts(value),
  astray: (value) => value === undefined ? null : astray(value),
  versions: (value) => value === undefined ? null : versions(value),
  membership: (value) => value === undefined ? null : membership(value),
  sessions: (value, nodes) => value === undefined ? null : listOf(positive)(value, nodes),
  ordered: (value, nodes) => value === undefined ? null : listOf(positive)(value, nodes),
  sessionLimits: (value) => value === undefined ? null : sessionLimits(value),
  library: (value, nodes) => value === undefined ? null : listOf(libraryClient)(value, nodes),
  engines: (value, nodes) => value === undefined ? null : flag(value, nodes),
  scrubMs: (value, nodes) => value === undefined ? null : positive(value, nodes),
  queueBytesMax: (value, nodes) => value === undefined ? null : positive(value, nodes),
  // Looked at one by one, once it is known how many nodes there are.
  ways: (value) => value === undefined || Array.isArray(value) ? null : "wants a list",
};

const WAY: Checks<LossyWay> = {
  from: (value, nodes) => whole(1, nodes)(value, nodes), to: (value, nodes) => whole(1, nodes)(value, nodes),
  lost: part, doubled: part, late: part, kept: part, lateMs: amount,
};

const FAULTS: { readonly [K in FaultKind]: Checks<BodyOf<K>> } = {
  crash: { who, downMs: amount, silent: flag },
  "crash-all": { downMs: amount },
  "crash-at-snapshot": { who, fetched: flag, forMs: amount, downMs: amount },
  "crash-at-call": { who, calls: positive, killed: flag, again: listOf(positive), downMs: amount },
  kill: { who, downMs: amount },
  stop: { who, downMs: amount },
  pause: { who, forMs: amount, atTurn: flag },
  // Whose directory is lost is decided beforehand, not by who leads.
  wipe: { who: (value, nodes) => whole(1, nodes)(value, nodes), downMs: amount },
  split: { sides: listOf(count), forMs: amount },
  isolate: { who, forMs: amount },
  ring: { forMs: amount },
  bridge: { who, forMs: amount },
  "one-way": { from: who, to: who, forMs: amount },
  deaf: { who, forMs: amount },
  mute: { who, forMs: amount },
  reset: { a: who, b: who },
  clog: { from: who, to: who, bytesPerMs: amount, forMs: amount },
  "slow-disk": { who, factor: amount, forMs: amount },
  stall: { who, forMs: amount, call: oneOf("sync", "write", "any") },
  eio: { who, call: oneOf("read", "write", "sync", "syncDirectory"), afterCalls: count, powerCycle: flag, downMs: amount },
  full: { who, slackBytes: count, forMs: amount },
  "short-writes": { who, forMs: amount },
  flip: { who, file: amount, position: amount, bit: count, restart: flag },
  "rot-at-rest": { who, backBytes: count, bit: count },
  misdirect: { who, byBytes: whole(Number.MIN_SAFE_INTEGER) },
  "bad-sector": { who, file: amount, position: amount, restart: flag },
  "lost-write": { who },
  lie: { who, forMs: amount, powerCycle: flag, downMs: amount },
  "wall-jump": { who, byMs: signed },
  install: { who, version: positive, by: oneOf("stop", "kill", "nobody"), downMs: amount },
  "at-raise": { how: oneOf("isolate", "set-back"), who, forMs: amount },
  "deaf-at-fetch": { cutMs: amount, forMs: amount },
  "late-at-fetch": { forMs: amount },
  "late-at-snapshot": { who, cutMs: amount, forMs: amount },
  change: { wishes: listOf(wish), via: who, tries: positive },
  resize: { voters: positive, from: who, via: who, tries: positive },
  lose: { who, downMs: amount },
  "at-change": { when: oneOf("learner", "joint", "left"), how: oneOf("crash", "crash-all", "isolate", "aside", "newcomer", "transfer", "rival"), afterMs: amount, forMs: amount },
  transfer: { to: who },
  "at-lease": { how: oneOf("late answers", "restart", "hand over", "hand over late", "clock back"), afterMs: amount, forMs: amount },
};

const OPERATION: Checks<PlannedOperation> = {
  id: text, client: positive, waitMs: amount, waits: flag, member: (value, nodes) => whole(1, nodes)(value, nodes),
  command: (value) => isCommand(value) ? null : "wants the name of an operation and its arguments, texts or numbers",
  level: oneOf("linearizable", "lease", "stale", null), readsOwn: flag, timeoutMs: positive, patienceMs: amount,
};

/**
 * `value`, as it was read from JSON, as a script.
 *
 * @throws DraftError BAD_REQUEST that names what is wrong
 */
export function readScript(value: unknown): Script {
  const script = recordAt(value, "the script");
  checkNames(script, ["seed", "machine", "settings", "faults", "operations"], "");
  check(script["seed"], count, "seed", 0);
  if (script["machine"] !== undefined) check(script["machine"], text, "machine", 0);
  const settings = recordAt(script["settings"], "settings");
  checkFields(settings, SETTINGS, "settings", 0);
  for (const place of (settings["library"] as Settings["library"] ?? []).flatMap(({ knows }) => knows)) {
    check(place, whole(1, (settings as unknown as Settings).nodes), "settings.library.knows", 0);
  }
  const { nodes, clients, heartbeatMs, electionMinMs, electionMaxMs } = settings as unknown as Settings;
  if (heartbeatMs * 2 > electionMinMs) throw wrong("settings.heartbeatMs", heartbeatMs, `wants at most half of electionMinMs, ${electionMinMs}`);
  if (electionMaxMs <= electionMinMs) throw wrong("settings.electionMaxMs", electionMaxMs, `wants more than electionMinMs, ${electionMinMs}`);
  for (const [at, way] of (settings["ways"] as unknown[] ?? []).entries()) {
    checkFields(recordAt(way, `settings.ways[${at}]`), WAY, `settings.ways[${at}]`, nodes);
  }
  for (const [at, fault] of listAt(script["faults"], "faults").entries()) checkFault(fault, `faults[${at}]`, nodes);
  for (const [at, each] of listAt(script["operations"], "operations").entries()) {
    const place = `operations[${at}]`;
    const operation = recordAt(each, place);
    checkFields(operation, OPERATION, place, nodes);
    check(operation["client"], whole(1, clients), `${place}.client`, nodes);
  }
  return value as Script;
}

function checkFault(value: unknown, place: string, nodes: number): void {
  const { kind, id, atMs, ...body } = recordAt(value, place);
  check(kind, oneOf(...Object.keys(FAULTS)), `${place}.kind`, nodes);
  check(id, text, `${place}.id`, nodes);
  check(atMs, amount, `${place}.atMs`, nodes);
  checkFields(body, FAULTS[kind as FaultKind], place, nodes);
}

function checkFields(record: Readonly<Record<string, unknown>>, checks: Readonly<Record<string, Check>>, place: string, nodes: number): void {
  checkNames(record, Object.keys(checks), `${place}.`);
  for (const [name, each] of Object.entries(checks)) check(record[name], each, `${place}.${name}`, nodes);
}

/** A field that nobody reads would be a mistyped one. */
function checkNames(record: Readonly<Record<string, unknown>>, names: readonly string[], prefix: string): void {
  const odd = Object.keys(record).find((name) => !names.includes(name));
  if (odd !== undefined) throw new DraftError("BAD_REQUEST", `${prefix}${odd} is unknown: wants ${names.join(", ")}`);
}

function check(value: unknown, by: Check, place: string, nodes: number): void {
  const wanted = by(value, nodes);
  if (wanted !== null) throw wrong(place, value, wanted);
}

function wrong(place: string, value: unknown, wanted: string): DraftError {
  const shown = value === undefined ? "is missing" : JSON.stringify(value).slice(0, 60);
  return new DraftError("BAD_REQUEST", `${place} ${shown}: ${wanted}`);
}

function recordAt(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(place, value, "wants an object");
}

function listAt(value: unknown, place: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(place, value, "wants a list");
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isCommand(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === "string" && value.every((word) => typeof word === "string" || isNumber(word) || isEarlier(word));
}

function whole(from: number, to: number = Number.MAX_SAFE_INTEGER): Check {
  const range = to < Number.MAX_SAFE_INTEGER ? ` from ${from} to ${to}` : from < 0 ? "" : ` from ${from} on`;
  return (value) => Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to ? null : `wants a whole number${range}`;
}

function oneOf(...choices: readonly (string | null)[]): Check {
  return (value) => choices.includes(value as string | null) ? null : `wants one of ${choices.join(", ")}`;
}

function listOf(each: Check): Check {
  return (value, nodes) => {
    if (!Array.isArray(value)) return "wants a list";
    return value.map((item) => each(item, nodes)).find((wanted) => wanted !== null) ?? null;
  };
}
