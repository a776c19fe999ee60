/**
 * The identity file: who this node is. JSON, so that a person can read it, with a sum, so that nobody edits it by
 * accident; replaced as a whole.
 *
 * ```text
 * {
 *   "format": 1,             what a reader must know; another number is refused
 *   "draft": "0.1.0",        the version that wrote it, for messages
 *   "clusterId": "",         empty before the founding
 *   "nodeId": "a",
 *   "incarnation": 123,      1..2^53-1, drawn when the directory is made
 *   "memberNumber": 0,       in `main`; 0 until the log was begun: with one, a missing log is a lost one
 *   "welcome": null,         {"number": 4, "index": 17, "witness": false}: which member it was told to be, by which entry (0: the genesis),
 *                            and whether as one that keeps positions and no payloads
 *   "bootCount": 1,          counts up, durably, at each start
 *   "machine": "kv",         name of `main`'s machine
 *   "promiseMaxMs": 0,       longest time for which a vote may have been refused in advance
 *   "founding": [{"id": "a", "address": "host:port"}],
 *   "genesis": "86…",        what the cluster was founded with, in hexadecimal; empty before
 *   "recovery": {"index": 813, "term": 8, "logIncarnation": 123},
 *                            only if it goes on alone by `draft admin recover`
 *   "rebuilding": {"incarnation": 123, "clusterId": "9f…", "addresses": ["host:port"], "why": "log file …"},
 *                            only if the log lost its hard state, until the node was let in again: who it was
 *   "fallenBack": "why",     only if a member knows that this incarnation held more: it takes part in nothing any more
 *   "sum": "0a1b2c3d"        CRC-32, in hexadecimal, of the same object without "sum" as JSON.stringify writes it
 * }
 * ```
 */
import { assert } from "../base/assert.ts";
import { crc32, hexOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import type { BootId, Incarnation, Index, MemberNumber, NodeId, Term } from "../raft/types.ts";
import type { WalIdentity } from "../wal/segment.ts";
import { decodeGenesis } from "./genesis.ts";

const FORMAT = 1;

/** A node of the list that founds a cluster. */
export interface FoundingNode {
  readonly id: NodeId;
  readonly address: string;
}

/** How a node was taken into its cluster. */
export interface Welcome {
  readonly number: MemberNumber;
  /** Index of a configuration that names it, committed or not; 0: the genesis does. */
  readonly index: Index;
  /** It keeps positions and no payloads, as long as it has this number. */
  readonly witness: boolean;
}

/** What an operator decided when the others were gone for good. */
export interface Recovery {
  /** Of the configuration entry by which this node is the only member, and its term: behind all that its log held. */
  readonly index: Index;
  readonly term: Term;
  /** The incarnation under which the log was begun: its files bear that one for ever. */
  readonly logIncarnation: Incarnation;
}

/** Who a node was, whose log lost its hard state, and where the others are. */
export interface Rebuilding {
  /** The log that is still there is this incarnation's. */
  readonly incarnation: Incarnation;
  readonly clusterId: string;
  readonly addresses: readonly string[];
  /** What was found, in words. */
  readonly why: string;
}

/** What the identity file holds. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly memberNumber: MemberNumber;
  /** Null before it belongs to a cluster. */
  readonly welcome: Welcome | null;
  readonly bootCount: BootId;
  readonly machine: string;
  readonly promiseMaxMs: number;
  readonly founding: readonly FoundingNode[];
  /** Bytes that the cluster was founded with; null before. */
  readonly genesis: Uint8Array | null;
  /** Null unless the node was made the only member by `draft admin recover`; the newest time counts. */
  readonly recovery: Recovery | null;
  /** Null unless it is to be let in again under its new incarnation. */
  readonly rebuilding: Rebuilding | null;
  /** Why this incarnation takes part in nothing any more, in words; empty while it does. */
  readonly fallenBack: string;
}

/**
 * Whose the log and the snapshots are, as their files say: of the cluster as it was founded, whatever it is called since a
 * recovery, and of the incarnation that began the log.
 *
 * @param identity of a node that belongs to a cluster
 */
export function storageIdentity({ nodeId, incarnation, genesis, recovery }: Identity): WalIdentity {
  assert(genesis !== null, "who has a log belongs to a cluster", nodeId);
  return { clusterId: decodeGenesis(genesis).clusterId, nodeId, incarnation: recovery?.logIncarnation ?? incarnation };
}

