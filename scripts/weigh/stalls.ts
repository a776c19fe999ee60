/**
 * Loaded into a node beside its program (`bun --preload`): how long its loop stood still by its own doing. On a machine
 * that others use too, a process often waits for a processor. So a gap counts as long as the process, all of its threads
 * together, did work within it, less what the loop's own thread waited for a processor, which Linux tells (schedstat).
 * What is left is the node's own: long tasks, and the garbage collector.
 *
 * Writes what it counted to the file that STALLS_FILE names, whenever it is sent SIGUSR2.
 */
import { openSync, readSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { STALL_BOUNDS_MS, type Stalls } from "./stall_bounds.ts";

const LOOK_MS = 5;
const NS_PER_MS = 1e6;
const US_PER_MS = 1000;

const path = process.env["STALLS_FILE"] ?? "";
const own = openSync("/proc/thread-self/schedstat", "r");
const text = Buffer.alloc(128);
const counts = [...STALL_BOUNDS_MS, 0].map(() => 0);
let longestMs = 0;
let waitedAllMs = 0;

/** How long this thread has waited for a processor since it began, in milliseconds. */
function waitedMs(): number {
  const length = readSync(own, text, 0, text.length, 0);
  return Number(text.toString("latin1", 0, length).split(" ")[1]) / NS_PER_MS;
}

/** Time of processors that the process has used, in milliseconds. */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}

let lastMs = performance.now();
let lastWaitedMs = waitedMs();
let lastWorkedMs = workedMs();

setInterval(() => {
  const [nowMs, waited, worked] = [performance.now(), waitedMs(), workedMs()];
  const gapMs = nowMs - lastMs - LOOK_MS - (waited - lastWaitedMs);
  const stallMs = Math.max(0, Math.min(gapMs, worked - lastWorkedMs));
  waitedAllMs += waited - lastWaitedMs;
  [lastMs, lastWaitedMs, lastWorkedMs] = [nowMs, waited, worked];
  const at = STALL_BOUNDS_MS.findIndex((boundMs) => stallMs <= boundMs);
  const slot = at < 0 ? STALL_BOUNDS_MS.length : at;
  counts[slot] = (counts[slot] ?? 0) + 1;
  longestMs = Math.max(longestMs, stallMs);
}, LOOK_MS).unref();

process.on("SIGUSR2", () => {
  const stalls: Stalls = { counts: counts.splice(0, counts.length, ...counts.map(() => 0)), longestMs, waitedMs: waitedAllMs };
  longestMs = 0;
  waitedAllMs = 0;
  writeFileSync(`${path}.new`, JSON.stringify(stalls));
  renameSync(`${path}.new`, path);
});
