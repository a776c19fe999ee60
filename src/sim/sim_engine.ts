/**
 * The disk of machines that keep their state on one, for any machine whose snapshot is a stream of pieces: what it held
 * at each commit, whole. A process that is killed leaves the last commit, a power cut any of the last few: SQLite and its
 * kin sync seldom, and lose the newest transactions then, each as a whole.
 */
import { decode, encode } from "../base/codec.ts";
import { nextInRange, type RandomState, seedRandom } from "../base/random.ts";
import { type AnyMachine, withMachines } from "../machine/bound_machine.ts";
import type { AnyPlugin, Command, Commit, Entry, StreamMachine } from "../machine/machine.ts";

/** Commits that a power cut may take, one less. */
const COMMITS_KEPT = 4;

/** What one commit leaves. */
interface EngineState {
  readonly index: number;
  /** Of the machine: the version in force. */
  readonly version: number;
  /** As CBOR: pieces may show what lives on. */
  readonly pieces: readonly Uint8Array[];
  readonly memos: readonly (readonly [index: number, memo: Uint8Array])[];
}

const EMPTY: EngineState = { index: 0, version: 1, pieces: [], memos: [] };

/** The first piece of a snapshot: how far the state has come, and its newest memo. */
type HeadPiece = readonly [index: number, memo: Uint8Array];

/** What stands on one machine's disk. */
export class SimEngine {
  /** Use: what a power cut may fall back to, the newest last. Invariant: not empty. */
  #states: EngineState[] = [EMPTY];
  readonly #random: RandomState;

  constructor(seed: number) {
    this.#random = seedRandom(seed);
  }

  get #state(): EngineState {
    return this.#states.at(-1) ?? EMPTY;
  }

  /** Power is cut. */
  crash(): void {
    this.#states.length = nextInRange(this.#random, 1, this.#states.length);
  }

  /** The directory is lost. */
  wipe(): void {
    this.#states = [EMPTY];
  }

  /** The plugin, with machines that stand on this disk; `promised` hears that a promise was resolved. */
  plugin(plugin: AnyPlugin, promised: () => void): AnyPlugin {
    return withMachines(plugin, (machine, { directory }) => directory === "" ? machine : this.#machine(machine as StreamMachine<unknown>, promised));
  }

  #machine(inner: StreamMachine<unknown>, promised: () => void): AnyMachine {
    let isOpen = false;
    let inForce = this.#state.version;
    return {
      ...inner,
      apply: (command: Command, entry: Entry) => {
        inForce = entry.version;
        return inner.apply(command, entry);
      },
      upgrade: (from: number, entry: Entry) => {
        inForce = entry.version;
        inner.upgrade?.(from, entry);
      },
      lastApplied: () => {
        if (!isOpen && this.#state.index > 0) this.#open(inner, promised);
        isOpen = true;
        return this.#state.index;
      },
      commit: ({ index, memo, memosFrom }: Commit) => {
        const memos = this.#state.memos.filter(([at]) => at >= memosFrom);
        this.#states = [...this.#states.slice(1 - COMMITS_KEPT), { index, version: inForce, pieces: allOf(inner), memos: [...memos, [index, memo]] }];
      },
      memos: (from: number) => this.#state.memos.filter(([index]) => index >= from).map(([, memo]) => memo),
      snapshot: () => snapshotOf(this.#state),
      restore: async (pieces: AsyncIterable<unknown>, version: number) => {
        const taken: Uint8Array[] = [];
        const heads: HeadPiece[] = [];
        await inner.restore((async function* () {
          for await (const piece of pieces) {
            if (heads.length === 0) {
              heads.push(piece as HeadPiece);
              continue;
            }
            taken.push(copyOf(piece));
            yield piece;
          }
        })(), version);
        const [index, memo] = heads[0] as HeadPiece;
        inForce = version;
        this.#states = [{ index, version, pieces: taken, memos: [[index, new Uint8Array(memo)]] }];
        isOpen = true;
      },
    };
  }

  /** Nothing is applied in the event in which a machine is opened, and before the next one all of this has happened. */
  #open(inner: StreamMachine<unknown>, promised: () => void): void {
    const { pieces, version } = this.#state;
    promised();
    inner.restore((async function* () {
      for (const piece of pieces) yield decode(piece);
    })(), version).catch((error: unknown) => {
      throw error;
    });
  }
}

function* snapshotOf({ index, pieces, memos }: EngineState): Generator<unknown, void> {
  const head: HeadPiece = [index, memos.at(-1)?.[1] ?? new Uint8Array()];
  yield head;
  for (const piece of pieces) yield decode(piece);
}

function allOf(inner: StreamMachine<unknown>): Uint8Array[] {
  const iterator = inner.snapshot() as Iterator<unknown, void>;
  const pieces: Uint8Array[] = [];
  for (let step = iterator.next(); step.done !== true; step = iterator.next()) pieces.push(copyOf(step.value));
  return pieces;
}

function copyOf(piece: unknown): Uint8Array {
  return new Uint8Array(encode(piece));
}
