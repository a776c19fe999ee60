/** What a table is told when it is made, and what it says of a scan. */
import type { Entry } from "./machine.ts";
import type { Row } from "./table_rows.ts";

/** What a table can be told. */
export interface TableOptions<V> {
  /** What watchers know a key by, if not by itself: where several tables have equal keys, for one. */
  named?(key: string): string;
  /**
   * Tells watchers of a key that an entry changed; without a value, deleted. `entry.emit(key, value)` if left out; do
   * nothing if nobody is to hear. A table that has it goes through all of its keys when it is cleared.
   */
  tell?(entry: Entry, key: string, value: V | undefined): void;
  /** Changed keys to remember, so that `at` shows the table as it was before them; none if left out. */
  readonly versions?: number;
}

/** What a scan has come to. */
export interface TableScan<V> {
  /** Where to go on; 0: that was all. */
  readonly cursor: number;
  readonly rows: readonly Row<V>[];
}
