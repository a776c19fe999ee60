/**
 * One machine of the several that a check compares: it runs under the real applier, so what counts as an answer, a
 * refusal or a fault is what counts in a cluster.
 */
import { assert } from "../../base/assert.ts";
import { type EntryHead, EntryKind, payloadSumOf } from "../../base/entry.ts";
import { DraftError } from "../../base/errors.ts";
import type { Done } from "../../base/task.ts";
import type { CollectionWatch } from "../../host/collection_watch.ts";
import { ForbiddenGlobal } from "../../host/guard.ts";
import { Applier } from "../applier.ts";
import { withMachines } from "../bound_machine.ts";
import { ChangeHistory } from "../change_history.ts";
import { encodeCommand } from "../command.ts";
import type { AnyPlugin, Command, Entry, Reply, View } from "../machine.ts";
import type { PieceSource } from "../piece_source.ts";
import type { BegunSnapshot } from "../saved_state.ts";
import { Sessions } from "../sessions.ts";
import { whyUnsendable } from "./plain.ts";

/** A snapshot is over at last. */
const PIECES_MAX = 1_000_000;

const GROUP = 1;
const TERM = 1;
const NOTHING: Uint8Array = new Uint8Array(0);

/** A state that was saved. */
export interface Saved {
  readonly begun: BegunSnapshot;
  readonly pieces: readonly Uint8Array[];
}

/** A state as far as it can be seen. */
export interface Look {
  /** Null of a machine on disk. */
  readonly saved: Saved | null;
  /** What its own `hash` says; null if it has none. */
  readonly hash: string | null;
  readonly wakeAt: number | null;
}

/** How a copy is made. */
export interface CopyOptions {
  readonly plugin: AnyPlugin;
  readonly directory: string;
  readonly watch: CollectionWatch | null;
}

/** One machine. */
export class MachineCopy {
  readonly applier: Applier;
  /** The first that it used and may not. */
  forbidden: ForbiddenGlobal | null = null;
  /** Whether the last entry was answered by a promise. */
  promised = false;
  /** Whether the last entry broke; what was thrown. */
  thrown: unknown = null;
  /** Why the last answer cannot be sent as it is. */
  unsendable: string | null = null;
  /**
   * Whether two that are equal have equal snapshots: those of a machine on disk hold its last commit and pages that lie
   * as they came; what is its state it says by its hash, if it has one.
   */
  readonly #hasBytes: boolean;
  readonly #hasHash: boolean;
  readonly #hasBatch: boolean;
  readonly #watch: CollectionWatch | null;

