/** Reads bodies of requests into memory, of which all connections together get so much and no more. */
import type { IncomingMessage } from "node:http";
import { concatBytes } from "../../base/bytes.ts";
import { DraftError } from "../../base/errors.ts";

const BUSY_RETRY_MS = 1000;

/** Room for what is held of requests and answers. */
export class Room {
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  /** @throws DraftError BUSY if there is not so much left */
  take(bytes: number): void {
    if (this.#held + bytes > this.#bytesMax) throw new DraftError("BUSY", "too many bytes of requests are under way here: try again", { retryAfterMs: BUSY_RETRY_MS });
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** One body that is read. What it took of the room is given back by {@link Body.release}. */
export class Body {
  /** Bytes that came so far. */
  bytes = 0;
  readonly #request: IncomingMessage;
  readonly #room: Room;
  readonly #parts: Uint8Array[] = [];

  constructor(request: IncomingMessage, room: Room) {
    this.#request = request;
    this.#room = room;
  }

  /**
   * Reads it to its end. What is left of one that is refused is not kept.
   *
   * @throws DraftError TOO_LARGE, BUSY, BAD_REQUEST if its sender went away
   */
  read(bytesMax: number): Promise<Uint8Array> {
    const request = this.#request;
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > bytesMax) return Promise.reject(tooLarge(bytesMax));
    return new Promise((resolve, reject) => {
      const onData = (part: Uint8Array): void => {
        try {
          if (this.bytes + part.length > bytesMax) throw tooLarge(bytesMax);
          this.#room.take(part.length);
          this.bytes += part.length;
          this.#parts.push(part);
        } catch (error) {
          settle(error as Error);
        }
      };
      const settle = (error: Error | null): void => {
        request.off("data", onData).off("end", onEnd).off("close", onClose);
        if (error === null) resolve(concatBytes(this.#parts));
        else reject(error);
        if (error !== null) request.resume();
        this.#parts.length = 0;
      };
      const onEnd = (): void => settle(null);
      const onClose = (): void => settle(new DraftError("BAD_REQUEST", "the connection ended within the body"));
      request.on("data", onData).on("end", onEnd).on("close", onClose);
      if (request.destroyed && !request.complete) onClose();
    });
  }

  /** Its bytes are held no longer. */
  release(): void {
    this.#room.give(this.bytes);
    this.bytes = 0;
  }
}

function tooLarge(bytesMax: number): DraftError {
  return new DraftError("TOO_LARGE", `the body has more than ${bytesMax} bytes: at most so many are taken, see --value-bytes-max`);
}
