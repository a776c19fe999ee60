/**
 * What two nodes say of themselves before anything else: the dialling one first, the other in answer. A CBOR tuple in
 * one frame, so that fields can be added at its end; a reader ignores what it does not know.
 *
 * ```text
 * hello   [kind 64, protocolVersion, featureLevel, clusterId, nodeId, memberNumber, incarnation, bootId, address,
 *          [frameBytesMax], machineName, machineVersion, sourceDigest, foundingDigest, [group, …], priority]
 *         protocol 1 sends all up to bootId at least; missing behind it: "", [65536], "", 0, "", "", [], 0
 * group   [group, empty, welcomeIndex, edited, damage, term, durableIndex]   missing behind the first: true, 0, 0, 0, 0, 0
 * refusal [kind 65, text]
 * request [kind 66, payload]     what a probe asks, after the hellos
 * reply   [kind 67, payload]
 * ping    [kind 68, number]      asks whether the other side still hears
 * pong    [kind 69, number]
 * ask     [kind 70, nonce]         where nodes prove to know a secret (peer_proof.ts): in place of the hello that answers
 * proof   [kind 71, nonce, bytes]  the one who dialled proves it, and asks for the same; its answer stands before that hello:
 * proof   [kind 71, "", bytes]
 * ```
 *
 * Kinds below 64 are messages between members, see message_codec.ts.
 */
