/** How often each operation was tried, and with what success: an operation that never ran was not checked. */

/** Of one operation. */
interface Row {
  ran: number;
  /** What `prepare` said, or the machine threw or refused it with, of one that did not. */
  failure: { readonly count: number; readonly message: string; readonly isBroken: boolean } | null;
}

/** Counts. */
export class Tally {
  readonly #rows: Map<string, Row> = new Map();
  /** Commands that a machine ran to their end, refused ones included. */
  commands = 0;
  /** @param operations all there are */
  constructor(operations: Iterable<string>) {
    for (const operation of operations) this.#rows.set(operation, { ran: 0, failure: null });
  }

  ran(operation: string): void {
    this.commands += 1;
    this.#row(operation).ran += 1;
  }

  /** The machine refused the command. */
  rejected(operation: string, message: string): void {
    this.commands += 1;
    this.#failed(operation, message, false);
  }

  /** `prepare` refused the command. */
  refused(operation: string, message: string): void {
    this.#failed(operation, message, false);
  }

  /** The machine threw. */
  broke(operation: string, thrown: unknown): void {
    this.#failed(operation, thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown), true);
  }

  /** A sentence for each operation that never came to an end, by its name. */
  untried(): Map<string, string> {
    return new Map([...this.#rows].filter(([, { ran }]) => ran === 0).map(([operation, { failure }]) => {
      const why = failure === null ? "no command of it was drawn" : `none of ${failure.count} commands came to its end, the last for "${failure.message}"`;
      const next = failure?.isBroken === true ? "mend what it throws; where it means to refuse a command: throw entry.reject(why)" : "give the plugin a generate(random) that returns commands which it takes";
      return [operation, `'${operation}' was not checked, for ${why}: ${next}`];
    }));
  }

  #failed(operation: string, message: string, isBroken: boolean): void {
    const row = this.#row(operation);
    row.failure = { count: (row.failure?.count ?? 0) + 1, message, isBroken };
  }

  #row(operation: string): Row {
    const row = this.#rows.get(operation) ?? { ran: 0, failure: null };
    this.#rows.set(operation, row);
    return row;
  }
}
