/** How each kind of fault is done. Each act returns what it did in words, or null if it could not. */
import { nextFloat } from "../base/random.ts";
import type { Way } from "./cuts.ts";
import { DISK_FAULTS } from "./disk_acts.ts";
import { type Act, all, cutFor, type FaultHands, handOverTo, ms, withMachine, withProcess, withTwo } from "./fault_hands.ts";
import { FETCH_FAULTS } from "./fetch_acts.ts";
import { MEMBER_FAULTS } from "./member_acts.ts";
import type { FaultKind } from "./script.ts";
import type { SimMachine } from "./sim_machine.ts";
import { LEASE_FAULTS } from "./lease_acts.ts";
import { VERSION_FAULTS } from "./version_acts.ts";


/** All acts. */
export const FAULTS: { readonly [K in FaultKind]: Act<K> } = {
  ...DISK_FAULTS,
  ...VERSION_FAULTS,
  ...FETCH_FAULTS,
  ...MEMBER_FAULTS,
  ...LEASE_FAULTS,
  crash: (hands, { who, downMs, silent }) => withProcess(hands, who, (machine) => {
    machine.crash(silent);
    hands.later(downMs, () => hands.start(machine));
    return `cuts the power of ${machine.id}`;
  }),
  "crash-all": (hands, { downMs }) => {
    for (const machine of all(hands)) {
      machine.crash(true);
      hands.later(downMs * (0.5 + nextFloat(hands.random)), () => hands.start(machine));
    }
    return "cuts the power of all";
  },
  "crash-at-call": (hands, { who, calls, killed, again, downMs }) => withProcess(hands, who, (machine) => {
    endAtCall(hands, machine, [calls, ...again], downMs, killed);
    return `will ${killed ? "kill" : "cut the power of"} ${machine.id} at its disk call ${calls} from now`;
  }),
  kill: (hands, { who, downMs }) => withProcess(hands, who, (machine) => {
    machine.kill();
    hands.later(downMs, () => hands.start(machine));
    return `kills ${machine.id}`;
  }),
  stop: (hands, { who, downMs }) => withProcess(hands, who, (machine) => {
    hands.stop(machine, downMs);
    return `stops ${machine.id}`;
  }),
  pause: (hands, { who, forMs, atTurn }) => withProcess(hands, who, (machine) => {
    const { gate } = machine;
    if (gate.isShut) return null;
    if (atTurn) gate.shutAtSoon = true;
    else gate.shut();
    hands.later(forMs, () => gate.release());
    return `pauses ${machine.id} for ${ms(forMs)}`;
  }),
  split: (hands, { sides, forMs }) => {
    const sideOf = (machine: SimMachine): number | undefined => sides[machine.place - 1];
    return cuts(hands, ways(hands, (from, to) => sideOf(from) !== sideOf(to)), forMs, `splits the network ${sides.join("")}`);
  },
  isolate: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cuts(hands, ways(hands, (from, to) => from === machine || to === machine), forMs, `isolates ${machine.id}`)),
  ring: (hands, { forMs }) => {
    const count = hands.cluster.machines.size;
    if (count < 4) return null;
    // So many to each side that each hears a majority, and no two the same.
    const reach = Math.ceil(Math.floor(count / 2) / 2);
    const isFar = (from: SimMachine, to: SimMachine): boolean => {
      const distance = Math.abs(from.place - to.place);
      return Math.min(distance, count - distance) > reach;
    };
    return cuts(hands, ways(hands, isFar), forMs, "lets each hear its neighbours alone");
  },
  bridge: (hands, { who, forMs }) => withMachine(hands, who, (bridge) => {
    const sideOf = (machine: SimMachine): boolean => machine.place % 2 === 0;
    const apart = (from: SimMachine, to: SimMachine): boolean => from !== bridge && to !== bridge && sideOf(from) !== sideOf(to);
    return cuts(hands, ways(hands, apart), forMs, `leaves ${bridge.id} as the bridge of two halves`);
  }),
  "one-way": (hands, { from, to, forMs }) => withTwo(hands, from, to, (one, other) =>
    cuts(hands, [[one.id, other.id]], forMs, `cuts ${one.id} to ${other.id}`)),
  deaf: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cuts(hands, ways(hands, (_, to) => to === machine), forMs, `makes ${machine.id} deaf`)),
  mute: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cuts(hands, ways(hands, (from) => from === machine), forMs, `makes ${machine.id} mute`)),
  reset: (hands, { a, b }) => withTwo(hands, a, b, (one, other) => {
    hands.cluster.net.reset(one.id, other.id);
    return `resets the connections of ${one.id} and ${other.id}`;
  }),
  clog: (hands, { from, to, bytesPerMs, forMs }) => withTwo(hands, from, to, (one, other) => {
    hands.cluster.net.clog(one.id, other.id, bytesPerMs);
    hands.later(forMs, () => hands.cluster.net.clog(one.id, other.id, null));
    return `slows ${one.id} to ${other.id} to ${bytesPerMs} bytes a millisecond for ${ms(forMs)}`;
  }),
  "wall-jump": (hands, { who, byMs }) => withMachine(hands, who, (machine) => {
    machine.clock.jump(byMs);
    return `sets the wall clock of ${machine.id} by ${byMs} ms`;
  }),
  transfer: (hands, { to }) => withMachine(hands, to, (target) => {
    const leader = handOverTo(hands, target);
    return leader === null ? null : `asks ${leader.id} to hand over to ${target.id}`;
  }),
};

/** Ends the process at the first of `calls`, then each next one at the call behind it. */
function endAtCall(hands: FaultHands, machine: SimMachine, calls: readonly number[], downMs: number, killed: boolean): void {
  const [call, ...rest] = calls;
  const { disk } = machine;
  if (call === undefined) return;
  disk.endAt(disk.calls + call, () => {
    if (killed) machine.kill();
    else machine.crash();
    hands.later(downMs, () => {
      endAtCall(hands, machine, rest, downMs, false);
      hands.start(machine);
    });
  });
}

function cuts(hands: FaultHands, cut: readonly Way[], forMs: number, words: string): string | null {
  if (cut.length === 0) return null;
  cutFor(hands, cut, forMs);
  return `${words} for ${ms(forMs)}`;
}

function ways(hands: FaultHands, isCut: (from: SimMachine, to: SimMachine) => boolean): Way[] {
  const machines = all(hands);
  return machines.flatMap((from) =>
    machines.filter((to) => to !== from && isCut(from, to)).map((to) => [from.id, to.id] as const));
}
