/** Server-sent events out of the pieces that a response comes in. What asks by EventSource can send no token. Pure. */

/** One event; what it lacks is empty. */
export interface StreamEvent {
  readonly name: string;
  readonly id: string;
  readonly data: string;
}

/** Text of an event that has not come to its end, at most: what goes on for longer is no stream of draft's. */
const OPEN_MAX = 64 * 1024 * 1024;

/** Puts pieces together. */
export class EventStream {
  readonly #decoder: TextDecoder = new TextDecoder();
  #open = "";

  /**
   * The events that this piece ends, in order.
   *
   * @throws RangeError if one event goes on and on
   */
  take(piece: Uint8Array): StreamEvent[] {
    const blocks = (this.#open + this.#decoder.decode(piece, { stream: true })).split("\n\n");
    this.#open = blocks.pop() ?? "";
    if (this.#open.length > OPEN_MAX) throw new RangeError("an event of the watch does not end");
    return blocks.map(eventIn);
  }
}

function eventIn(block: string): StreamEvent {
  const fields = new Map(block.split("\n").map((line) => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2)] as const;
  }));
  return { name: fields.get("event") ?? "", id: fields.get("id") ?? "", data: fields.get("data") ?? "" };
}
