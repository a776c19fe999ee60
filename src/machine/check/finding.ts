/** What a check of a machine finds, and in which words it says so. */
import { toJsonValue } from "../../base/json_value.ts";
import type { Step } from "./step.ts";

/** What machines do wrong. */
export type FindingKind =
  /** Two machines that were given the same entries answered, emitted or became something else. */
  | "nondeterminism"
  /** `applyBatch` answered, emitted or became something else than `apply`, or broke. */
  | "batch-differs"
  /** A restored machine is another than the one that was saved. */
  | "snapshot-loss"
  /** A restored machine holds the same in another order. */
  | "order-after-restore"
  /** A snapshot that had begun shows what was applied later. */
  | "live-pieces"
  /** `apply` or `wake` returned a promise, or went on after it had returned. */
  | "async-apply"
  /** A write that was refused changed something. */
  | "changed-before-reject"
  /** A write that broke changed something before it did. */
  | "changed-before-fault"
  /** A read changed something. */
  | "changed-by-read"
  /** `prepare` made something else of the same command, or of one that it had made. */
  | "unsteady-prepare"
  /** An answer or a command that cannot be sent, or does not arrive as it was. */
  | "unsendable"
  /** A clock, chance, a timer or the network was used. */
  | "forbidden-global";

/** Something that was found. */
export interface Finding {
  readonly kind: FindingKind;
  /** The operation that showed it; `wake`, or `create` if it was there before the first. */
  readonly operation: string;
  /** One sentence: what was seen, and what to change. */
  readonly message: string;
  /** The seed that it was found with. */
  readonly seed: number;
  /** The least that shows it: what to run, from an empty machine on. */
  readonly steps: readonly Step[];
  /** The steps as lines for people. */
  readonly lines: readonly string[];
}

/** A finding whose steps are those of the run that made it. */
export type Problem = Pick<Finding, "kind" | "operation" | "message">;

/** Text of an answer, at most. */
const TEXT_MAX = 60;

const DETERMINISTIC = "apply() may use its command, its entry and the state alone: entry.timeMs is the time, entry.random() the chance";
const WHOLE = "what restore() makes must be all that snapshot() saw";

/** The sentences, by what was seen. */
export const problems = {
  answers: (operation: string, one: unknown, other: unknown): Problem => ({
    kind: "nondeterminism", operation,
    message: `'${operation}' is not deterministic: the same command was answered ${textOf(one)} by one copy and ${textOf(other)} by another: ${DETERMINISTIC}`,
  }),
  emitted: (operation: string): Problem => ({
    kind: "nondeterminism", operation,
    message: `'${operation}' is not deterministic: copies that answered alike told watchers of other changes: ${DETERMINISTIC}`,
  }),
  states: (operation: string, what: string): Problem => ({
    kind: "nondeterminism", operation,
    message: `'${operation}' is not deterministic: copies that answered alike differ in ${what}: ${DETERMINISTIC}`,
  }),
  batched: (operation: string, what: string): Problem => ({
    kind: "batch-differs", operation,
    message: `applyBatch() is not apply() for each: behind a run that ended with '${operation}' ${what}: how many commands come together differs between ` +
      "replicas: answer each as apply() would, with the error that it would throw in its place, or leave applyBatch() out",
  }),
  created: (what: string): Problem => ({
    kind: "nondeterminism", operation: "create",
    message: `create() is not deterministic: two machines without entries differ in ${what}: keep nothing outside of what create() makes, and draw nothing in it`,
  }),
  lost: (operation: string, what: string): Problem => ({
    kind: "snapshot-loss", operation,
    message: `'${operation}' shows that a snapshot loses state: a restored machine and one that never stopped differ in ${what}: ${WHOLE}`,
  }),
  lostAnswer: (operation: string, one: unknown, restored: unknown): Problem => ({
    kind: "snapshot-loss", operation,
    message: `'${operation}' shows that a snapshot loses state: it was answered ${textOf(one)} by a machine that never stopped and ` +
      `${textOf(restored)} by one that was restored: ${WHOLE}`,
  }),
  notRestored: (operation: string, why: string): Problem => ({
    kind: "snapshot-loss", operation,
    message: `the state that '${operation}' left cannot be saved and restored: ${why}`,
  }),
  reordered: (operation: string): Problem => ({
    kind: "order-after-restore", operation,
    message: `'${operation}' shows that a restored machine holds the same in another order: the order of a Map, Set or object is state: ` +
      "save it as it is, and restore it so",
  }),
  live: (operation: string, what: string): Problem => ({
    kind: "live-pieces", operation,
    message: `'${operation}' changes a snapshot that was begun before it: ${what}: a piece behind the first must be a copy, ` +
      "since it is encoded while entries are applied",
  }),
  promise: (operation: string): Problem => ({
    kind: "async-apply", operation,
    message: `'${operation}' returns a promise: it would end at another moment on each replica: do all at once and return the answer`,
  }),
  late: (operation: string): Problem => ({
    kind: "async-apply", operation,
    message: `'${operation}' changes the state after it has returned: that comes at another moment on each replica: do all at once`,
  }),
  halfRejected: (operation: string, what: string): Problem => ({
    kind: "changed-before-reject", operation,
    message: `'${operation}' changes the state and then rejects, which shows in ${what}: throw entry.reject(…) before anything is changed`,
  }),
  halfBroken: (operation: string, { thrown, what }: { readonly thrown: unknown; readonly what: string }): Problem => ({
    kind: "changed-before-fault", operation,
    message: `'${operation}' changes the state and then throws ${thrownText(thrown)}, which shows in ${what}: what it had changed stays so on each replica: ` +
      "check before anything is changed, or keep the state in a Table, which takes it back",
  }),
  preparedTwice: (operation: string, one: unknown, other: unknown): Problem => ({
    kind: "unsteady-prepare", operation,
    message: `prepare() of '${operation}' is not deterministic: it made ${textOf(one)} and then ${textOf(other)} of the same command: a write that is ` +
      "sent again must be known by its bytes, so take nothing but the command",
  }),
  preparedAgain: (operation: string, one: unknown, again: unknown): Problem => ({
    kind: "unsteady-prepare", operation,
    message: `prepare() of '${operation}' makes ${again instanceof Error ? `an error of what it made, ${textOf(again)}` : textOf(again)} of ${textOf(one)}, ` +
      "which it had made itself: leave a command alone that is prepared already, since those of a log are prepared again where they are edited in",
  }),
  unsendable: (operation: string, { what, why }: { readonly what: string; readonly why: string }): Problem => ({
    kind: "unsendable", operation,
    message: `${what} '${operation}' cannot be sent as it is: ${why}: use null, booleans, numbers, texts, bytes, lists, Maps, Sets and plain objects`,
  }),
  spoilt: (operation: string, what: string): Problem => ({
    kind: "changed-by-read", operation,
    message: `'${operation}' is a read and changes the state, which shows in ${what}: a read runs on one node alone: ` +
      'make it kind: "write", or leave the state as it is',
  }),
  forbidden: (operation: string, message: string): Problem => ({ kind: "forbidden-global", operation, message }),
};

function thrownText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return JSON.stringify(String(thrown));
  return `${thrown.name} ${JSON.stringify(thrown.message)}`;
}

/** A value in short, as JSON. */
export function textOf(value: unknown): string {
  if (value instanceof Error) return `${value.name === "Error" || !("code" in value) ? "" : `${String(value.code)} `}"${value.message}"`;
  const text = JSON.stringify(toJsonValue(value));
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
