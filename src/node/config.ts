/**
 * What a node is told at its start: every setting with its unit, its default and what is wrong with a bad one. Texts
 * come from flags and environment alike; here they become numbers and addresses.
 */
import { formatAddress, isNodeId, type NodeAddress, parseAddress, parseNodeAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import type { Address, LogLevel } from "../host/host.ts";
import { missingProofs, parseProofs, type ProofConfig } from "./proof_config.ts";

/** How lines of the log look. */
export type LogFormat = "text" | "json";

/** All settings of a node. */
export interface NodeConfig extends ProofConfig {
  /** null: the id that the data directory holds. */
  readonly id: string | null;
  readonly data: string;
  /** Port 0 means any. */
  readonly listen: Address;
  /** Where health alone is served; null: nowhere but on `listen`. */
  readonly healthListen: Address | null;
  /** `host:port` where others find this node; null: where it listens, with the real port. */
  readonly advertise: string | null;
  readonly bootstrap: boolean;
  /** The voters that found a cluster together; empty if none were named. */
  readonly initial: readonly NodeAddress[];
  /** `host:port` of nodes of the cluster that this one asks to be added to. */
  readonly join: readonly string[];
  readonly autoRejoin: boolean;
  /** Names or paths of plugins; the first is the machine of `main`. */
  readonly machines: readonly string[];
  /** Of two nodes in step the one with the higher priority would rather lead; 0 to 100. */
  readonly priority: number;
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** A snapshot is taken once the log behind the last one has so many bytes, or entries. */
  readonly snapshotBytes: number;
  readonly snapshotEntries: number;
  /** Bytes of log that stay behind a snapshot, for followers that are not far behind. */
  readonly retainBytes: number;
  readonly segmentBytes: number;
  readonly valueBytesMax: number;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  /** So fast closed files of log and snapshots are read again, to find what rots; 0: they are not. */
  readonly scrubBytesPerSecond: number;
  readonly logLevel: LogLevel;
  /** null: text on a terminal, else json. */
  readonly logFormat: LogFormat | null;
  /** Where the protocol's events are written; null: nowhere. */
  readonly traceFile: string | null;
}

/** Settings as texts, by the names of their flags. */
export interface RawConfig {
  text(name: string): string | undefined;
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** How messages call the setting: where its value came from. `--name` if nothing is said. */
  named?(name: string): string;
}

const MIB = 1024 * 1024;

/** What holds where nothing is said. */
export const CONFIG_DEFAULTS: ConfigDefaults = {
  listen: "127.0.0.1:7100",
  machine: "kv",
  heartbeatMs: 60,
  election: "300-600",
  snapshotBytes: 128 * MIB,
  snapshotEntries: 1_000_000,
  retainBytes: 64 * MIB,
  segmentBytes: 64 * MIB,
  valueBytesMax: 8 * MIB,
  frameBytesMax: 16 * MIB,
  queueBytesMax: 256 * MIB,
  scrubBytesPerSecond: 4 * MIB,
};

type ConfigDefaults =
  & Readonly<Record<"listen" | "machine" | "election", string>>
  & Readonly<Record<"snapshotBytes" | "snapshotEntries" | "retainBytes", number>>
  & Readonly<Record<"heartbeatMs" | "segmentBytes" | "valueBytesMax" | "frameBytesMax" | "queueBytesMax" | "scrubBytesPerSecond", number>>;

/** What a frame holds besides a value, at most. */
const FRAME_OVERHEAD_BYTES = 64 * 1024;
const INITIAL_MAX = 64;
export const LOG_LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];
const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: MIB, GiB: 1024 * MIB };

/**
 * The settings that `raw` means.
 *
 * @throws DraftError BAD_CONFIG that names the flag and what it should be
 */
