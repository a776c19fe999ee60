/** How each kind of fault is done. Each act returns what it did in words, or null if it could not. */
import type { ErrorCode } from "../base/errors.ts";
import { nextFloat, type RandomState } from "../base/random.ts";
import type { Cuts, Way } from "./cuts.ts";
import type { DiskTroubles } from "./disk_troubles.ts";
import type { FaultBody, FaultKind, Who } from "./script.ts";
import type { FaultRule } from "./sim_faults.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

/** What an act works with. */
export interface FaultHands {
  readonly cluster: SimCluster;
  readonly random: RandomState;
  readonly cuts: Cuts;
  readonly wiped: Set<SimMachine>;
  later(delayMs: number, act: () => void): void;
  troubles(machine: SimMachine): DiskTroubles;
  excuse(machine: SimMachine, ...codes: readonly ErrorCode[]): void;
  excuseStart(machine: SimMachine, code: ErrorCode): void;
  start(machine: SimMachine): void;
  stop(machine: SimMachine, downMs: number): void;
  failsFor(machine: SimMachine, downMs: number): void;
}

type Act<K extends FaultKind> = (hands: FaultHands, fault: Extract<FaultBody, { kind: K }>) => string | null;

const TRANSFER_TIMEOUT_MS = 2000;

/** How long a machine whose log rots is down. */
const REST_MS = 50;

