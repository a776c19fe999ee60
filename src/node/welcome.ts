/**
 * What makes an empty node a member:
 *
 * ```text
 * ["welcome", genesis, number, incarnation, index, clusterId, witness, proof]
 * ```
 *
 * Where the cluster has a secret it proves that it knows it, over all that it says: the incarnation, drawn at random with
 * the directory, is the challenge. A node that was started with a secret takes no other welcome, so nobody else can make it
 * a member of a cluster of his own.
 */
import { hexOf } from "../base/bytes.ts";
import { isSameProof, proofOf } from "../host/node_secret.ts";
import type { Incarnation } from "../raft/types.ts";
import { decodeGenesis } from "./genesis.ts";
import type { Welcome } from "./identity.ts";

const PROBE_WELCOME = "welcome";

/** A cluster, and as whom a node belongs to it. */
export interface Membership extends Welcome {
  readonly genesis: Uint8Array;
  /** What the cluster is called now; "": as it was when it was founded. */
  readonly clusterId: string;
}

/** What makes an empty node a member. */
export interface WelcomeOffer extends Membership {
  readonly incarnation: Incarnation;
}

/**
 * The question that makes an empty node a member.
 *
 * @param secret the cluster's; null: it has none
 */
export function encodeWelcome(offer: WelcomeOffer, secret: Uint8Array | null): readonly unknown[] {
  const { genesis, number, incarnation, index, witness } = offer;
  const isRenamed = offer.clusterId !== "" && offer.clusterId !== decodeGenesis(genesis).clusterId;
  const clusterId = isRenamed ? offer.clusterId : "";
  const head = [PROBE_WELCOME, genesis, number, incarnation, index];
  if (secret !== null) return [...head, clusterId, witness, welcomeProof(secret, { ...offer, clusterId })];
  return [...head, ...(isRenamed || witness ? [clusterId] : []), ...(witness ? [true] : [])];
}

/** What `request` offers; null if it is no welcome. */
export function offerIn(request: readonly unknown[]): WelcomeOffer | null {
  const [kind, genesis, number, incarnation, index, clusterId = "", witness = false] = request;
  if (kind !== PROBE_WELCOME || !(genesis instanceof Uint8Array) || typeof clusterId !== "string") return null;
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isWhole(number) || !isWhole(incarnation) || !isWhole(index) || number === 0) return null;
  return { genesis, clusterId, number, incarnation, index, witness: witness === true };
}

/** Whether whoever sent `request`, which offers `offer`, knows the secret. */
export function isProvedWelcome(secret: Uint8Array, offer: WelcomeOffer, request: readonly unknown[]): boolean {
  const proof = request[7];
  return proof instanceof Uint8Array && isSameProof(proof, welcomeProof(secret, offer));
}

function welcomeProof(secret: Uint8Array, { genesis, clusterId, number, incarnation, index, witness }: WelcomeOffer): Uint8Array {
  return proofOf(secret, ["draft welcome", hexOf(genesis), clusterId, number, incarnation, index, witness].join("\0"));
}
