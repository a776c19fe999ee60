/**
 * A replica that is led astray by its machine, as one is that asks a clock, draws by chance, or iterates in an order of
 * its own (O06). What it does is made so that no client can see it: only the nodes' own verdicts can find it.
 */
import { oneByOne, withMachines } from "../machine/bound_machine.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import type { Term } from "../raft/types.ts";
import type { Property, SimMember } from "./property.ts";
import type { AstraySettings } from "./script.ts";

export class Astray implements Property {
  readonly name: string = "astray";
  /** Whether its state is another than that of the others by now. */
  #hasDiffered = false;
  readonly #settings: AstraySettings;
  readonly #id: string;
  /** Terms that it led: what it proposed there it answers itself. */
  readonly #led: Set<Term> = new Set();

  /** @param id of its machine */
  constructor(settings: AstraySettings, id: string) {
    this.#settings = settings;
    this.#id = id;
  }

  /** Whether it is among those that stay down, if it had reason to go. */
  isFound(retired: Iterable<SimMember>): boolean {
    return !this.#hasDiffered || [...retired].some(({ id }) => id === this.#id);
  }

  stepped({ id, state }: SimMember): void {
    if (id === this.#id && state?.role === "leader") this.#led.add(state.term);
  }

  /** The plugin whose machines differ on that node. */
  watched(plugin: AnyPlugin): AnyPlugin {
    const { from, what } = this.#settings;
    return withMachines(plugin, (machine, { directory }) => {
      if (!directory.startsWith(`/${this.#id}/`)) return machine;
      let isOff = false;
      return {
        ...oneByOne(machine),
        apply: (command, entry) => {
          const reply = machine.apply(command, entry);
          // The table of sessions keeps answers, and whoever leads later gives them.
          const isSeen = what === "answers" && (entry.session !== null || this.#led.has(entry.term));
          if (entry.index < from || isSeen) return reply;
          this.#hasDiffered = isOff = true;
          if (what === "changes") entry.emit("astray", entry.index);
          return what === "answers" ? "astray" : reply;
        },
        ...(what === "state" ? { hash: () => isOff ? `astray ${String(machine.hash?.())}` : machine.hash?.() ?? "" } : {}),
      };
    });
  }
}
