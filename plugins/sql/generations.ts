/**
 * The files that a state stands in. A restore writes a new database beside the one in force, and takes it over by one
 * rename: SQLite's own log belongs to one file, so a file is never put in the place of another.
 *
 * ```text
 * machines/main/7.db        the state: the highest number counts
 * machines/main/7.db-wal    SQLite's log to it
 * machines/main/8.tmp       a restore that is under way, or was
 * ```
 */
import * as fs from "node:fs";

const NAME = /^([1-9][0-9]*)\.db$/;

/** The directory of one machine. */
export class Generations {
  readonly #directory: string;
  #current = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Path of the state in force, which need not be there yet; whatever else there is goes. */
  settle(): string {
    fs.mkdirSync(this.#directory, { recursive: true });
    const names = fs.readdirSync(this.#directory);
    this.#current = Math.max(1, ...names.map((name) => Number(NAME.exec(name)?.[1] ?? 0)));
    for (const name of names) {
      const isOurs = /^[0-9]+\.(?:tmp|db(?:-wal|-shm|-journal)?)$/.test(name);
      if (isOurs && !name.startsWith(`${this.#current}.db`)) fs.rmSync(`${this.#directory}/${name}`);
    }
    return this.path;
  }

  get path(): string {
    return `${this.#directory}/${this.#current}.db`;
  }

  /** Where the next state is written to. */
  get nextPath(): string {
    return `${this.#directory}/${this.#current + 1}.tmp`;
  }

  /** What stands at {@link nextPath}, synced, is the state from here on. */
  advance(): void {
    fs.renameSync(this.nextPath, `${this.#directory}/${this.#current + 1}.db`);
    const directory = fs.openSync(this.#directory, "r");
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
  }
}