export function parseNodeConfig(raw: RawConfig): NodeConfig {
  const id = raw.text("id") ?? null;
  if (id !== null && !isNodeId(id)) throw bad(`${named(raw, "id")} "${id}": want 1 to 64 of a-z 0-9 . _ -`);
  const data = raw.text("data") ?? (id === null ? null : `./draft-data/${id}`);
  if (data === null || data === "") throw bad("neither --id nor --data is given: draft serve --id a --bootstrap");
  const listen = addressOf(raw, "listen", CONFIG_DEFAULTS.listen);
  const initial = parseInitial(raw, id);
  const config: NodeConfig = {
    id,
    data,
    listen,
    healthListen: raw.text("health-listen") === undefined ? null : addressOf(raw, "health-listen", ""),
    advertise: advertised(raw, { id, listen, initial }),
    bootstrap: raw.has("bootstrap"),
    initial,
    join: parseJoin(raw),
    autoRejoin: raw.has("auto-rejoin"),
    ...parseProofs(raw),
    machines: raw.all("machine").length > 0 ? raw.all("machine") : [CONFIG_DEFAULTS.machine],
    priority: wholeNumber(raw, "priority", { otherwise: 0, from: 0, to: 100 }),
    heartbeatMs: wholeNumber(raw, "heartbeat-ms", { otherwise: CONFIG_DEFAULTS.heartbeatMs, from: 1, to: 60_000 }),
    ...parseElection(raw),
    snapshotBytes: bytes(raw, "snapshot-bytes", { otherwise: CONFIG_DEFAULTS.snapshotBytes, from: 1024 }),
    snapshotEntries: wholeNumber(raw, "snapshot-entries", { otherwise: CONFIG_DEFAULTS.snapshotEntries, from: 1 }),
    retainBytes: bytes(raw, "retain-bytes", { otherwise: CONFIG_DEFAULTS.retainBytes, from: 0 }),
    segmentBytes: bytes(raw, "segment-bytes", { otherwise: CONFIG_DEFAULTS.segmentBytes, from: 64 * 1024 }),
    valueBytesMax: bytes(raw, "value-bytes-max", { otherwise: CONFIG_DEFAULTS.valueBytesMax, from: 1024 }),
    frameBytesMax: bytes(raw, "frame-bytes-max", { otherwise: CONFIG_DEFAULTS.frameBytesMax, from: 64 * 1024 }),
    queueBytesMax: bytes(raw, "queue-bytes-max", { otherwise: CONFIG_DEFAULTS.queueBytesMax, from: MIB }),
    scrubBytesPerSecond: bytes(raw, "scrub-bytes-per-second", { otherwise: CONFIG_DEFAULTS.scrubBytesPerSecond, from: 0 }),
    logLevel: oneOf(raw, "log-level", LOG_LEVELS) ?? "info",
    logFormat: oneOf(raw, "log-format", ["text", "json"]),
    traceFile: raw.text("trace-file") ?? null,
  };
  checkTogether(config, raw);
  return config;
}

function parseInitial(raw: RawConfig, id: string | null): NodeAddress[] {
  const text = raw.text("initial");
  if (text === undefined) return [];
  const flag = named(raw, "initial");
  const nodes = text.split(",").map((each) => parseFor(flag, () => parseNodeAddress(each.trim())));
  if (new Set(nodes.map((node) => node.id)).size < nodes.length) throw bad(`${flag} "${text}": an id stands there twice`);
  if (new Set(nodes.map(formatAddress)).size < nodes.length) throw bad(`${flag} "${text}": an address stands there twice`);
  if (nodes.length > INITIAL_MAX) throw bad(`${flag} names ${nodes.length} nodes: at most ${INITIAL_MAX} found a cluster`);
  if (nodes.some((node) => node.port === 0)) throw bad(`${flag} "${text}": others cannot find a node at port 0`);
  if (id !== null && !nodes.some((node) => node.id === id)) {
    throw bad(`${flag} "${text}" does not name this node: add ${id}@host:port, the same list on each node`);
  }
  return nodes;
}

function parseJoin(raw: RawConfig): string[] {
  const text = raw.text("join");
  if (text === undefined) return [];
  const flag = named(raw, "join");
  const addresses = text.split(",").map((each) => parseFor(flag, () => parseAddress(each.trim())));
  if (addresses.some(({ port }) => port === 0)) throw bad(`${flag} "${text}": nobody can be found at port 0`);
  return addresses.map(formatAddress);
}

interface Placement {
  readonly id: string | null;
  readonly listen: Address;
  readonly initial: readonly NodeAddress[];
}

/** Where others find this node, as far as known before it listens. */
function advertised(raw: RawConfig, { id, listen, initial }: Placement): string | null {
  const text = raw.text("advertise");
  if (text !== undefined) {
    const flag = named(raw, "advertise");
    const address = addressOf(raw, "advertise", text);
    if (address.port === 0) throw bad(`${flag} "${text}": others cannot find a node at port 0`);
    if (isWildcard(address.host)) throw bad(`${flag} "${text}": others cannot find a node at every address`);
    return formatAddress(address);
  }
  const own = initial.find((node) => node.id === id);
  if (own !== undefined) return formatAddress(own);
  if (isWildcard(listen.host)) {
    throw bad(`${named(raw, "listen")} ${formatAddress(listen)} is every address of this machine: add --advertise host:port`);
  }
  return null;
}

