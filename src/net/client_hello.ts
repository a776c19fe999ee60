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

/** What a client says first. */
export interface ClientHello {
  readonly protocol: number;
  readonly clientName: string;
  /** The cluster that the client means, or empty if any will do. */
  readonly clusterId: string;
  readonly forwarded: boolean;
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
  return encode([hello.protocol, hello.clientName, hello.clusterId, hello.forwarded ? FORWARDED_FLAG : 0]);
}

/** @throws DraftError BAD_REQUEST */
export function decodeClientHello(body: Uint8Array): ClientHello {
  const [protocol, clientName, clusterId, flags] = tuple(decode(body), "client hello");
  return {
    protocol: whole(protocol, "protocol"),
    clientName: name(clientName, "client name"),
    clusterId: name(clusterId, "cluster id"),
    forwarded: (whole(flags ?? 0, "flags") & FORWARDED_FLAG) !== 0,
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
