/**
 * A database on this node's disk, as a machine. Entries are applied within a transaction of SQLite that the next commit
 * of draft ends, each within a savepoint: what an entry did is there as a whole or not at all, whatever becomes of the
 * entry or of the node.
 */
import type { Command, Commit, Entry, Reply, StreamMachine, View } from "../../src/machine/machine.ts";
import { NodeFailure } from "./failures.ts";
import { Generations } from "./generations.ts";
import { piecesOf, writePieces } from "./pieces.ts";
import { loadSqlite } from "./sqlite.ts";
import { Refusal, type SqlOutcome, Statements } from "./statements.ts";
import { Store } from "./store.ts";
import { statementsOf } from "./transaction.ts";

/** The machine of one node. */
export class SqlMachine implements StreamMachine<Uint8Array> {
  readonly #files: Generations;
  #store: Store | null = null;
  #statements: Statements | null = null;
  /** Use: SQLite or the disk failed in the midst of an entry; nothing is committed any more. */
  #failure: NodeFailure | null = null;
  /** Use: the file is being read for a snapshot, and must not change. */
  #isFrozen = false;

  /** @throws Error if this runtime has no SQLite */
  constructor(directory: string) {
    loadSqlite();
    this.#files = new Generations(directory);
  }

  apply([operation, ...args]: Command, entry: Entry): Reply {
    if (this.#failure !== null) throw this.#failure;
    const { database } = this.#open();
    this.#control("SAVEPOINT draft_entry");
    let answer: Reply;
    try {
      answer = this.#run(operation, args, entry);
      if (!database.isTransaction) throw new NodeFailure("SQLite gave up the transaction");
    } catch (thrown) {
      if (thrown instanceof NodeFailure || !database.isTransaction) throw this.#failed(thrown);
      this.#control("ROLLBACK TO draft_entry; RELEASE draft_entry");
      throw thrown instanceof Refusal ? entry.reject(thrown.message) : thrown;
    }
    this.#control("RELEASE draft_entry");
    return answer;
  }

  /** Begins or ends what an entry does. That is nobody's statement: if it fails the disk did. */
  #control(sql: string): void {
    const store = this.#open();
    try {
      store.begin();
      store.database.exec(sql);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  query([, sql, ...parameters]: Command, view: View): Reply {
    this.#open();
    try {
      return (this.#statements as Statements).query(String(sql), parameters, view);
    } catch (thrown) {
      throw thrown instanceof Refusal ? new Error(thrown.message) : thrown;
    }
  }

  lastApplied(): number {
    return this.#open().applied;
  }

  commit(commit: Commit): void {
    if (this.#failure !== null) throw this.#failure;
    this.#open().commit(commit);
  }

  memos(from: number): Iterable<Uint8Array> {
    return this.#open().memos(from);
  }

  snapshot(): AsyncIterator<Uint8Array, void> {
    const store = this.#open();
    if (this.#isFrozen) throw new Error("another snapshot is under way");
    store.freeze();
    this.#isFrozen = true;
    return piecesOf(this.#files.path, () => {
      if (!this.#isFrozen || this.#store !== store) return;
      this.#isFrozen = false;
      store.thaw();
    });
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.#open();
    await writePieces(this.#files.nextPath, pieces);
    this.close();
    this.#files.advance();
    this.#open().forgetMemos();
    this.#failure = null;
  }

  close(): void {
    const store = this.#store;
    this.#store = this.#statements = null;
    this.#isFrozen = false;
    store?.close();
  }

  #open(): Store {
    if (this.#store === null) {
      this.#store = new Store(this.#files.settle());
      this.#statements = new Statements(this.#store);
    }
    return this.#store;
  }

  #run(operation: string, args: readonly unknown[], entry: Entry): SqlOutcome | readonly SqlOutcome[] {
    const statements = this.#statements as Statements;
    statements.beginEntry(entry);
    if (operation === "exec") return statements.exec(String(args[0]), args.slice(1));
    return statementsOf(args[0]).map(({ sql, parameters }, at) => {
      try {
        return statements.exec(sql, parameters);
      } catch (thrown) {
        throw thrown instanceof Refusal ? new Refusal(`statement ${at + 1}: ${thrown.message}`) : thrown;
      }
    });
  }

  #failed(thrown: unknown): NodeFailure {
    this.#failure = thrown instanceof NodeFailure ? thrown : new NodeFailure(String((thrown as Error).message), { cause: thrown });
    return this.#failure;
  }
}
