/** A watch of keys that goes on by itself: behind the last change that it told, on whatever connection. */
import { type Api, failureText, RequestError } from "./api.ts";
import type { TextOrBytes } from "./bytes.ts";
import { EventStream, type StreamEvent } from "./event_stream.ts";

/** After a stream that ended. */
const AGAIN_MS = 1000;

/** One change of a key. */
export interface KeyChange {
  /** INDEX.N, as the node names it. */
  readonly id: string;
  readonly key: TextOrBytes;
  /** Null if the key was deleted. */
  readonly value: TextOrBytes | null;
  readonly revision: number;
  readonly deleted: boolean;
}

/** What a watch tells. */
export interface WatchHandlers {
  readonly changed: (changes: readonly KeyChange[]) => void;
  /** Why it does not hear anything just now; empty: it does. */
  readonly failed: (why: string) => void;
}

/** @returns ends it */
export function watchKeys(api: Api, prefix: string, handlers: WatchHandlers): () => void {
  const over = new AbortController();
  let lastId = "";
  const follow = async (): Promise<void> => {
    const headers: Record<string, string> = lastId === "" ? {} : { "last-event-id": lastId };
    const pieces = await api.stream(`/v1/watch?prefix=${encodeURIComponent(prefix)}`, { headers, signal: over.signal });
    handlers.failed("");
    const stream = new EventStream();
    for await (const piece of pieces) {
      const events = stream.take(piece);
      lastId = events.findLast(({ id }) => id !== "")?.id ?? lastId;
      const changes = events.filter(({ name }) => name === "").map(changeIn);
      if (changes.length > 0) handlers.changed(changes);
    }
  };
  const again = (): void => {
    if (over.signal.aborted) return;
    follow().then(() => handlers.failed("the watch ended; it is begun again"), (error: unknown) => {
      // What is older than the node remembers cannot be had any more: then what comes from now on.
      if (error instanceof RequestError && error.code === "COMPACTED") lastId = "";
      handlers.failed(over.signal.aborted ? "" : failureText(error));
    }).finally(() => setTimeout(again, AGAIN_MS));
  };
  again();
  return () => over.abort();
}

function changeIn({ id, data }: StreamEvent): KeyChange {
  return { id, ...JSON.parse(data) as Omit<KeyChange, "id"> };
}