/** All acts. */
export const FAULTS: { readonly [K in FaultKind]: Act<K> } = {
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
  "crash-at-call": (hands, { who, calls, again, downMs }) => withProcess(hands, who, (machine) => {
    crashAtCall(hands, machine, calls, again, downMs);
    return `will cut the power of ${machine.id} at its disk call ${calls} from now`;
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
  wipe: (hands, { who, downMs }) => {
    const machine = someone(hands, who);
    if (machine === null || machine.number === 0 || !damage(hands, machine)) return null;
    hands.wiped.add(machine);
    if (machine.isUp) machine.crash();
    machine.wipe();
    hands.troubles(machine).apply();
    hands.later(downMs, () => hands.start(machine));
    return `loses the directory of ${machine.id}`;
  },
  split: (hands, { sides, forMs }) => {
    const sideOf = (machine: SimMachine): number | undefined => sides[machine.place - 1];
    return cutFor(hands, ways(hands, (from, to) => sideOf(from) !== sideOf(to)), forMs, `splits the network ${sides.join("")}`);
  },
  isolate: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cutFor(hands, ways(hands, (from, to) => from === machine || to === machine), forMs, `isolates ${machine.id}`)),
  ring: (hands, { forMs }) => {
    const count = hands.cluster.machines.size;
    if (count < 4) return null;
    // So many to each side that each hears a majority, and no two the same.
    const reach = Math.ceil(Math.floor(count / 2) / 2);
    const isFar = (from: SimMachine, to: SimMachine): boolean => {
      const distance = Math.abs(from.place - to.place);
      return Math.min(distance, count - distance) > reach;
    };
    return cutFor(hands, ways(hands, isFar), forMs, "lets each hear its neighbours alone");
  },
  bridge: (hands, { who, forMs }) => withMachine(hands, who, (bridge) => {
    const sideOf = (machine: SimMachine): boolean => machine.place % 2 === 0;
    const apart = (from: SimMachine, to: SimMachine): boolean => from !== bridge && to !== bridge && sideOf(from) !== sideOf(to);
    return cutFor(hands, ways(hands, apart), forMs, `leaves ${bridge.id} as the bridge of two halves`);
  }),
  "one-way": (hands, { from, to, forMs }) => withTwo(hands, from, to, (one, other) =>
    cutFor(hands, [[one.id, other.id]], forMs, `cuts ${one.id} to ${other.id}`)),
  deaf: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cutFor(hands, ways(hands, (_, to) => to === machine), forMs, `makes ${machine.id} deaf`)),
  mute: (hands, { who, forMs }) => withMachine(hands, who, (machine) =>
    cutFor(hands, ways(hands, (from) => from === machine), forMs, `makes ${machine.id} mute`)),
  reset: (hands, { a, b }) => withTwo(hands, a, b, (one, other) => {
    hands.cluster.net.reset(one.id, other.id);
    return `resets the connections of ${one.id} and ${other.id}`;
  }),
  clog: (hands, { from, to, bytesPerMs, forMs }) => withTwo(hands, from, to, (one, other) => {
    hands.cluster.net.clog(one.id, other.id, bytesPerMs);
    hands.later(forMs, () => hands.cluster.net.clog(one.id, other.id, null));
    return `slows ${one.id} to ${other.id} to ${bytesPerMs} bytes a millisecond for ${ms(forMs)}`;
  }),
  "slow-disk": (hands, { who, factor, forMs }) => withMachine(hands, who, (machine) => {
    machine.disk.slowness = factor;
    hands.later(forMs, () => machine.disk.slowness = 1);
    return `slows the disk of ${machine.id} ${factor} times for ${ms(forMs)}`;
  }),
  stall: (hands, { who, forMs, call: kind }) => withMachine(hands, who, (machine) => {
    const rule: FaultRule = (call) => kind === "any" || call.kind === kind ? { stall: true } : null;
    troubleFor(hands, machine, rule, forMs);
    hands.later(forMs, () => machine.disk.release());
    return `lets every ${kind} of ${machine.id} stand still for ${ms(forMs)}`;
  }),
  eio: (hands, { who, call: kind, afterCalls, powerCycle, downMs }) => withMachine(hands, who, (machine) => {
    let left = afterCalls;
    const troubles = hands.troubles(machine);
    hands.excuse(machine, "STORAGE_FAILED");
    // A log that is being recovered takes a sector that cannot be read for one that is damaged.
    if (kind === "read") hands.excuseStart(machine, "DAMAGED");
    hands.failsFor(machine, downMs);
    const rule: FaultRule = (call) => {
      if (call.kind !== kind || left-- > 0) return null;
      troubles.remove(rule);
      if (powerCycle) hands.later(2, () => powerCut(hands, machine, downMs));
      return { error: "EIO" };
    };
    troubles.add(rule);
    return `will fail a ${kind} of ${machine.id}`;
  }),
  full: (hands, { who, slackBytes, forMs }) => withMachine(hands, who, (machine) => {
    const { disk } = machine;
    hands.excuse(machine, "DISK_FULL");
    disk.capacityBytes = disk.usedBytes + slackBytes;
    hands.later(forMs, () => disk.capacityBytes = Number.POSITIVE_INFINITY);
    return `fills the disk of ${machine.id} but for ${slackBytes} bytes for ${ms(forMs)}`;
  }),
  "short-writes": (hands, { who, forMs }) => withMachine(hands, who, (machine) => {
    const rule: FaultRule = (call) => call.kind === "write" && nextFloat(hands.random) < 0.5 ? { shortBytes: 1 + Math.floor(nextFloat(hands.random) * 700) } : null;
    troubleFor(hands, machine, rule, forMs);
    return `cuts writes of ${machine.id} short for ${ms(forMs)}`;
  }),
  flip: (hands, { who, file, position, bit, restart }) => withMachine(hands, who, (machine) => {
    const { disk } = machine;
    const files = disk.names.files().filter((path) => (disk.content(path)?.length ?? 0) > 0);
    const path = files[file % Math.max(1, files.length)];
    if (path === undefined) return null;
    const at = Math.floor(position * (disk.content(path)?.length ?? 0));
    if (!damage(hands, machine, "rot")) return null;
    disk.flipBit(path, at, bit);
    if (restart && machine.isUp) {
      machine.kill();
      hands.later(50, () => hands.start(machine));
    }
    return `flips bit ${bit} of byte ${at} of ${path}`;
  }),
  "rot-at-rest": (hands, { who, backBytes, bit }) => withProcess(hands, who, (machine) => {
    if (machine.server === null || machine.isStopping || machine.gate.isShut || !damage(hands, machine, "rot")) return null;
    machine.stop(() => {
      rotAtEnd(machine.disk, backBytes, bit);
      hands.later(REST_MS, () => hands.start(machine));
    });
    return `stops ${machine.id}, and turns a bit of the end of its log`;
  }),
  misdirect: (hands, { who, byBytes }) => withMachine(hands, who, (machine) => {
    const troubles = hands.troubles(machine);
    if (!damage(hands, machine)) return null;
    const rule: FaultRule = (call) => {
      if (call.kind !== "write") return null;
      troubles.remove(rule);
      return { elsewhereBytes: byBytes };
    };
    troubles.add(rule);
    return `will misdirect a write of ${machine.id} by ${byBytes} bytes`;
  }),
  lie: (hands, { who, forMs }) => withMachine(hands, who, (machine) => {
    if (!damage(hands, machine)) return null;
    troubleFor(hands, machine, (call) => call.kind === "sync" || call.kind === "syncDirectory" ? { lie: true } : null, forMs);
    return `lets the disk of ${machine.id} lie about syncs for ${ms(forMs)}`;
  }),
  "wall-jump": (hands, { who, byMs }) => withMachine(hands, who, (machine) => {
    machine.clock.jump(byMs);
    return `sets the wall clock of ${machine.id} by ${byMs} ms`;
  }),
  transfer: (hands, { to }) => withTwo(hands, 0, to, (leader, target) => {
    if (leader.server === null || leader.gate.isShut) return null;
    leader.server.requests.transfer("main", target.id, TRANSFER_TIMEOUT_MS, () => {});
    return `asks ${leader.id} to hand over to ${target.id}`;
  }),
};

