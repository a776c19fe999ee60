/**
 * Directories to be damaged: those of the members of a simulated cluster behind a short life in which it elects, cuts
 * what was not committed, takes snapshots, and lets its log begin later. What each of them had made durable is known.
 */
import kv from "../../plugins/kv/kv.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextU32, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task } from "../../src/base/task.ts";
import { makeEdit } from "../../src/editor/edit_log.ts";
import { planEdit, type Wanted } from "../../src/editor/edit_plan.ts";
import type { OfflineHost } from "../../src/editor/log_files.ts";
import { type GroupLog, openedLog } from "../../src/editor/offline_log.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import { MAIN_GROUP } from "../../src/raft/types.ts";
import { readDurableLog } from "../../src/sim/durable_log.ts";
import { worldOf } from "../../src/sim/run_seed.ts";
import { type ClusterOptions, SimCluster } from "../../src/sim/sim_cluster.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { shortLife } from "../../test/sim/short_life.ts";
import { type Files, partsOf } from "./parts.ts";
import { runFor, runUntil } from "./steps.ts";

/** Who a node is, and what is durable of its log and vote. */
export interface Standing {
  readonly number: number;
  readonly incarnation: number;
  readonly term: number;
  readonly votedFor: number;
  readonly lastIndex: number;
  readonly lastChain: number;
}

/** A member's directory at one moment. */
export interface Directory {
  readonly id: string;
  readonly files: Files;
  /** What it had told others, or would have: all of it must be there again, or missed aloud. */
  readonly standing: Standing;
  /** What something on the disk vouches for: what lies behind may be an unfinished write to whoever finds it half. */
  readonly vouched: Standing;
  /** Terms and chains of the entries that the log holds. */
  readonly entries: ReadonlyMap<number, { readonly term: number; readonly chain: number }>;
}

/** One moment of a cluster: what its members' disks hold. */
export interface Moment {
  readonly name: string;
  readonly directories: ReadonlyMap<string, Directory>;
  /** What the other members hold while one of these is damaged. */
  readonly others: ReadonlyMap<string, Directory>;
}

/** How the cluster lived: with snapshots behind which the log begins, or with all of its log. */
export type Life = "compacted" | "whole log";

/** A cluster, and moments of its life. */
export interface FuzzWorld {
  readonly seed: number;
  readonly life: Life;
  readonly options: ClusterOptions;
  /** Where files of an earlier time come from: then nothing was under way. */
  readonly before: Moment;
  /** A write was answered just now: nothing vouches for the newest batch yet. */
  readonly written: Moment;
  /** Nothing was under way for long: the mark vouches for all. */
  readonly quiet: Moment;
  /** At rest, and then an entry was appended to one log by hand. */
  readonly edited: Moment;
}

/** Longer than the mark takes to vouch for the last batch. */
const QUIET_MS = 3_000;

/** Before the moment at which a write was answered just now. */
const WRITES = 3;

/** Lives that are tried for one in which a log was cut. */
const DRAWS_MAX = 30;

/** Lives a cluster's life, starts its members again on what that left, and takes note of their directories. */
export async function liveWorld(seed: number, life: Life): Promise<FuzzWorld> {
  const { options, left } = await lived(seed, life);
  const cluster = new SimCluster(options);
  for (const [id, files] of left) putFiles(cluster.machine(id), files);
  cluster.startAll();
  await runFor(cluster, QUIET_MS);
  const before = momentOf(cluster, "before", null);
  for (let at = 0; at < WRITES; at++) await write(cluster, ["set", `late${at}`, "x".repeat(100 + at)]);
  const written = momentOf(cluster, "just written", before);
  await runFor(cluster, QUIET_MS);
  const quiet = momentOf(cluster, "at rest", null);
  return { seed, life, options, before, written, quiet, edited: editedMoment(quiet) };
}

/** A short life; with all of the log, one in which a member cut what was not committed, if one of several is like that. */
async function lived(seed: number, life: Life): Promise<{ options: ClusterOptions; left: ReadonlyMap<string, Files> }> {
  for (let draw = 0; ; draw++) {
    const script = shortLife(seed + 1_000 * draw, 1 + (seed + draw) % 3);
    const { snapshots: _, ...without } = script.settings;
    const world = worldOf(life === "compacted" ? script : { ...script, settings: without }, { plugin: kv });
    if (!(await world.run())) throw new Error(`the life of seed ${script.seed} broke a rule: ${world.violation?.message}`);
    const left = new Map([...world.cluster.machines.values()].map((machine) => [machine.id, filesOf(machine)]));
    const isWanted = life === "compacted" || [...left.values()].some((files) => partsOf(files).some(({ name }) => name === "truncate envelope"));
    if (isWanted || draw === DRAWS_MAX) return { options: { ...world.cluster.options, properties: [] }, left };
  }
}

