/**
 * A watch as server-sent events. Its reader asks for the next piece when there is room for it, and only then something is
 * taken from the watch: whoever reads slowly keeps nothing here but a place in the history.
 */
import { DraftError } from "../../base/errors.ts";
import { base64Of, type JsonValue, toJsonValue } from "../../base/json_value.ts";
import { type HeldChange, valueOf } from "../../machine/change.ts";
import type { Watch, WatchPage } from "../../node/watch.ts";

/** What is made at a time, or a change that is larger. */
const PIECE_BYTES = 64 * 1024;

/** Plugins tell the bytes of a key that is no UTF-8 as U+DC80..U+DCFF, which no text contains. */
const BYTE_UNIT = 0xdc00;

/** A prefix as a watch has it. */
export function watchedPrefix(prefix: string | Uint8Array): string {
  if (typeof prefix === "string") return prefix;
  return Array.from(prefix, (byte) => String.fromCharCode(byte < 0x80 ? byte : BYTE_UNIT | byte)).join("");
}

/**
 * The events of a watch.
 *
 * @param open begins it; what it is given is called when there is something to take
 * @param over called once, when the watch has ended or nobody reads it any more
 * @throws DraftError how a watch ends that ends at once: COMPACTED, NO_LEADER, …
 */
export function watchEvents(open: (ready: () => void) => Watch | DraftError, over: () => void): ReadableStream<Uint8Array> {
  let ready = (): void => undefined;
  const watch = open(() => ready());
  if (watch instanceof DraftError) throw watch;
  let first = watch.take(PIECE_BYTES);
  if (first instanceof DraftError) throw first;
  return new ReadableStream({
    async pull(controller) {
      for (;;) {
        const page = first ?? watch.take(PIECE_BYTES);
        first = null;
        if (page !== null) return give(controller, page, over);
        await new Promise<void>((resolve) => (ready = resolve));
      }
    },
    cancel() {
      watch.close();
      over();
    },
  }, { highWaterMark: 0 });
}

function give(controller: ReadableStreamDefaultController<Uint8Array>, page: WatchPage | DraftError, over: () => void): void {
  const text = page instanceof DraftError ? eventOf("end", null, page.toJSON()) : eventsIn(page);
  controller.enqueue(new TextEncoder().encode(text));
  if (!(page instanceof DraftError)) return;
  controller.close();
  over();
}

function eventsIn({ changes, next, appliedIndex }: WatchPage): string {
  if (changes.length === 0) return eventOf("progress", next, { index: appliedIndex });
  return changes.map((change) => eventOf(null, change, dataOf(change))).join("");
}

function dataOf({ index, key, value }: HeldChange): JsonValue {
  return { key: shownKey(key), value: toJsonValue(valueOf(value)), revision: index, deleted: value === undefined };
}

function shownKey(key: string): JsonValue {
  if (key.isWellFormed() || !/^[\0-\x7f\udc80-\udcff]*$/.test(key)) return key;
  return { base64: base64Of(Uint8Array.from(key, (unit) => unit.charCodeAt(0) & 0xff)) };
}

/** JSON has no line ends, so data is one line. */
function eventOf(name: string | null, id: { readonly index: number; readonly n: number } | null, data: unknown): string {
  return `${name === null ? "" : `event: ${name}\n`}${id === null ? "" : `id: ${id.index}.${id.n}\n`}data: ${JSON.stringify(data)}\n\n`;
}