/** `identity` as the file's content. */
export function encodeIdentity(identity: Identity): Uint8Array {
  const { clusterId, nodeId, incarnation, memberNumber, welcome, bootCount, machine, promiseMaxMs, founding, recovery, rebuilding, fallenBack } = identity;
  const genesis = hexOf(identity.genesis ?? new Uint8Array());
  const fields = { format: FORMAT, draft: version, clusterId, nodeId, incarnation, memberNumber, welcome, bootCount, machine, promiseMaxMs, founding, genesis, ...(recovery === null ? {} : { recovery }), ...(rebuilding === null ? {} : { rebuilding }), ...(fallenBack === "" ? {} : { fallenBack }) };
  return new TextEncoder().encode(`${JSON.stringify({ ...fields, sum: sumOf(fields) }, null, 2)}\n`);
}

/**
 * The identity in a file's content.
 *
 * @param path for messages
 * @throws DraftError WRONG_IDENTITY for a format of another version, DAMAGED for what cannot be believed
 */
export function decodeIdentity(content: Uint8Array, path: string): Identity {
  const { sum, ...fields } = parse(content, path);
  if (fields["format"] !== FORMAT && typeof fields["format"] === "number") {
    const writer = `start the draft that wrote it: ${String(fields["draft"])}`;
    throw new DraftError("WRONG_IDENTITY", `identity file "${path}" has format ${fields["format"]}, wanted ${FORMAT}; ${writer}`);
  }
  if (sum !== sumOf(fields)) throw damaged(path, `its sum is ${String(sum)}, wanted ${sumOf(fields)}`);
  const identity: Identity = {
    clusterId: textOf(fields["clusterId"], path),
    nodeId: textOf(fields["nodeId"], path),
    incarnation: numberOf(fields["incarnation"], path),
    memberNumber: numberOf(fields["memberNumber"], path),
    welcome: welcomeOf(fields["welcome"], path),
    bootCount: numberOf(fields["bootCount"], path),
    machine: textOf(fields["machine"], path),
    promiseMaxMs: numberOf(fields["promiseMaxMs"], path),
    founding: foundingOf(fields["founding"], path),
    genesis: genesisOf(textOf(fields["genesis"], path), path),
    recovery: recoveryOf(fields["recovery"] ?? null, path),
    rebuilding: rebuildingOf(fields["rebuilding"] ?? null, path),
    fallenBack: textOf(fields["fallenBack"] ?? "", path),
  };
  if (identity.incarnation < 1) throw damaged(path, "its incarnation is 0");
  return identity;
}

function sumOf(fields: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(fields));
  return crc32(bytes, 0, bytes.length, 0).toString(16).padStart(8, "0");
}

function parse(content: Uint8Array, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
    if (typeof value === "object" && value !== null) return { ...value };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  throw damaged(path, "it is no JSON object");
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== "string") throw damaged(path, `found ${JSON.stringify(value)}, wanted a text`);
  return value;
}

function numberOf(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw damaged(path, `found ${JSON.stringify(value)}, wanted a whole number`);
  }
  return value;
}

function welcomeOf(value: unknown, path: string): Welcome | null {
  if (value === null) return null;
  if (typeof value !== "object") throw damaged(path, "it does not say by what the node was welcomed");
  const { number, index, witness } = value as { readonly number?: unknown; readonly index?: unknown; readonly witness?: unknown };
  return { number: numberOf(number, path), index: numberOf(index, path), witness: witness === true };
}

function recoveryOf(value: unknown, path: string): Recovery | null {
  if (value === null) return null;
  if (typeof value !== "object") throw damaged(path, "it does not say how the node was made the only member");
  const { index, term, logIncarnation } = value as Partial<Record<keyof Recovery, unknown>>;
  return { index: numberOf(index, path), term: numberOf(term, path), logIncarnation: numberOf(logIncarnation, path) };
}

function rebuildingOf(value: unknown, path: string): Rebuilding | null {
  if (value === null) return null;
  const { incarnation, clusterId, addresses, why } = value as Partial<Record<keyof Rebuilding, unknown>>;
  if (!Array.isArray(addresses)) throw damaged(path, "it does not say where the other members are");
  return {
    incarnation: numberOf(incarnation, path), clusterId: textOf(clusterId, path), why: textOf(why, path), addresses: addresses.map((each) => textOf(each, path)),
  };
}

function foundingOf(value: unknown, path: string): FoundingNode[] {
  if (!Array.isArray(value)) throw damaged(path, "the founding list is none");
  return value.map((row: { id?: unknown; address?: unknown }) => ({ id: textOf(row?.id, path), address: textOf(row?.address, path) }));
}

function genesisOf(hex: string, path: string): Uint8Array | null {
  if (hex === "") return null;
  if (!/^([0-9a-f]{2})+$/.test(hex)) throw damaged(path, "the genesis is no hexadecimal");
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

function damaged(path: string, what: string): DraftError {
  const next = "move the whole data directory away, then type: draft admin replace OLD NEW@HOST:PORT";
  return new DraftError("DAMAGED", `identity file "${path}" is damaged: ${what}; ${next}`);
}
