/** The machine of the README: one number that commands add to. */
import type { Plugin } from "../../src/machine/machine.ts";

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
      apply([, n = 1], entry) {
        if (!Number.isSafeInteger(Number(n))) throw entry.reject(`add wants a whole number, not ${n}`);
        return (total += Number(n));
      },
      query: () => total,
      snapshot: () => ({ total }),
      restore: (saved) => { total = saved.total; },
    };
  },
};
export default counter;
