/**
 * A machine that differs from replica to replica, and only where it is simulated: what the check of machines alone does
 * not see, and the rules of `draft sim` must find.
 */
import kv from "../../plugins/kv/kv.ts";
import type { AnyPlugin } from "../../src/machine/machine.ts";

let machines = 0;

const plugin: AnyPlugin = {
  ...kv,
  create: (options) => {
    const own = machines++;
    const isSimulated = /^\/[a-z]\//.test(options.directory);
    return { ...kv.create(options), hash: () => isSimulated ? own : 0 };
  },
};

export default plugin;
