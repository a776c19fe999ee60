/** Secrets: where they are read from, and how one proves to have one without telling it. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";

/** Shorter ones are guessed. */
export const SECRET_BYTES_MIN = 16;
const SECRET_BYTES_MAX = 4096;

/**
 * What the file holds, without white space around it.
 *
 * @returns or, as a text, why it cannot be taken
 */
export function readSecret(path: string): Uint8Array | string {
  const content = readPrivateFile(path, SECRET_BYTES_MAX);
  if (typeof content === "string") return content;
  const secret = Buffer.from(Buffer.from(content).toString("latin1").trim(), "latin1");
  return secret.length < SECRET_BYTES_MIN ? `it has ${secret.length} bytes: want ${SECRET_BYTES_MIN} or more that nobody can guess` : new Uint8Array(secret);
}

/**
 * What a file holds that nobody but its owner may read.
 *
 * @returns or, as a text, why it cannot be taken
 */
export function readPrivateFile(path: string, bytesMax: number): Uint8Array | string {
  try {
    // Windows has no such bits.
    const isShared = (statSync(path).mode & 0o077) !== 0 && process.platform !== "win32";
    return isShared ? `others than its owner can read or change it: chmod 600 ${path}` : readFileUpTo(path, bytesMax);
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
}

/**
 * What a file holds that anybody may read.
 *
 * @returns or, as a text, why it cannot be taken
 */
export function readFileUpTo(path: string, bytesMax: number): Uint8Array | string {
  try {
    const { size } = statSync(path);
    if (size > bytesMax) return `it has ${size} bytes: want at most ${bytesMax}`;
    return readFileSync(path);
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`;
  }
}

/** SHA-256 of `text` in UTF-8. */
export function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text, "utf8").digest();
}

/** HMAC-SHA256 of `said` under `secret`. */
export function proofOf(secret: Uint8Array, said: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", secret).update(said).digest());
}

/** Whether both are equal, in a time that tells nothing of where they are not. */
export function isSameProof(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
