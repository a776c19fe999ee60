/**
 * Straight-line code over completions. Below the client no promise may stand (their order differs between runtimes and
 * a simulator could not step them), yet opening a log takes a dozen dependent disk calls. A task is a generator that
 * yields one started operation after the other and is resumed, synchronously, by each completion.
 */

/** How an operation of the host ends: exactly one call, never within the call that started it being required. */
export type Done<T> = (...result: [error: Error, value?: undefined] | [error: null, value: T]) => void;

/** An operation that was not started yet. */
export type Operation<T> = (done: Done<T>) => void;

/** A generator that yields operations and returns a value. */
export type Task<T> = Generator<Operation<unknown>, T, unknown>;

/**
 * Waits for one operation inside a task: `const file = yield* wait<File>((done) => disk.open(path, done))`.
 *
 * @throws what the operation failed with
 */
export function* wait<T>(operation: Operation<T>): Task<T> {
  return (yield operation as Operation<unknown>) as T;
}

/** Runs `task` to its end and tells `done` what it returned or threw. Completions in the same turn do not nest. */
export function runTask<T>(task: Task<T>, done: Done<T>): void {
  let looping = false;
  let resume: (() => IteratorResult<Operation<unknown>, T>) | null = () => task.next();

  function loop(): void {
    if (looping) return;
    looping = true;
    while (resume !== null) {
      const run: () => IteratorResult<Operation<unknown>, T> = resume;
      resume = null;
      let result: IteratorResult<Operation<unknown>, T>;
      try {
        result = run();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (result.done === true) {
        done(null, result.value);
        return;
      }
      result.value(settle);
    }
    looping = false;
  }

  function settle(...[error, value]: Parameters<Done<unknown>>): void {
    resume = error === null ? () => task.next(value) : () => task.throw(error);
    loop();
  }

  loop();
}
