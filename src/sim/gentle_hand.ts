/**
 * Keeps a majority linked and alive: whoever is in trouble is counted with those whom a fault would meet, and a fault
 * that would meet too many is not done. Histories stay long that way; what only an outage of a majority shows, other
 * runs show.
 */
import { configurationsAbout, decide } from "./members_view.ts";
import type { Fault, Who } from "./script.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

/** What a process needs to be of use again once it is started. */
const RECOVERY_MS = 300;

/** Damage shows by then, mostly. */
const DAMAGE_MS = 2000;

/** Whom a fault meets, and for how long. */
interface Harm {
  readonly who: readonly Who[];
  readonly forMs: number;
}

/** One machine at most is met for a moment, or none. */
const HARMLESS: Harm = { who: [], forMs: 0 };

export class GentleHand {
  readonly #cluster: SimCluster;
  readonly #isLost: (machine: SimMachine) => boolean;
  /** Whether members come and go. */
  readonly #changes: boolean;
  /** Until when each is in trouble. */
  readonly #untilMs: Map<SimMachine, number> = new Map();

  /**
   * @param isLost whether the machine is out of the run for good
   * @param changes whether members come and go
   */
  constructor(cluster: SimCluster, isLost: (machine: SimMachine) => boolean, changes: boolean = false) {
    this.#cluster = cluster;
    this.#changes = changes;
    this.#isLost = isLost;
  }

  /** Whether `fault` leaves a majority whole. If so, it is taken for done. */
  allows(fault: Fault): boolean {
    const harm = harmOf(fault);
    if (harm === null) return false;
    const machines = [...this.#cluster.machines.values()];
    const met = harm.who.map((who) => who === 0 ? this.#cluster.leaderMachine() : machines[who - 1]).filter((machine) => machine !== undefined && machine !== null);
    const { nowMs } = this.#cluster.scheduler;
    const troubled = new Set(machines.filter((machine) => this.#isTroubled(machine, nowMs)));
    for (const machine of met) troubled.add(machine);
    if (met.length > 0 && !this.#mayBeWithout(troubled, machines)) return false;
    for (const machine of met) {
      this.#untilMs.set(machine, Math.max(this.#untilMs.get(machine) ?? 0, nowMs + harm.forMs));
    }
    return true;
  }

  /** Whether a majority of all that may be in force is left. */
  #mayBeWithout(troubled: ReadonlySet<SimMachine>, machines: readonly SimMachine[]): boolean {
    if (!this.#changes) return troubled.size <= Math.floor((machines.length - 1) / 2);
    return decide(machines.filter((machine) => !troubled.has(machine)), configurationsAbout(this.#cluster));
  }

  #isTroubled(machine: SimMachine, nowMs: number): boolean {
    return !machine.isUp || machine.server === null || this.#isLost(machine) || nowMs < (this.#untilMs.get(machine) ?? 0);
  }
}

/** What a fault does; null if it spares nobody. */
function harmOf(fault: Fault): Harm | null {
  switch (fault.kind) {
    case "crash-all":
    case "ring":
    case "bridge": return null;
    case "reset":
    case "transfer":
    case "wall-jump":
    case "change":
    case "resize": return HARMLESS;
    case "split": return { who: smallerSide(fault.sides), forMs: fault.forMs };
    case "one-way":
    case "clog": return { who: [fault.from], forMs: fault.forMs };
    case "crash":
    case "kill":
    case "stop": return { who: [fault.who], forMs: RECOVERY_MS + fault.downMs };
    // Whom it meets is not known.
    case "at-raise":
    case "at-change":
    case "deaf-at-fetch":
    case "late-at-fetch": return HARMLESS;
    case "late-at-snapshot": return { who: [fault.who], forMs: RECOVERY_MS + fault.cutMs };
    case "at-lease": return { who: [0], forMs: fault.afterMs + fault.forMs };
    case "install": return fault.by === "nobody" ? HARMLESS : { who: [fault.who], forMs: RECOVERY_MS + fault.downMs };
    // When they strike is not known.
    case "crash-at-call": return { who: [fault.who], forMs: 1000 + fault.downMs * (1 + fault.again.length) };
    case "crash-at-snapshot": return { who: [fault.who], forMs: 1000 + fault.forMs + fault.downMs };
    case "eio": return { who: [fault.who], forMs: 1000 + fault.downMs };
    // One that is damaged may fall out, at once or at its next start: then it is lost.
    case "wipe":
    case "lose":
    case "flip":
    case "rot-at-rest":
    case "misdirect":
    case "bad-sector":
    case "lost-write":
    case "lie": return { who: [fault.who], forMs: DAMAGE_MS };
    default: return { who: [fault.who], forMs: fault.forMs };
  }
}

function smallerSide(sides: readonly number[]): Who[] {
  const [zero, one] = [0, 1].map((side) => sides.flatMap((each, at) => each === side ? [at + 1] : []));
  return zero!.length < one!.length ? zero! : one!;
}
