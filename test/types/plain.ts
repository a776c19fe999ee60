/**
 * What the contract of plain plugins lets through and what it does not; see define.ts for how this is judged. Nothing of
 * draft is imported but types: that is enough to write, run and test a machine.
 */
import type { AnyPlugin, Command, Entry, Machine, Plugin, StreamPlugin, View } from "draft";

/** Fails to compile unless `A` and `B` are one type. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]): void {}

/** The counter of the README, to the letter. */
const counter: Plugin<{ total: number }> = {
  name: "counter",
  version: 1,
  operations: {
    add: { kind: "write", args: "[n]", summary: "adds n (1 if left out), returns the total" },
    total: { kind: "read", summary: "the total" },
  },
  create() {
    let total = 0;
    return {
      apply(command, entry) {
        same<typeof command, Command>();
        same<typeof entry, Entry>();
        const [, n = 1] = command;
        if (!Number.isSafeInteger(Number(n))) throw entry.reject(`add wants a whole number, not ${n}`);
        return (total += Number(n));
      },
      query: (_, view) => {
        same<typeof view, View>();
        return total;
      },
      snapshot: () => ({ total }),
      restore: (saved, version) => {
        same<typeof saved, { total: number }>();
        same<typeof version, number>();
        total = saved.total;
      },
    };
  },
};

const lines: StreamPlugin<string> = {
  name: "lines", version: 1, operations: { add: { kind: "write" } },
  create({ directory }) {
    same<typeof directory, string>();
    let all: string[] = [];
    return {
      apply: ([, line]) => void all.push(String(line)),
      snapshot: () => all.values(),
      restore: async (pieces) => {
        all = [];
        for await (const piece of pieces) {
          same<typeof piece, string>();
          all.push(piece);
        }
      },
    };
  },
};

// A machine needs no class and no import; what has the shape is one.
const bare = { name: "bare", version: 1, operations: {}, create: () => ({ apply: () => null, snapshot: () => 1, restore: (saved: number) => void saved }) };
const machines: AnyPlugin[] = [counter, lines, bare];

const wrongs: unknown[] = [
  // @ts-expect-error an operation is a read or a write
  { ...counter, operations: { add: { kind: "change" } } } satisfies Plugin<{ total: number }>,
  // @ts-expect-error a promise is no reply
  { ...counter.create({ directory: "" }), apply: async () => 1 } satisfies Machine<{ total: number }>,
  // @ts-expect-error what is saved is what is restored
  { ...counter.create({ directory: "" }), restore: (saved: string) => void saved } satisfies Machine<{ total: number }>,
  // @ts-expect-error a machine without a snapshot could not be restored
  { apply: () => 1, restore: () => {} } satisfies Machine<number>,
  // @ts-expect-error a version is a number
  { ...counter, version: "1" } satisfies Plugin<{ total: number }>,
];
// @ts-expect-error an entry is looked at, not changed
const late = (entry: Entry): number => (entry.timeMs = 5);

export const compiled: readonly unknown[] = [machines, wrongs, late];
