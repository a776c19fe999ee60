/** What a run may have switched on. */
import type { FaultKind } from "./script.ts";

/** The leader is cut off while clients go on asking it, and comes back to another one's log; again and again. */
export const DEPOSED = "deposed leaders";

/** Faults by what they need switched on together. */
export const FEATURES: Readonly<Record<string, readonly FaultKind[]>> = {
  crashes: ["crash"],
  outages: ["crash-all"],
  "crashes at disk calls": ["crash-at-call"],
  kills: ["kill"],
  stops: ["stop"],
  pauses: ["pause"],
  wipes: ["wipe"],
  [DEPOSED]: ["isolate"],
  partitions: ["split", "isolate"],
  "odd partitions": ["ring", "bridge"],
  "one-way cuts": ["one-way", "deaf", "mute"],
  resets: ["reset"],
  clogs: ["clog"],
  "slow disks": ["slow-disk"],
  stalls: ["stall"],
  "disk errors": ["eio"],
  "full disks": ["full"],
  "short writes": ["short-writes"],
  rot: ["flip", "rot-at-rest", "bad-sector", "misdirect", "lost-write"],
  lies: ["lie"],
  clocks: ["wall-jump"],
  transfers: ["transfer"],
};
