/**
 * A history in parts that can be judged one by one: linearizability is local (Herlihy and Wing 1990), so keys that no
 * operation looks at together are objects of their own. Where operations on many keys would join too many, they are
 * judged key by key: that is weaker, and never wrong.
 */
import { answerOf, type Recorded } from "./history.ts";
import type { KvOperation } from "./kv_cells.ts";
import { keysOf, kvOperation } from "./kv_model.ts";

/** Keys that are looked at together, at most. */
const KEYS_MAX = 64;

/** Keys and the operations on them. */
export interface Component {
  readonly keys: readonly string[];
  readonly operations: readonly KvOperation[];
}

/** The parts of a history. Stale reads are no part of it. */
export function componentsOf(recorded: readonly Recorded[]): Component[] {
  const operations = recorded.filter(counts).map(kvOperation);
  const keys = new Set(operations.flatMap((operation) => keysOf(operation) ?? []));
  const joined = join(operations, keys);
  if (joined.every((component) => component.keys.length <= KEYS_MAX)) return joined;
  const projected = operations.flatMap(project);
  return join(projected, new Set(projected.flatMap((operation) => keysOf(operation) ?? [])));
}

/** Whether the operation says or changes anything. */
function counts({ operation, ending }: Recorded): boolean {
  if (ending === "never") return false;
  if (operation.read === null) return true;
  return ending === "done" && operation.read.level !== "stale";
}

function join(operations: readonly KvOperation[], keys: ReadonlySet<string>): Component[] {
  const parent = new Map([...keys].map((key) => [key, key]));
  const rootOf = (key: string): string => {
    let root = key;
    while (parent.get(root) !== root) root = parent.get(root)!;
    parent.set(key, root);
    return root;
  };
  for (const operation of operations) {
    const [first, ...others] = keysOf(operation) ?? keys;
    for (const key of others) parent.set(rootOf(key), rootOf(first!));
  }
  const byRoot = new Map<string, { keys: string[]; operations: KvOperation[] }>();
  for (const key of keys) {
    const root = rootOf(key);
    if (!byRoot.has(root)) byRoot.set(root, { keys: [], operations: [] });
    byRoot.get(root)!.keys.push(key);
  }
  for (const operation of operations) {
    const [first] = keysOf(operation) ?? keys;
    if (first !== undefined) byRoot.get(rootOf(first))!.operations.push(operation);
  }
  return [...byRoot.values()];
}

/** The operation as operations on one key each; what cannot be said of one key is left out. */
function project(operation: KvOperation): readonly KvOperation[] {
  const keys = keysOf(operation);
  if (keys === null) return [];
  if (keys.length === 1 && operation.name !== "mset") return [operation];
  if (operation.name === "mset") return keys.map((key, at) => ({ ...operation, name: "set", args: [key, operation.args[2 * at + 1]!] }));
  if (operation.name === "del") {
    // How many were there is said of all of them; that each is gone by the time of the answer is not.
    return keys.map((key) => ({ ...operation, args: [key], isAnswered: false }));
  }
  if (operation.name === "txn") throw new Error("a txn is judged with all its keys at once: too many are joined");
  if (operation.name !== "mget") return [];
  const values = answerOf(operation.recorded.operation).reply as readonly unknown[];
  return keys.map((key, at) => {
    const { recorded } = operation;
    const answer = { index: operation.index, reply: values[at] };
    const projected = kvOperation({ ...recorded, operation: { ...recorded.operation, command: ["get", key], answer } });
    return projected;
  });
}
