/**
 * Machines use no clock, chance, timer or network: the guard throws, which each replica answers alike as a fault, so no
 * other rule would see it.
 */
import { ForbiddenGlobal, type Guard } from "../../host/guard.ts";
import { guardPlugin } from "../../machine/guard_plugin.ts";
import type { AnyPlugin } from "../../machine/machine.ts";
import { type Property, Violation } from "../property.ts";

/** The rule, for machines under `guard`. */
export class ForbiddenGlobals implements Property {
  readonly name: string = "forbidden-global";
  readonly #guard: Guard;
  /** The first that any machine used. */
  #used: ForbiddenGlobal | null = null;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** The plugin under the guard. Not `watched`: the hash that others add to a machine looks at its snapshot, which is free. */
  around(plugin: AnyPlugin): AnyPlugin {
    return guardPlugin(plugin, {
      run: (method, operation, work) => {
        try {
          return this.#guard.run(method, operation, work);
        } catch (thrown) {
          if (thrown instanceof ForbiddenGlobal) this.#used ??= thrown;
          throw thrown;
        }
      },
    });
  }

  stepped(): void {
    this.#check();
  }

  answered(): void {
    this.#check();
  }

  finished(): void {
    this.#check();
  }

  #check(): void {
    if (this.#used !== null) throw new Violation(this.name, this.#used.message);
  }
}