  /** @throws DraftError BAD_PLUGIN */
  constructor({ plugin, directory, watch }: CopyOptions) {
    this.#watch = watch;
    this.#enter();
    let hasBytes = true;
    let hasHash = false;
    let hasBatch = false;
    const seen = withMachines(plugin, (machine) => {
      const { apply, query, wake } = machine;
      hasHash = machine.hash !== undefined;
      hasBatch = machine.applyBatch !== undefined;
      hasBytes = machine.lastApplied === undefined;
      return {
        ...machine,
        apply: (command, entry) => this.#noted(apply(command, entry)),
        ...(query === undefined ? {} : { query: (command: Command, view: View) => this.#noted(query(command, view)) }),
        ...(wake === undefined ? {} : { wake: (entry: Entry) => this.#noted(wake(entry) as Reply) as void }),
      };
    });
    this.applier = new Applier({
      plugin: seen, group: GROUP, directory,
      log: (_, thrown) => {
        this.thrown ??= thrown;
        if (thrown instanceof ForbiddenGlobal) this.forbidden ??= thrown;
      },
    });
    this.applier.open();
    this.applier.begin(plugin.version);
    this.#hasBytes = hasBytes;
    this.#hasHash = hasHash;
    this.#hasBatch = hasBatch;
  }

  /** The first entry of a log, that of its first leader: no machine is saved or restored before it. */
  found(timeMs: number): void {
    this.#entry(EntryKind.noop, timeMs, NOTHING);
  }

  /** Applies a command at the next index. */
  apply(command: Command, timeMs: number): Reply | DraftError {
    return this.#entry(EntryKind.command, timeMs, encodeCommand(command));
  }

  /** Whether its machine runs several commands at once. */
  get hasBatch(): boolean {
    return this.#hasBatch;
  }

  /**
   * Applies commands at the next indexes, all that the machine takes at once.
   *
   * @throws DraftError BAD_PLUGIN if its `applyBatch` broke
   */
  applyRun(commands: readonly { readonly command: Command; readonly timeMs: number }[]): (Reply | DraftError)[] {
    this.#begin();
    const first = this.applier.lastApplied.index + 1;
    for (const [at, { command, timeMs }] of commands.entries()) {
      const payload = encodeCommand(command);
      const isTaken = this.applier.gathers(this.#head(first + at, EntryKind.command, timeMs, payload), payload, 0, null);
      assert(isTaken, "a run of writes is gathered whole", at, commands.length);
    }
    const answers: (Reply | DraftError)[] = [];
    this.applier.applyGathered((_, answer) => answers.push(answer));
    this.applier.commit(this.applier.lastApplied.index);
    return answers;
  }

  /** Log time has come to what is due. */
  wake(timeMs: number): Reply | DraftError {
    return this.#entry(EntryKind.time, timeMs, NOTHING);
  }

  query(command: Command): Reply | DraftError {
    this.#begin();
    return this.applier.query(command);
  }

  /** Begins a snapshot whose pieces are taken later, by {@link pieceOf}. */
  begin(): BegunSnapshot {
    this.#enter();
    const begun = this.applier.snapshot();
    // Nobody has a session here.
    begun.sessions.close();
    return begun;
  }

  /** The whole state as it is now. */
  async save(): Promise<Saved> {
    const begun = this.begin();
    return { begun, pieces: await piecesOf(begun.pieces) };
  }

  /** As it is when this is called: the promise is that of its pieces. */
  async look(): Promise<Look> {
    this.#enter();
    const hash = this.#hasHash ? this.applier.stateHash() : null;
    const wakeAt = this.applier.wakeAt();
    return { saved: this.#hasBytes ? await this.save() : null, hash, wakeAt };
  }

  /** @throws DraftError DAMAGED if the machine cannot take it */
  async restore({ begun, pieces }: Saved): Promise<void> {
    this.#enter();
    const target = this.applier.restore(begun, () => undefined);
    // What is decoded shows the bytes, and is the machine's to keep and change.
    for (const piece of pieces) await completed<void>((done) => target.push(piece.slice(), done));
    await completed<void>((done) => target.end(done));
    this.applier.restored(begun, { sessions: new Sessions(), history: new ChangeHistory() });
  }

  async close(): Promise<void> {
    await completed<void>((done) => this.applier.close(done));
  }

  #entry(kind: number, timeMs: number, payload: Uint8Array): Reply | DraftError {
    this.#begin();
    const index = this.applier.lastApplied.index + 1;
    const answer = this.applier.apply(this.#head(index, kind, timeMs, payload), payload, 0, null);
    this.applier.commit(index);
    return answer;
  }

  #head(index: number, kind: number, timeMs: number, payload: Uint8Array): EntryHead {
    return { kind, group: GROUP, index, term: TERM, timeMs, chain: 0, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
  }

  #begin(): void {
    this.#enter();
    this.promised = false;
    this.thrown = null;
    this.unsendable = null;
  }

  #noted(reply: Reply): Reply {
    if (typeof reply === "object" && reply !== null && typeof reply.then === "function") this.promised = true;
    else if (!(reply instanceof Error)) this.unsendable = whyUnsendable(reply);
    return reply;
  }

  #enter(): void {
    this.#watch?.enter(this);
  }
}

/** The next piece, or null behind the last. */
export function pieceOf(source: PieceSource): Promise<Uint8Array | null> {
  return completed<Uint8Array | null>((done) => source.next(done));
}

/** All pieces that are left. */
export async function piecesOf(source: PieceSource): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let piece = await pieceOf(source); piece !== null; piece = await pieceOf(source)) {
    if (pieces.length === PIECES_MAX) throw new DraftError("MACHINE_FAULT", `the snapshot has more than ${PIECES_MAX} pieces: must end`);
    pieces.push(piece);
  }
  return pieces;
}

function completed<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => start((...[error, value]) => {
    if (error === null) resolve(value as T);
    else reject(error);
  }));
}
