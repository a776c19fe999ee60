/** `.watch` and `draft client watch`: a line for each change, until somebody interrupts it. */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import { toJsonValue } from "../base/json_value.ts";
import type { Client } from "../client/client.ts";
import type { Change } from "../client/watch.ts";
import type { ChangeCursor } from "../machine/change.ts";
import { hintFor } from "./hints.ts";
import type { Io } from "./io.ts";
import { quoted } from "../base/quoting.ts";
import { renderError, renderText } from "./render.ts";

/** What is watched, and how it is shown. */
export interface WatchSettings {
  readonly group: string;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** The cluster may come back: who watches goes on. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "BUSY", "STOPPING", "FENCED", "UNREACHABLE", "TIMEOUT", "LOST"]);

/** What is typed behind the word: a prefix, and where to begin. @throws DraftError BAD_REQUEST */
export function watchFrom(args: readonly string[]): { readonly prefix: string; readonly from: number | null } {
  const [prefix, ...rest] = args[0]?.toLowerCase() === "from" && args.length === 2 ? ["", ...args] : args;
  if (rest.length === 0) return { prefix: prefix ?? "", from: null };
  const [word = "", index = ""] = rest;
  if (word.toLowerCase() !== "from" || rest.length > 2 || !/^\d{1,15}$/.test(index)) {
    throw new DraftError("BAD_REQUEST", `watch wants a prefix, and FROM with the index of an entry, not "${rest.join(" ")}": .watch user/ FROM 120`);
  }
  return { prefix: prefix ?? "", from: Number(index) };
}

/**
 * Prints changes until `signal` is given. While no node serves it says so, on standard error, and goes on behind what it
 * printed last; only a cluster that was never reached ends it.
 *
 * @throws DraftError COMPACTED and what else does not pass
 */
export async function showWatch(client: Client, args: readonly string[], settings: WatchSettings, io: Io, signal?: AbortSignal): Promise<number> {
  const { prefix, from } = watchFrom(args);
  const { group, timeoutMs, json } = settings;
  let after: ChangeCursor | undefined = from === null ? undefined : { index: from, n: 0 };
  let hasBegun = false;
  const heard = (place: ChangeCursor): void => {
    hasBegun = true;
    after = place;
  };
  for (;;) {
    try {
      for await (const change of client.watch(prefix, { group, timeoutMs, heard, ...(after === undefined ? {} : { after }), ...(signal === undefined ? {} : { signal }) })) {
        io.out(json ? JSON.stringify(jsonOf(change)) : textOf(change));
        after = change;
      }
      return 0;
    } catch (error) {
      if (signal?.aborted === true) return 0;
      if (!(error instanceof DraftError) || !hasBegun || !PASSING.has(error.code)) throw error;
      io.err(`${renderError(hintFor(error))}; the watch goes on once a node serves it`);
    }
  }
}

function jsonOf({ index, n, key, value, revision, deleted }: Change): unknown {
  return { id: `${index}.${n}`, key, value: toJsonValue(value), revision, deleted };
}

function textOf({ index, n, key, value, deleted }: Change): string {
  return `${index}.${n} ${quoted(key)} ${deleted ? "(deleted)" : renderText(value)}`;
}