function crashAtCall(hands: FaultHands, machine: SimMachine, calls: number, again: number, downMs: number): void {
  const { disk } = machine;
  disk.crashAt(disk.calls + calls, () => {
    machine.crash();
    disk.crashAt(0);
    hands.later(downMs, () => {
      if (again > 0) crashAtCall(hands, machine, 1 + Math.floor(nextFloat(hands.random) * 40), again - 1, downMs);
      hands.start(machine);
    });
  });
}

function powerCut(hands: FaultHands, machine: SimMachine, downMs: number): void {
  if (machine.disk.calls === 0) return;
  machine.crash();
  hands.later(downMs, () => hands.start(machine));
}

/**
 * From here on nothing that the machine held is owed. False before the cluster is founded: founders that lose their
 * directory leave a cluster that nobody can found.
 */
function damage(hands: FaultHands, machine: SimMachine, kind: "rot" | "loss" = "loss"): boolean {
  if (hands.wiped.size === 0 && all(hands).some(({ number }) => number === 0)) return false;
  machine.forgiven = true;
  if (kind === "loss") machine.isSilentlyLost = true;
  // Rot may turn the format of the identity file into one that this release does not know.
  hands.excuse(machine, "DAMAGED", "WRONG_IDENTITY");
  return true;
}

/** Turns a bit so many bytes before the last one that was written to the newest segment. */
function rotAtEnd(disk: SimDisk, backBytes: number, bit: number): void {
  const path = disk.names.files().filter((file) => file.includes("/wal/") && !file.endsWith("/mark")).sort()
    .findLast((file) => disk.content(file)?.some((byte) => byte !== 0) === true);
  if (path === undefined) return;
  const last = disk.content(path)?.findLastIndex((byte) => byte !== 0) ?? 0;
  disk.flipBit(path, Math.max(0, last - backBytes), bit);
}

function troubleFor(hands: FaultHands, machine: SimMachine, rule: FaultRule, forMs: number): void {
  const troubles = hands.troubles(machine);
  troubles.add(rule);
  hands.later(forMs, () => troubles.remove(rule));
}

function cutFor(hands: FaultHands, cut: readonly Way[], forMs: number, words: string): string | null {
  if (cut.length === 0) return null;
  hands.cuts.cut(cut);
  hands.later(forMs, () => hands.cuts.heal(cut));
  return `${words} for ${ms(forMs)}`;
}

function ways(hands: FaultHands, isCut: (from: SimMachine, to: SimMachine) => boolean): Way[] {
  const machines = all(hands);
  return machines.flatMap((from) =>
    machines.filter((to) => to !== from && isCut(from, to)).map((to) => [from.id, to.id] as const));
}

function all(hands: FaultHands): SimMachine[] {
  return [...hands.cluster.machines.values()];
}

function someone(hands: FaultHands, who: Who): SimMachine | null {
  if (who === 0) return hands.cluster.leaderMachine();
  return all(hands)[who - 1] ?? null;
}

function withMachine(hands: FaultHands, who: Who, act: (machine: SimMachine) => string | null): string | null {
  const machine = someone(hands, who);
  return machine === null ? null : act(machine);
}

function withProcess(hands: FaultHands, who: Who, act: (machine: SimMachine) => string | null): string | null {
  const machine = someone(hands, who);
  return machine === null || !machine.isUp ? null : act(machine);
}

function withTwo(hands: FaultHands, one: Who, other: Who, act: (one: SimMachine, other: SimMachine) => string | null): string | null {
  const [a, b] = [someone(hands, one), someone(hands, other)];
  return a === null || b === null || a === b ? null : act(a, b);
}

function ms(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}
