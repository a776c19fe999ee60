/** The operation `txn` of the machine `kv` in the model: what it asks, and which steps follow. */
import { answerOf, meaningOf } from "./history.ts";
import type { Cell, KvOperation } from "./kv_cells.ts";

/** A step as it stands in the command. */
type Step = readonly [name: string, ...args: (string | number)[]];

interface Txn {
  readonly comparisons: readonly (readonly [kind: string, key: string, order?: string, wanted?: string])[];
  readonly ifSo: readonly Step[];
  readonly ifNot: readonly Step[];
}

/** The keys that a txn looks at or may change; `keysOf` tells those of a step. */
export function txnKeys(operation: KvOperation, keysOfStep: (step: KvOperation) => readonly string[]): readonly string[] {
  const { comparisons, ifSo, ifNot } = txnOf(operation);
  const steps = [...ifSo, ...ifNot].map((step) => stepOf(operation, step, ""));
  return [...comparisons.map(([, key]) => key), ...steps.flatMap(keysOfStep)];
}

/** The steps that follow where `cellAt` tells what keys hold; null if the answer says that others did. */
export function txnSteps(operation: KvOperation, cellAt: (key: string) => Cell | null): readonly KvOperation[] | null {
  const { comparisons, ifSo, ifNot } = txnOf(operation);
  const succeeds = comparisons.every(([kind, key, order, wanted]) => {
    const cell = cellAt(key);
    if (kind === "exists") return cell !== null;
    if (kind === "value" && order === "=") return cell?.value === wanted;
    throw new Error(`the comparison '${kind} ${order ?? ""}' is not modelled`);
  });
  const steps = succeeds ? ifSo : ifNot;
  if (!operation.isAnswered) return steps.map((step) => stepOf(operation, step, ""));
  const { succeeded, results } = answerOf(operation.recorded.operation).reply as { readonly succeeded: boolean; readonly results: readonly unknown[] };
  if (succeeded !== succeeds || results.length !== steps.length) return null;
  return steps.map((step, at) => stepOf(operation, step, meaningOf(results[at])));
}

function txnOf({ args }: KvOperation): Txn {
  const [comparisons, ifSo, ifNot] = args.map((part) => JSON.parse(part) as unknown);
  return { comparisons, ifSo, ifNot } as Txn;
}

function stepOf(operation: KvOperation, [name, ...args]: Step, reply: string): KvOperation {
  return { ...operation, name, args: args.map(String), reply };
}
