/**
 * The genesis: what a cluster is founded with, and the position before its first entry. Its sum begins the chain, so
 * that logs of two clusters agree nowhere.
 *
 * ```text
 * genesis  [format, cluster id, machine name, machine version, founded at (Unix ms), configuration (a byte string)]
 * ```
 */
import { assert } from "../base/assert.ts";
import { decode, encode } from "../base/codec.ts";
import { chainOfGenesis } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { decodeConfiguration, encodeConfiguration } from "../raft/configuration.ts";
import type { Configuration, LogPoint, Member, MemberNumber, NodeId } from "../raft/types.ts";

const FORMAT = 1;

/** A founded cluster. */
export interface Genesis {
  readonly clusterId: string;
  readonly machine: string;
  /** In force until an entry raises it: the lowest of the founders' plugins. */
  readonly machineVersion: number;
  /** Log time starts here. */
  readonly foundedMs: number;
  readonly configuration: Configuration;
}

export function encodeGenesis(genesis: Genesis): Uint8Array {
  const { clusterId, machine, machineVersion, foundedMs, configuration } = genesis;
  const tuple = [FORMAT, clusterId, machine, machineVersion, foundedMs, encodeConfiguration(configuration)];
  // A copy of its own: the encoder's buffer holds other things too, and the genesis is kept for ever.
  return new Uint8Array(encode(tuple));
}

/** @throws DraftError BAD_REQUEST if the bytes are no genesis */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  const tuple = decode(bytes);
  if (!Array.isArray(tuple)) throw malformed("is no tuple");
  const [format, clusterId, machine, machineVersion, foundedMs, configuration] = tuple as unknown[];
  if (format !== FORMAT) throw malformed(`has format ${String(format)}, known is ${FORMAT}`);
  const fits = typeof clusterId === "string" && clusterId !== "" && typeof machine === "string" &&
    Number.isSafeInteger(machineVersion) && (machineVersion as number) >= 1 && Number.isSafeInteger(foundedMs) && configuration instanceof Uint8Array;
  if (!fits) throw malformed("has fields of other types");
  return {
    clusterId, machine,
    machineVersion: machineVersion as number,
    foundedMs: foundedMs as number,
    configuration: foundersOf(configuration),
  };
}

/** Founders are voters; each has a number, an id and an incarnation of its own. It comes from a peer: nothing is believed. */
function foundersOf(bytes: Uint8Array): Configuration {
  const configuration = decodeConfiguration(bytes, 0);
  const { members, joint, nextMemberNumber } = configuration;
  const isFounder = (member: Member): boolean => member.role === "voter" && member.outgoingRole === null && member.incarnation >= 1;
  const numbers = new Set(members.map(({ number }) => number));
  const ids = new Set(members.map(({ id }) => id));
  const areApart = numbers.size === members.length && ids.size === members.length && !numbers.has(0);
  const holds = members.length > 0 && members.every(isFounder) && areApart && !joint && nextMemberNumber > Math.max(...numbers);
  if (!holds) throw malformed("names founders that no cluster can have");
  return configuration;
}

/** The number of the founder that is called `id`, in a genesis that this node made. */
export function founderNumber(bytes: Uint8Array, id: NodeId): MemberNumber {
  const founder = decodeGenesis(bytes).configuration.members.find((member) => member.id === id);
  assert(founder !== undefined, "who founds a cluster is in it", id);
  return founder.number;
}

/** The position before the first entry of a group that was founded with these bytes. */
export function genesisPoint(bytes: Uint8Array): LogPoint {
  return { index: 0, term: 0, chain: chainOfGenesis(bytes) };
}

function malformed(what: string): DraftError {
  return new DraftError("BAD_REQUEST", `genesis ${what}`);
}