/** Appends an entry to a log. The edit is one record: behind a crash it may be absent, as a whole. */
function editedMoment({ directories }: Moment): Moment {
  return { name: "edited", directories: new Map([...directories].map(([id, directory]) => [id, editedDirectory(directory)])), others: directories };
}

function editedDirectory(directory: Directory): Directory {
  const { id, standing } = directory;
  const hardware = edited(directory, () => ({ change: "append", payload: encodeCommand(["set", "edited", "in"]).slice() }));
  const { entries } = readDurableLog(hardware, `/${id}`);
  const lastIndex = Math.max(...entries.keys());
  return { ...directory, files: filesOf({ id, disk: hardware }), entries, standing: { ...standing, lastIndex, lastChain: entries.get(lastIndex)!.chain } };
}

/** The snapshot that a drop by force leaves where it comes no further, or is taken back by a draft that lets it lie. */
export function leftSnapshot(directory: Directory): Files {
  const { id, files } = directory;
  const hardware = edited(directory, ({ group }) => ({ change: "drop", index: group.lastIndex, force: true }));
  return new Map([...filesOf({ id, disk: hardware })].filter(([path]) => path.endsWith(".snap") && !files.has(path)));
}

/** A disk with the directory as an edit leaves it. */
function edited({ id, files }: Directory, wantedOf: (log: GroupLog) => Wanted): SimDisk {
  const scheduler = new Scheduler();
  const hardware = new SimDisk(scheduler, { seed: 1 });
  putFiles({ id, disk: hardware }, files);
  const random = seedRandom(1);
  const host: OfflineHost = {
    clock: scheduler.clock(0), disk: hardware.boot(), random: { u32: () => nextU32(random) }, log: { enabled: () => false, write: () => {}, setLevel: () => "info" },
  };
  const told: { error: Error | null } = { error: new Error("the edit did not end") };
  runTask(openedLog(host, { directory: `/${id}`, group: MAIN_GROUP }, function* (log): Task<void> {
    yield* makeEdit(host, log, yield* planEdit(log, wantedOf(log)), kv);
  }), (...[error]) => (told.error = error));
  while (scheduler.step());
  if (told.error !== null) throw told.error;
  return hardware;
}

/** Puts files into the directory of a machine, durably. */
export function putFiles(machine: Pick<SimMachine, "id" | "disk">, files: Files): void {
  for (const [path, bytes] of files) machine.disk.overwrite(`/${machine.id}/${path}`, bytes.slice());
}

/** Has a write answered. */
async function write(cluster: SimCluster, command: readonly [string, ...unknown[]]): Promise<void> {
  const leader = cluster.leaderMachine();
  if (leader === null || leader.server === null) throw new Error("the cluster has a leader at the end of its life");
  const told: { result: unknown } = { result: null };
  leader.server.requests.propose("main", encodeCommand(command), 5_000, (result) => (told.result = result));
  await runUntil(cluster, () => told.result !== null, 5_000);
  if (told.result === null || told.result instanceof DraftError) throw new Error(`a write at the end was not answered: ${String(told.result)}`);
}

function momentOf(cluster: SimCluster, name: string, vouched: Moment | null): Moment {
  const directories = new Map([...cluster.machines.values()].map((machine) => [machine.id, directoryOf(machine, vouched)]));
  return { name, directories, others: directories };
}

/** What a power cut that keeps nothing of what is pending would leave, and what of it the node counts on. */
function directoryOf(machine: SimMachine, vouched: Moment | null): Directory {
  const { state, id } = machine;
  if (state === null) throw new Error(`${id} does not run: ${(machine.startError ?? machine.failure)?.message ?? machine.lines.join("; ")}`);
  const { entries, damage, snapshot } = machine.durableLog();
  if (damage !== null) throw new Error(`${id} is sound: ${damage}`);
  const lastIndex = Math.max(snapshot?.index ?? 0, ...entries.keys());
  const { self: number, incarnation } = state.config;
  const standing = { number, incarnation, term: state.storedTerm, votedFor: state.storedVote, lastIndex, lastChain: entries.get(lastIndex)?.chain ?? snapshot?.chain ?? 0 };
  return { id, files: filesOf(machine), standing, vouched: vouched?.directories.get(id)?.standing ?? standing, entries };
}

function filesOf({ id, disk }: Pick<SimMachine, "id" | "disk">): Files {
  const left = disk.afterPowerCut(new Scheduler());
  const root = `/${id}/`;
  return new Map(left.names.files().filter((path) => path.startsWith(root)).map((path) => [path.slice(root.length), left.content(path) as Uint8Array]));
}