function parseElection(raw: RawConfig): { electionMinMs: number; electionMaxMs: number } {
  const text = raw.text("election-ms") ?? CONFIG_DEFAULTS.election;
  const match = /^(\d{1,6})-(\d{1,6})$/.exec(text);
  const electionMinMs = Number(match?.[1]);
  const electionMaxMs = Number(match?.[2]);
  if (match === null || electionMinMs < 1 || electionMaxMs <= electionMinMs) {
    throw bad(`${named(raw, "election-ms")} "${text}": want MIN-MAX in milliseconds, as ${CONFIG_DEFAULTS.election}`);
  }
  return { electionMinMs, electionMaxMs };
}

/** What only fits or does not fit together. */
function checkTogether(config: NodeConfig, raw: RawConfig): void {
  if (config.traceFile === "") throw bad(`${named(raw, "trace-file")} "": want the path of a file`);
  const { heartbeatMs, electionMinMs, valueBytesMax, frameBytesMax, listen } = config;
  if (config.bootstrap && config.initial.length > 0) {
    throw bad("--bootstrap founds a cluster of this node alone, --initial one of several: give one of them");
  }
  if (config.bootstrap && config.join.length > 0) {
    throw bad("--bootstrap founds a cluster of this node alone, --join asks another one to take it in: give one of them");
  }
  if (2 * heartbeatMs > electionMinMs) {
    throw bad(`${named(raw, "heartbeat-ms")} ${heartbeatMs} with --election-ms from ${electionMinMs}: want at most half of it`);
  }
  if (frameBytesMax < valueBytesMax + FRAME_OVERHEAD_BYTES) {
    const needed = valueBytesMax + FRAME_OVERHEAD_BYTES;
    throw bad(`${named(raw, "frame-bytes-max")} ${frameBytesMax} cannot carry a value of ${valueBytesMax} bytes: want ${needed} or more`);
  }
  if (isLoopback(listen.host) || raw.has("insecure")) return;
  const missing = missingProofs(config);
  if (missing !== "") throw bad(`${named(raw, "listen")} ${formatAddress(listen)} is beyond loopback: ${missing}; or --insecure allows what this refuses`);
}

function addressOf(raw: RawConfig, name: string, otherwise: string): Address {
  return parseFor(named(raw, name), () => parseAddress(raw.text(name) ?? otherwise));
}

/** What an address is wrong with, said of the setting that it stands in. */
function parseFor<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DraftError ? bad(`${flag}: ${error.message}`) : error;
  }
}

function named(raw: RawConfig, name: string): string {
  return raw.named?.(name) ?? `--${name}`;
}

/** Whether `host` stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]+$/.test(host);
}

/** Whether only this machine reaches `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

interface NumberRange {
  readonly otherwise: number;
  readonly from: number;
  readonly to?: number;
}

function wholeNumber(raw: RawConfig, name: string, range: NumberRange): number {
  const text = raw.text(name);
  if (text === undefined) return range.otherwise;
  return inRange(named(raw, name), text, /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN, range);
}

/** A size: a number, or one with KiB, MiB or GiB behind it. */
function bytes(raw: RawConfig, name: string, range: NumberRange): number {
  const text = raw.text(name);
  if (text === undefined) return range.otherwise;
  const match = /^(\d{1,15}) ?(KiB|MiB|GiB|)$/.exec(text);
  return inRange(named(raw, name), text, match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1), range);
}

function inRange(flag: string, text: string, value: number, { from, to = 2 ** 40 }: NumberRange): number {
  if (value >= from && value <= to) return value;
  throw bad(`${flag} "${text}": want a whole number from ${from} to ${to}`);
}

function oneOf<const C extends string>(raw: RawConfig, name: string, choices: readonly C[]): C | null {
  const text = raw.text(name);
  if (text === undefined) return null;
  const chosen = choices.find((choice) => choice === text);
  if (chosen === undefined) throw bad(`${named(raw, name)} "${text}": want one of ${choices.join(", ")}`);
  return chosen;
}

function bad(message: string): DraftError {
  return new DraftError("BAD_CONFIG", `${message}: draft serve --help`);
}
