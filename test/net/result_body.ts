import { FrameBatch } from "../../src/net/frame_batch.ts";
import { writeResult } from "../../src/net/client_replies.ts";

const FRAME_HEAD_BYTES = 8;

/** The body of a reply to a request that went well. */
export function encodeResult(id: number, index: number, result: unknown): Uint8Array {
  const batch = new FrameBatch();
  writeResult(batch, { id, index, result }, Number.POSITIVE_INFINITY);
  return (batch.take() as Uint8Array).subarray(FRAME_HEAD_BYTES);
}
