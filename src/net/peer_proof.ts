/**
 * How a node proves to another that it knows the secret of their cluster, without telling it: by an HMAC-SHA256 over
 * what was drawn for this connection and over what was said on it. So a proof is good once, here, and for those words.
 *
 * ```text
 * proof = HMAC(secret, purpose 0 nonce of the one who asks 0 nonce of the one who proves 0 what the latter said)
 * ```
 */
import { hexOf } from "../base/bytes.ts";
import { isSameProof, proofOf } from "../host/node_secret.ts";

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
