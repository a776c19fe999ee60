/** A machine that differs from replica to replica: what `draft sim` must find. */
import kv from "../../plugins/kv/kv.ts";
import type { AnyPlugin } from "../../src/machine/machine.ts";

let machines = 0;

const plugin: AnyPlugin = {
  ...kv,
  create: (options) => {
    const own = machines++;
    return { ...kv.create(options), hash: () => own };
  },
};

export default plugin;
