/**
 * Arguments that only an earlier answer can tell: the token of a lock, the receipt of a job. By chance they would hardly
 * ever be hit. `generate` of a plugin puts {@link earlier} in their place, and whoever sends its commands fills them in.
 */
import type { Command } from "./machine.ts";

/** What stands in a generated command; plain data, so that it can be written down. */
interface Placeholder {
  readonly earlier: readonly [operation: string, part: string, otherwise: string | number];
}

/**
 * For `generate`: stands for what the newest answer to `operation` said, of those whose first argument was the same as
 * that of the command in which this stands.
 *
 * @param part the field of the answer; `""`: all of it
 * @param otherwise in its place while there was no such answer, or it holds no text or number there
 * @returns a placeholder, typed as what it stands for
 * @example
 * ```ts
 * generate: (random) => random() < 0.5 ? ["take", "jobs"] : ["ack", "jobs", earlier("take", "receipt", 1)],
 * ```
 */
export function earlier<T extends string | number>(operation: string, part: string, otherwise: T): T {
  const placeholder: Placeholder = { earlier: [operation, part, otherwise] };
  return placeholder as unknown as T;
}

/** Whether the argument is such a placeholder. */
export function isEarlier(argument: unknown): argument is Placeholder {
  if (typeof argument !== "object" || argument === null || Object.keys(argument).length !== 1) return false;
  const parts = (argument as Partial<Placeholder>).earlier;
  return Array.isArray(parts) && parts.length === 3 && typeof parts[0] === "string" && typeof parts[1] === "string" && isPlain(parts[2]);
}

/** What is meant, for people. */
export function earlierText({ earlier: [operation, part, otherwise] }: Placeholder): string {
  return `(${part === "" ? "the answer" : part} of the newest ${operation}, else ${JSON.stringify(otherwise)})`;
}

/** The answers that one client had. */
export class EarlierAnswers {
  readonly #newest: Map<string, unknown> = new Map();

  /** The command was answered so, and with no error. */
  note([operation, first]: Command, answer: unknown): void {
    if (answer !== null && answer !== undefined) this.#newest.set(nameOf(operation, first), answer);
  }

  /** The command with everything filled in. */
  fill(command: Command): Command {
    if (!command.some(isEarlier)) return command;
    const [operation, first] = command;
    return [operation, ...command.slice(1).map((argument) => isEarlier(argument) ? this.#find(argument, first) : argument)];
  }

  #find({ earlier: [operation, part, otherwise] }: Placeholder, first: unknown): string | number {
    const answer = this.#newest.get(nameOf(operation, first));
    const found = part === "" ? answer : typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>)[part] : undefined;
    return isPlain(found) ? found : otherwise;
  }
}

function nameOf(operation: string, first: unknown): string {
  return JSON.stringify([operation, typeof first === "string" || typeof first === "number" ? first : null]);
}

function isPlain(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
