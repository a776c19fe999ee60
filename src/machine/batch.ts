/**
 * Runs of commands for a machine that takes several at once (`applyBatch`). How long a run is differs from replica to
 * replica, so it must not show: each of its entries gets the digest, the answer and the place in its session that it
 * would have had alone. Whatever might make a difference ends a run: another kind of entry, a read, and a command of
 * which only the answers before it decide whether it is run at all.
 */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type CommandEnvelope, decodeEnvelope } from "./command.ts";
import { LiveEntry } from "./live_entry.ts";
import type { Base, Command, Entry, Reply } from "./machine.ts";
import { Operations } from "./operations.ts";
import { SessionOutlook } from "./session_outlook.ts";
import type { Sessions } from "./sessions.ts";

/** Commands that are run at once, at most. */
export const BATCH_MAX = 64;

/** A command of a run. */
export interface Gathered {
  readonly head: EntryHead;
  readonly envelope: CommandEnvelope;
  readonly command: Command;
  /** What the machine is given for it, and what was said to that. */
  readonly entry: LiveEntry;
}

/** The state that a run begins on. */
export interface BatchStart {
  readonly sessions: Sessions;
  readonly version: number;
  /** By how much the machine's count of entries is ahead of the log's. */
  readonly shift: number;
  /** Log time of the last entry applied. */
  readonly timeMs: number;
}

/** The commands that are gathered for one machine. */
export class Batch {
  readonly #operations: Operations;
  readonly #entries: LiveEntry[] = [];
  #gathered: Gathered[] = [];
  /** Use: from the state that the run begins on. */
  #outlook: SessionOutlook | null = null;
  #timeMs = 0;

  constructor(operations: Operations) {
    this.#operations = operations;
  }

  /** Commands that are gathered. */
  get count(): number {
    return this.#gathered.length;
  }

  /**
   * Takes in the next entry, if it may be run with those before it.
   *
   * @param payload not kept
   * @param decoded what it holds, if that is known
   * @returns whether it was taken; if not, run what is gathered, and apply it by itself
   */
  add(start: BatchStart, head: EntryHead, payload: () => Uint8Array, decoded: CommandEnvelope | null): boolean {
    if (head.kind !== EntryKind.command || this.#gathered.length === BATCH_MAX) return false;
    const envelope = decoded ?? envelopeIn(payload());
    const operation = envelope === null ? null : this.#operations.find(envelope.command);
    if (envelope === null || operation === null || operation.row.kind === "read") return false;
    if (this.#gathered.length === 0) {
      this.#timeMs = start.timeMs;
      this.#outlook = new SessionOutlook(start.sessions);
    }
    const timeMs = Math.max(this.#timeMs, head.timeMs);
    if (envelope.session !== null && this.#outlook?.runs(envelope, timeMs) !== true) return false;
    this.#timeMs = timeMs;
    const command = Operations.named(envelope.command, operation);
    const entry = this.#entries[this.#gathered.length] ??= new LiveEntry();
    entry.record(head, timeMs, start);
    entry.session = envelope.session;
    entry.holds(command);
    this.#gathered.push({ head: { ...head }, envelope, command, entry });
    return true;
  }

  /**
   * Lets the machine run what is gathered, and gathers anew.
   *
   * @throws DraftError BAD_PLUGIN if it throws, or answers something else than a list of as many: nobody knows which of
   *   the commands are done, so the replica must stop
   */
  run(machine: Pick<Base, "applyBatch">, name: string): { readonly gathered: readonly Gathered[]; readonly replies: readonly Reply[] } {
    const gathered = this.#gathered;
    this.#gathered = [];
    let replies: readonly Reply[];
    try {
      replies = machine.applyBatch?.(gathered.map(({ command }) => command), gathered.map(({ entry }): Entry => entry)) ?? [];
    } catch (thrown) {
      throw broken(name, gathered, thrown instanceof Error ? thrown.message : String(thrown), thrown);
    } finally {
      for (const { entry } of gathered) entry.end();
    }
    if (!Array.isArray(replies) || replies.length !== gathered.length) {
      throw broken(name, gathered, `it returned ${Array.isArray(replies) ? `${replies.length} answers` : "no list of answers"}`, null);
    }
    return { gathered, replies };
  }
}

/** The envelope; null if it cannot be read, which each replica answers by itself. */
function envelopeIn(payload: Uint8Array): CommandEnvelope | null {
  try {
    return decodeEnvelope(payload);
  } catch (error) {
    if (error instanceof DraftError) return null;
    throw error;
  }
}

function broken(name: string, gathered: readonly Gathered[], what: string, cause: unknown): DraftError {
  const [from, to] = [gathered[0]?.head.index, gathered.at(-1)?.head.index];
  return new DraftError("BAD_PLUGIN", `applyBatch of the machine '${name}' broke on the entries ${from} to ${to}: ${what}: ` +
    "it must return an answer for each command, and in the place of one that is refused or breaks the error that apply would throw; " +
    "nothing of these entries counts as applied: mend applyBatch, or leave it out, give every node the same file, and start again: draft serve --machine FILE", { cause });
}
