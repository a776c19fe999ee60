/**
 * The names of a simulated disk: directories and what their entries point at. An entry that was made, renamed or
 * removed is durable only once its directory was synced; until then a crash may keep or undo it on its own, or leave a
 * file that was renamed under both names.
 */
import { nextInRange, type RandomState } from "../base/random.ts";
import { parentOf } from "../host/files.ts";
import type { CrashFate, SimImage } from "./sim_image.ts";

/** A directory, or a file by its image. */
export type SimEntry = SimImage | "directory";

/** One change of names that a crash may undo. */
interface Change {
  readonly directory: string;
  readonly path: string;
  /** What the path points at; null: it is removed. */
  readonly entry: SimEntry | null;
  /** The name that the entry had before, if it is renamed. */
  readonly from: string | null;
}

/** What the sync of a directory covers: the changes that were pending when it was asked for. */
export type NamesPoint = ReadonlySet<object>;

/** The tree of names. `.` and `/` are always there. */
export class SimNames {
  #current: Map<string, SimEntry> = new Map([["/", "directory"], [".", "directory"]]);
  #durable: Map<string, SimEntry> = new Map(this.#current);
  #pending: Change[] = [];

  get(path: string): SimEntry | null {
    return this.#current.get(path) ?? null;
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.#current].filter(([, entry]) => entry !== "directory").map(([path]) => path).sort();
  }

  /** The image of each file that has a name. */
  images(): SimImage[] {
    return [...this.#current.values()].filter((entry) => entry !== "directory");
  }

  /** What a power cut leaves that undoes all that is pending. */
  durable(): ReadonlyMap<string, SimEntry> {
    return this.#durable;
  }

  /** Names of the entries of `directory`, sorted. */
  list(directory: string): string[] {
    const prefix = directory === "/" ? "/" : `${directory}/`;
    const names: string[] = [];
    for (const path of this.#current.keys()) {
      if (path !== directory && path.startsWith(prefix) && !path.includes("/", prefix.length)) names.push(path.slice(prefix.length));
    }
    return names.sort();
  }

  /** Points `path` at `entry`, or removes it. */
  set(path: string, entry: SimEntry | null): void {
    this.#change({ directory: parentOf(path), path, entry, from: null });
  }

  rename(from: string, to: string): void {
    this.#change({ directory: parentOf(to), path: to, entry: this.get(from), from });
  }

  /** Begins a sync of `directory`: what its entries become from now on is not covered by it. */
  beginSync(directory: string): NamesPoint {
    return new Set(this.#pending.filter((change) => change.directory === directory));
  }

  /** The changes that the sync covers are durable. */
  endSync(point: NamesPoint): void {
    this.#pending = this.#pending.filter((change) => {
      if (!point.has(change)) return true;
      apply(this.#durable, change);
      return false;
    });
  }

  /** The entries of `directory` are durable as they are. */
  sync(directory: string): void {
    this.endSync(this.beginSync(directory));
  }

  /** Each pending change is kept or undone; what hangs on a directory that is gone is gone too. */
  crash(random: RandomState, fate: CrashFate): void {
    for (const change of this.#pending) {
      const draw = fate === "kept" ? 1 : fate === "dropped" ? 0 : nextInRange(random, 0, change.from === null ? 1 : 2);
      if (draw === 1) apply(this.#durable, change);
      else if (draw === 2) apply(this.#durable, { ...change, from: null });
    }
    for (let removed = true; removed;) {
      removed = false;
      for (const path of this.#durable.keys()) {
        if (path === "/" || path === "." || this.#durable.has(parentOf(path))) continue;
        removed = this.#durable.delete(path);
      }
    }
    this.#pending = [];
    this.#current = new Map(this.#durable);
  }

  #change(change: Change): void {
    apply(this.#current, change);
    this.#pending.push(change);
  }
}

function apply(names: Map<string, SimEntry>, { path, entry, from }: Change): void {
  if (from !== null) names.delete(from);
  if (entry === null) names.delete(path);
  else names.set(path, entry);
}
