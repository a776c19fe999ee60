/** How each kind of fault of a disk is done. */
import { nextFloat } from "../base/random.ts";
import { type Act, type FaultHands, handOverTo, ms, someone, withMachine, withProcess } from "./fault_hands.ts";
import type { FaultKind } from "./script.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { FaultRule } from "./sim_faults.ts";
import type { CrashFate } from "./sim_image.ts";
import type { SimMachine } from "./sim_machine.ts";

/** How long a machine whose disk rots is down. */
const REST_MS = 50;

type DiskFaultKind = Extract<
  FaultKind,
  | "wipe" | "slow-disk" | "stall" | "eio" | "full" | "short-writes" | "flip" | "rot-at-rest" | "bad-sector" | "misdirect"
  | "lost-write" | "lie" | "crash-at-snapshot"
>;

/** All acts on disks. */
export const DISK_FAULTS: { readonly [K in DiskFaultKind]: Act<K> } = {
  wipe: (hands, { who, downMs }) => {
    const machine = someone(hands, who);
    if (machine === null || machine.number === 0 || !damage(hands, machine)) return null;
    hands.wiped.add(machine);
    hands.empty(machine, downMs);
    return `loses the directory of ${machine.id}`;
  },
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
    const rule: FaultRule = (call) => {
      if (call.kind !== kind || left-- > 0) return null;
      troubles.remove(rule);
      hands.excuses.met(machine, "STORAGE_FAILED");
      // A log that is being recovered takes a sector that cannot be read for one that is damaged.
      if (kind === "read" && !machine.hasOpened) hands.excuses.met(machine, "DAMAGED");
      hands.failsFor(machine, downMs);
      if (powerCycle) hands.later(2, () => powerCut(hands, machine, downMs));
      return { error: "EIO" };
    };
    troubles.add(rule);
    return `will fail a ${kind} of ${machine.id}`;
  }),
  full: (hands, { who, slackBytes, forMs }) => withMachine(hands, who, (machine) => {
    const { disk } = machine;
    disk.capacityBytes = disk.usedBytes + slackBytes;
    // To lead it would have no room.
    hands.later(forMs / 2, () => handOverTo(hands, machine));
    hands.later(forMs, () => disk.capacityBytes = Number.POSITIVE_INFINITY);
    return `fills the disk of ${machine.id} but for ${slackBytes} bytes for ${ms(forMs)}`;
  }),
  "crash-at-snapshot": (hands, { who, fetched, forMs, downMs }) => withProcess(hands, who, (machine) => {
    const troubles = hands.troubles(machine);
    const { gate } = machine;
    let isNamed = false;
    const rule: FaultRule = ({ kind, path }) => {
      // A rename bears the name that is given up.
      const isName = kind === "rename" && path.includes("/snapshots/") && (!fetched || path.endsWith(".fetching"));
      if (isName && !isNamed) {
        isNamed = true;
        hands.later(forMs, () => {
          troubles.remove(rule);
          if (machine.gate === gate && machine.isUp) powerCut(hands, machine, downMs);
          else machine.disk.release();
        });
      }
      return isNamed && kind === "sync" && path.endsWith(".seg") ? { stall: true } : null;
    };
    troubles.add(rule);
    return `will let the log of ${machine.id} stand still at the next snapshot that it ${fetched ? "fetches" : "has"}, and cut its power after ${ms(forMs)}`;
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
    if (restart) again(hands, machine);
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
  "bad-sector": (hands, { who, file, position, restart }) => withMachine(hands, who, (machine) => {
    const { disk } = machine;
    const files = disk.names.files().filter((path) => (disk.content(path)?.length ?? 0) > 0);
    const path = files[file % Math.max(1, files.length)];
    if (path === undefined || !damage(hands, machine, "rot")) return null;
    const at = Math.floor(position * (disk.content(path)?.length ?? 0));
    disk.spoil(path, at);
    if (restart) again(hands, machine);
    return `makes the sector at ${at} of ${path} unreadable`;
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
  "lost-write": (hands, { who }) => withMachine(hands, who, (machine) => {
    const troubles = hands.troubles(machine);
    if (!damage(hands, machine)) return null;
    const rule: FaultRule = (call) => {
      if (call.kind !== "write") return null;
      troubles.remove(rule);
      return { lost: true };
    };
    troubles.add(rule);
    return `will lose a write of ${machine.id}`;
  }),
  lie: (hands, { who, forMs, powerCycle, downMs }) => withProcess(hands, who, (machine) => {
    if (!damage(hands, machine)) return null;
    machine.hasLied = true;
    lieFor(hands, machine, forMs, () => {
      if (powerCycle) powerCut(hands, machine, downMs, "dropped");
    });
    return `lets the disk of ${machine.id} lie about syncs for ${ms(forMs)}`;
  }),
};

/** Ends the process, if one runs, and starts the next one soon: it reads what stands on the disk. */
function again(hands: FaultHands, machine: SimMachine): void {
  if (!machine.isUp) return;
  machine.kill();
  hands.later(REST_MS, () => hands.start(machine));
}

/** Lies for a while, and on until a sync of the log was among the lies: a disk that idles cannot lie. */
function lieFor(hands: FaultHands, machine: SimMachine, forMs: number, then: () => void): void {
  let lies = 0;
  const rule: FaultRule = ({ kind, path }) => {
    if (kind !== "sync" && kind !== "syncDirectory") return null;
    if (path.endsWith(".seg")) lies += 1;
    return { lie: true };
  };
  const troubles = hands.troubles(machine);
  const end = (): void => {
    if (lies === 0) return hands.later(forMs, end);
    troubles.remove(rule);
    then();
  };
  troubles.add(rule);
  hands.later(forMs, end);
}

function powerCut(hands: FaultHands, machine: SimMachine, downMs: number, fate?: CrashFate): void {
  if (machine.disk.calls === 0) return;
  machine.crash(false, fate);
  hands.later(downMs, () => hands.start(machine));
}

/** From here on nothing that the machine held is owed. False if the cluster cannot do without. */
function damage(hands: FaultHands, machine: SimMachine, kind: "rot" | "loss" = "loss"): boolean {
  if (!hands.mayLose(machine, false)) return false;
  machine.forgiven = true;
  if (kind === "loss") machine.isSilentlyLost = true;
  hands.excuses.damaged(machine, "DAMAGED");
  // Rot may turn the format of the identity file into one that this release does not know.
  if (kind === "rot") hands.excuses.damaged(machine, "WRONG_IDENTITY");
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
