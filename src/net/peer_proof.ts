/**
 * How a node proves to another that it knows the secret of their cluster, without telling it: by an HMAC-SHA256 over
 * what was drawn for this connection and over what was said on it. So a proof is good once, here, and for those words.
 *
 * ```text
 * proof = HMAC(secret, purpose 0 nonce of the one who asks 0 nonce of the one who proves 0 what the latter said)
 * ```
 */
import { hexOf } from "../base/bytes.ts";
import type { SocketPeer } from "../host/host.ts";
import { isSameProof, proofOf } from "../host/node_secret.ts";

/** How nodes prove to each other that they are nodes, before anything that they say is believed. */
export interface PeerProof {
  /** Both sides prove to know it; null: nobody has to. */
  readonly secret: Uint8Array | null;
  /** Both sides show a certificate that names them. */
  readonly certificates: boolean;
}

/** Nobody has to prove anything: on loopback, and where that was allowed. */
export const NO_PROOF: PeerProof = { secret: null, certificates: false };

/** Why who says to be `nodeId` is not believed, by the certificate of its connection; null if it is. */
export function whyNotShown(proof: PeerProof, peer: SocketPeer | null | undefined, nodeId: string): string | null {
  if (!proof.certificates || peer?.nodeIds.includes(nodeId) === true) return null;
  return `it shows no certificate of the node ${nodeId}: want one with the URI name draft-node:${nodeId}, signed by --tls-peer-ca`;
}

/** What the proof is for: one that was given for another purpose proves nothing. */
export type ProofPurpose = "draft peer dials" | "draft peer answers" | "draft node asks";

/** What a proof is over. */
export interface Proved {
  readonly purpose: ProofPurpose;
  /** Drawn by the one who asks for the proof. */
  readonly asked: string;
  /** Drawn by the one who proves, if it asks for a proof in return; else empty. */
  readonly own: string;
  /** The hello of the one who proves, as it was sent. */
  readonly said: Uint8Array;
}

/** The proof. */
export function prove(secret: Uint8Array, { purpose, asked, own, said }: Proved): Uint8Array {
  return proofOf(secret, [purpose, asked, own, hexOf(said)].join("\0"));
}

/** Whether `proof`, as it came, is that. */
export function isProof(secret: Uint8Array, proved: Proved, proof: unknown): boolean {
  return proof instanceof Uint8Array && isSameProof(proof, prove(secret, proved));
}