import { ADDRESS_CHARACTERS_MAX, isNodeId } from "../base/address.ts";
import { encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { BootId, GroupId, Incarnation, Index, MemberNumber, NodeId, Term } from "../raft/types.ts";
import { decodeTuple, flagOf, refused, textOf, tupleOf, wholeOf } from "./tuple.ts";

/** Rises when an older node could no longer talk to us; a feature level changes the rest. */
export const PROTOCOL_VERSION = 1;

/** Frames that serve the connection, by their first item. */
export const ConnectionFrame = { hello: 64, refusal: 65, request: 66, reply: 67, ping: 68, pong: 69, ask: 70, proof: 71 } as const;

/** A hello, or what comes before one was heard, is no longer than this. */
export const HELLO_BYTES_MAX: number = 256 * 1024;

/** The frame limit of a node that states none. */
export const FRAME_BYTES_MAX_DEFAULT = 65536;

const TEXT_CHARACTERS_MAX = 256;

/** How a node stands in one group. */
export interface GroupFlags {
  readonly group: GroupId;
  /** It holds nothing of the group. */
  readonly empty: boolean;
  /** Index of the entry that it was welcomed by and waits to see committed; 0 if none. */
  readonly welcomeIndex: Index;
  /** Number of the offline edit of its log that no leader has answered yet; 0 if none. */
  readonly edited: number;
  /** Its damage class: 0 none, 1 a payload or inner position, 2 the last position, 3 the hard state. */
  readonly damage: number;
  /** The newest term that is durable on it, and the last entry that is; 0: it has not read its log yet, or cannot tell. */
  readonly term: Term;
  readonly durableIndex: Index;
}

/** What a node says of itself. */
export interface Hello {
  readonly protocolVersion: number;
  readonly featureLevel: number;
  /** "" while it is in no cluster. */
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** 0 while it has none. */
  readonly memberNumber: MemberNumber;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  /** Where it says that it can be dialled, `host:port`. */
  readonly address: string;
  /** The longest frame that it takes. */
  readonly frameBytesMax: number;
  readonly machineName: string;
  /** The version of its plugin, the highest that it can run. */
  readonly machineVersion: number;
  /** Digest of the plugin's source, for a shipped machine its name and version; "" if nobody knows it. */
  readonly sourceDigest: string;
  /** Digest of the list of founders that it was started with; "" if none. */
  readonly foundingDigest: string;
  readonly groups: readonly GroupFlags[];
  /** Of two nodes in step the one with the higher priority would rather lead. */
  readonly priority: number;
}

/** The hello as the body of a frame. */
export function encodeHello(hello: Hello): Uint8Array {
  const groups = hello.groups.map((each) => [each.group, each.empty, each.welcomeIndex, each.edited, each.damage, each.term, each.durableIndex]);
  return encode([
    ConnectionFrame.hello,
    hello.protocolVersion,
    hello.featureLevel,
    hello.clusterId,
    hello.nodeId,
    hello.memberNumber,
    hello.incarnation,
    hello.bootId,
    hello.address,
    [hello.frameBytesMax],
    hello.machineName,
    hello.machineVersion,
    hello.sourceDigest,
    hello.foundingDigest,
    groups,
    ...(hello.priority === 0 ? [] : [hello.priority]),
  ]);
}

const REQUIRED_ITEMS = 8;

/** What the first frame of a connection may be. */
export type Greeting =
  | { readonly type: "hello"; readonly hello: Hello }
  | { readonly type: "refusal"; readonly text: string }
  | { readonly type: "ask"; readonly nonce: string }
  | { readonly type: "proof"; readonly nonce: string; readonly proof: unknown };

/**
 * Reads one of the first frames that a peer sent.
 *
 * @throws DraftError BAD_REQUEST if it is none that belongs there
 */
export function decodeGreeting(body: Uint8Array): Greeting {
  const tuple = decodeTuple(body, 2);
  if (tuple[0] === ConnectionFrame.refusal) {
    return { type: "refusal", text: textOf(tuple[1], "refusal", TEXT_CHARACTERS_MAX) };
  }
  if (tuple[0] === ConnectionFrame.ask) return { type: "ask", nonce: textOf(tuple[1], "nonce", TEXT_CHARACTERS_MAX) };
  if (tuple[0] === ConnectionFrame.proof) return { type: "proof", nonce: textOf(tuple[1], "nonce", TEXT_CHARACTERS_MAX), proof: tuple[2] };
  if (tuple[0] !== ConnectionFrame.hello) throw refused("first frame", "a hello");
  return { type: "hello", hello: helloOf(tuple) };
}

function helloOf(tuple: readonly unknown[]): Hello {
  tupleOf(tuple, REQUIRED_ITEMS, "hello");
  const [address = "", limits = [FRAME_BYTES_MAX_DEFAULT], ...rest] = tuple.slice(REQUIRED_ITEMS);
  const [machineName = "", machineVersion = 0, sourceDigest = "", foundingDigest = "", groups = [], priority = 0] = rest;
  const nodeId = textOf(tuple[4], "nodeId", TEXT_CHARACTERS_MAX);
  if (!isNodeId(nodeId)) throw refused("nodeId", "1 to 64 of a-z 0-9 . _ -");
  return {
    protocolVersion: wholeOf(tuple[1], "protocolVersion"),
    featureLevel: wholeOf(tuple[2], "featureLevel"),
    clusterId: textOf(tuple[3], "clusterId", TEXT_CHARACTERS_MAX),
    nodeId,
    memberNumber: wholeOf(tuple[5], "memberNumber"),
    incarnation: wholeOf(tuple[6], "incarnation"),
    bootId: wholeOf(tuple[7], "bootId"),
    address: textOf(address, "address", ADDRESS_CHARACTERS_MAX),
    frameBytesMax: wholeOf(tupleOf(limits, 1, "limits")[0], "frameBytesMax"),
    machineName: textOf(machineName, "machineName", TEXT_CHARACTERS_MAX),
    machineVersion: wholeOf(machineVersion, "machineVersion"),
    sourceDigest: textOf(sourceDigest, "sourceDigest", TEXT_CHARACTERS_MAX),
    foundingDigest: textOf(foundingDigest, "foundingDigest", TEXT_CHARACTERS_MAX),
    groups: tupleOf(groups, 0, "groups").map(groupFlagsOf),
    priority: wholeOf(priority, "priority"),
  };
}

function groupFlagsOf(row: unknown): GroupFlags {
  const [group, empty = true, welcomeIndex = 0, edited = 0, damage = 0, term = 0, durableIndex = 0] = tupleOf(row, 1, "group flags");
  return {
    group: wholeOf(group, "group"),
    empty: flagOf(empty, "empty"),
    welcomeIndex: wholeOf(welcomeIndex, "welcomeIndex"),
    edited: wholeOf(edited, "edited"),
    damage: wholeOf(damage, "damage"),
    term: wholeOf(term, "term"),
    durableIndex: wholeOf(durableIndex, "durableIndex"),
  };
}

/** A refusal as the body of a frame. */
export function encodeRefusal(text: string): Uint8Array {
  return encode([ConnectionFrame.refusal, text.slice(0, TEXT_CHARACTERS_MAX)]);
}

/** A question for a proof as the body of a frame. */
export function encodeProofAsk(nonce: string): Uint8Array {
  return encode([ConnectionFrame.ask, nonce]);
}

/** A proof as the body of a frame. `nonce` asks for one in return; empty: for none. */
export function encodeProof(nonce: string, proof: Uint8Array): Uint8Array {
  return encode([ConnectionFrame.proof, nonce, proof]);
}

/** A probe's question or answer as the body of a frame. */
export function encodeProbe(kind: number, payload: readonly unknown[]): Uint8Array {
  return encode([kind, payload]);
}

/**
 * The payload of a probe's answer.
 *
 * @throws DraftError FORBIDDEN if it is a refusal, BAD_REQUEST if it is neither
 */
export function decodeReply(body: Uint8Array): readonly unknown[] {
  const tuple = decodeTuple(body, 2);
  if (tuple[0] === ConnectionFrame.refusal) throw new DraftError("FORBIDDEN", textOf(tuple[1], "refusal", TEXT_CHARACTERS_MAX));
  if (tuple[0] !== ConnectionFrame.reply) throw refused("answer", "a reply");
  return tupleOf(tuple[1], 0, "reply");
}
