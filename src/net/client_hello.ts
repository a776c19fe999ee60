/**
 * The hellos that open a client's connection; drawn in client_protocol.ts.
 */
import { decode, encode } from "../base/codec.ts";
import type { LeaderHint } from "../base/errors.ts";
import { leaderFrom, name, tuple, whole } from "./client_fields.ts";

/** Version of what clients and nodes say to each other. */
export const CLIENT_PROTOCOL = 1;

/** Flag of a client hello: the sender is a node that forwards for a client. */
export const FORWARDED_FLAG = 1;

/** Flag of a client hello: the sender is a node, and proves it if it is asked to. */
export const NODE_FLAG = 2;

/** Flag of a client hello: replies to writes are to say what they took, where that is known. */
export const TIMED_FLAG = 4;

/** Stands in a reply about the connection, in place of its status: the node asks for a proof. */
const CHALLENGE = 2;

/** What a client says first. */
export interface ClientHello {
  readonly protocol: number;
  readonly clientName: string;
  /** The cluster that the client means, or empty if any will do. */
  readonly clusterId: string;
  readonly forwarded: boolean;
  /** It is a node, and can prove it. */
  readonly isNode: boolean;
  /** It wants to know what writes took. */
  readonly timed: boolean;
  /** Says who asks; null: it does not say. */
  readonly token: string | null;
}

/** What a node says first. */
export interface NodeHello {
  readonly protocol: number;
  /** Empty if the node belongs to no cluster yet. */
  readonly clusterId: string;
  readonly nodeId: string;
  readonly address: string;
  readonly version: string;
  readonly frameBytesMax: number;
  readonly valueBytesMax: number;
  readonly inflightMax: number;
  /** Leader of the group `main` as far as known. */
  readonly leader: LeaderHint | null;
}

/** Body of a client's hello. */
export function encodeClientHello(hello: ClientHello): Uint8Array {
  const flags = (hello.forwarded ? FORWARDED_FLAG : 0) | (hello.isNode ? NODE_FLAG : 0) | (hello.timed ? TIMED_FLAG : 0);
  return encode([hello.protocol, hello.clientName, hello.clusterId, flags, ...(hello.token === null ? [] : [hello.token])]);
}

/** @throws DraftError BAD_REQUEST */
export function decodeClientHello(body: Uint8Array): ClientHello {
  const [protocol, clientName, clusterId, flags = 0, token = null] = tuple(decode(body), "client hello");
  return {
    protocol: whole(protocol, "protocol"),
    clientName: name(clientName, "client name"),
    clusterId: name(clusterId, "cluster id"),
    forwarded: (whole(flags, "flags") & FORWARDED_FLAG) !== 0,
    isNode: (whole(flags, "flags") & NODE_FLAG) !== 0,
    timed: (whole(flags, "flags") & TIMED_FLAG) !== 0,
    token: token === null ? null : name(token, "token"),
  };
}

/** Body of a node's hello. */
export function encodeNodeHello(hello: NodeHello): Uint8Array {
  const limits = [hello.frameBytesMax, hello.valueBytesMax, hello.inflightMax];
  const leader = hello.leader === null ? null : [hello.leader.id, hello.leader.address];
  return encode([hello.protocol, hello.clusterId, hello.nodeId, hello.address, hello.version, limits, leader]);
}

/** @throws DraftError BAD_REQUEST */
export function decodeNodeHello(body: Uint8Array): NodeHello {
  const [protocol, clusterId, nodeId, address, version, limits, leader] = tuple(decode(body), "node hello");
  const [frameBytesMax, valueBytesMax, inflightMax] = tuple(limits, "limits");
  const [leaderId, leaderAddress] = leader === null || leader === undefined ? [] : tuple(leader, "leader");
  return {
    protocol: whole(protocol, "protocol"),
    clusterId: name(clusterId, "cluster id"),
    nodeId: name(nodeId, "node id"),
    address: name(address, "address"),
    version: name(version, "version"),
    frameBytesMax: whole(frameBytesMax, "frameBytesMax"),
    valueBytesMax: whole(valueBytesMax, "valueBytesMax"),
    inflightMax: Math.max(1, whole(inflightMax, "inflightMax")),
    leader: leaderFrom(leaderId, leaderAddress),
  };
}

/** What a node asks of one that says that it is a node, in place of its hello. `nonce` was drawn for this connection. */
export function encodeChallenge(nonce: string): Uint8Array {
  return encode([0, CHALLENGE, nonce]);
}

/** The nonce, if the first frame of a node asks for a proof. It is told from a hello and a refusal by its first bytes. */
export function challengeIn(body: Uint8Array): string | null {
  if (body[1] !== 0 || body[2] !== CHALLENGE) return null;
  return name(tuple(decode(body), "challenge")[2], "nonce");
}
