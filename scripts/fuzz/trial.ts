/** A start on a damaged directory, and what became of it. */
import { DraftError } from "../../src/base/errors.ts";
import type { RaftState } from "../../src/raft/state.ts";
import { SimCluster } from "../../src/sim/sim_cluster.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import type { Files } from "./parts.ts";
import { runFor, runUntil } from "./steps.ts";
import { type Directory, type FuzzWorld, type Moment, putFiles, type Standing } from "./world.ts";

/** How a case ended. Anything that begins with WRONG is a bug. */
export interface Verdict {
  readonly verdict: string;
  /** Of what is wrong, what; of a refusal, its words. */
  readonly words: string;
  /** Of a start that came so far: what its machine came to. */
  readonly applied?: AppliedState;
}

/** A machine's state behind an entry. */
export interface AppliedState {
  readonly index: number;
  readonly hash: string;
}

/** A start that took so long has come to nothing. */
const START_MS = 5_000;
/** Goes on for so long once it has opened its log: it applies, reads back and tidies up. */
const AFTERWARDS_MS = 60;
/** So long members may take to agree. */
const AGREE_MS = 20_000;

/** By a node's condition: it asks its peers for what is missing, or to be let in again. */
const WAITS = { "damaged-payload": "asks peers", "dead-incarnation": "let in again" } as const;

/** A refusal says what to type, or which file to bring back. */
const NEXT_COMMAND = /draft (log|admin|serve)\b|start the (draft|version of draft) that wrote it|start with --machine/;

/** Whoever went by a wrong state learns it from the others at the next check point, if at all. */
const PARTED = /^the state of group \S+ differs from that of the majority/;

/**
 * Starts the node alone on what is left of its directory: nobody can give it back what it lost.
 *
 * @param sound what the machine comes to on the directory as it was; null if that is what is asked for
 */
export async function startAlone(world: FuzzWorld, directory: Directory, files: Files, sound: AppliedState | null): Promise<Verdict> {
  const cluster = new SimCluster(world.options);
  const machine = cluster.machine(directory.id);
  putFiles(machine, files);
  try {
    cluster.start(directory.id);
    await runUntil(cluster, () => machine.hasOpened || hasEnded(machine) || isNewcomer(machine) || waiting(machine) !== null, START_MS);
    if (!machine.hasOpened) return unopened(machine, files);
    const state = machine.state;
    const begun = state === null ? null : begunWith(state);
    await runFor(cluster, AFTERWARDS_MS);
    if (hasEnded(machine)) return refusal(machine);
    return begun === null ? wrong("it opened its log and then had none") : judge(directory, machine, begun, sound);
  } catch (error) {
    return wrong(`it broke: ${(error as Error).stack}`);
  }
}

/** Starts the whole cluster, one directory of it damaged: whoever starts must come to hold what the others hold. */
export async function startTogether(world: FuzzWorld, moment: Moment, directory: Directory, files: Files): Promise<Verdict> {
  const cluster = new SimCluster(world.options);
  for (const each of moment.others.values()) putFiles(cluster.machine(each.id), each.id === directory.id ? files : each.files);
  const machine = cluster.machine(directory.id);
  const others = [...cluster.machines.values()].filter((each) => each !== machine);
  try {
    cluster.startAll();
    await runUntil(cluster, () => others.every((each) => isLevel(each, others)), AGREE_MS);
    await runUntil(cluster, () => hasEnded(machine) || isNewcomer(machine) || isLevel(machine, others), AGREE_MS);
  } catch (error) {
    return wrong(`the cluster broke: ${(error as Error).stack}`);
  }
  const broken = others.find(hasEnded);
  if (broken !== undefined) return wrong(`${broken.id}, which was sound, ended: ${refusal(broken).words}`);
  if (hasEnded(machine)) return refusal(machine);
  if (isNewcomer(machine)) return waiting(machine) ?? { verdict: "anew", words: "" };
  if (!isLevel(machine, others)) return wrong(`it did not come to hold what the others hold\n${cluster.story()}`);
  return { verdict: "level", words: "" };
}

function hasEnded({ startError, failure }: SimMachine): boolean {
  return startError !== null || failure !== null;
}

/** It listens, and belongs to nobody yet. */
function isIdle(machine: SimMachine): boolean {
  return machine.server !== null && machine.state === null;
}

function isNewcomer(machine: SimMachine): boolean {
  return isIdle(machine) && machine.identity?.memberNumber === 0;
}

/** Whether it has applied what the furthest has, and holds the same state. */
function isLevel(machine: SimMachine, others: readonly SimMachine[]): boolean {
  const { applier, state } = machine;
  if (applier === null || state === null) return false;
  return others.every((other) => other.state !== null && other.state.commitIndex > 0 && other.state.commitIndex === state.commitIndex &&
    applier.lastApplied.index === state.commitIndex && other.applier?.stateHash() === applier.stateHash() && other.state.leaderId !== 0);
}

function unopened(machine: SimMachine, files: Files): Verdict {
  if (hasEnded(machine)) return refusal(machine);
  const waits = waiting(machine);
  if (waits !== null) return waits;
  if (!isNewcomer(machine)) return wrong(`it neither opened its log nor said why: ${machine.lines.join("; ")}`);
  const left = [...files.keys()].filter((path) => path === "identity" || path.startsWith("wal/"));
  return left.length === 0 ? { verdict: "anew", words: "" } : wrong(`it began anew beside ${left.join(", ")}`);
}

/** What it says of itself while it takes part in nothing, since it wants from others what it lost; null if it says nothing. */
function waiting({ server }: SimMachine): Verdict | null {
  const { condition = null, waitsFor: words = "" } = server?.node ?? {};
  return condition === null || words === "" ? null : { verdict: WAITS[condition], words };
}

function refusal({ startError, failure }: SimMachine): Verdict {
  const error = startError ?? failure;
  if (!(error instanceof DraftError)) return wrong(`it broke: ${error?.stack}`);
  if (![10, 12, 13, 14].includes(error.exitCode)) return wrong(`it ended with ${error.code}: ${error.message}`);
  if (PARTED.test(error.message)) return wrong(`it went by a state that is not the others': ${error.message}`);
  if (!NEXT_COMMAND.test(error.message)) return wrong(`it says nothing of what to do: ${error.message}`);
  return { verdict: `refused ${error.exitCode}`, words: error.message };
}

function begunWith({ config, term, votedFor, trail: { lastIndex, lastChain } }: RaftState): Standing {
  return { number: config.self, incarnation: config.incarnation, term, votedFor, lastIndex, lastChain };
}

/** The log that was opened holds all that was vouched for, nothing that never was, and a vote that was given stays given. */
function judge({ standing, vouched, entries }: Directory, machine: SimMachine, begun: Standing, sound: AppliedState | null): Verdict {
  if (begun.number !== standing.number || begun.incarnation !== standing.incarnation) return wrong(`it is member ${begun.number}, ${begun.incarnation}, and was ${standing.number}, ${standing.incarnation}`);
  if (begun.term < vouched.term) return wrong(`term ${begun.term} after term ${vouched.term}`);
  if (begun.term > standing.term) return wrong(`term ${begun.term}, which never was: ${standing.term}`);
  if (begun.term === standing.term && standing.term === vouched.term && begun.votedFor !== standing.votedFor) return wrong(`its vote was for ${standing.votedFor}, and is for ${begun.votedFor}`);
  if (begun.lastIndex < vouched.lastIndex) return wrong(`its log ends at ${begun.lastIndex}, and ${vouched.lastIndex} was durable`);
  if (begun.lastIndex > standing.lastIndex) return wrong(`its log ends at ${begun.lastIndex}, behind ${standing.lastIndex}`);
  const applied = { index: machine.applier?.lastApplied.index ?? 0, hash: machine.applier?.stateHash() ?? "" };
  if (applied.index === sound?.index && applied.hash !== sound.hash) return wrong(`its state at index ${applied.index} is ${applied.hash}, and was ${sound.hash}`);
  if (begun.lastIndex === standing.lastIndex && begun.lastChain !== standing.lastChain) return wrong(`its last entry, ${begun.lastIndex}, is another one`);
  const log = machine.durableLog();
  // What is damaged stays where it is as long as the segment does, and what was lost there is known from elsewhere.
  if (log.damage !== null) return { verdict: "mended", words: log.damage, applied };
  for (const [index, { term, chain }] of entries) {
    if (index > begun.lastIndex) continue;
    const found = log.entries.get(index);
    if (found === undefined && index > (log.snapshot?.index ?? 0)) return wrong(`entry ${index} is gone`);
    if (found !== undefined && (found.chain !== chain || found.term !== term)) return wrong(`entry ${index} is another one`);
  }
  return { verdict: begun.lastIndex === standing.lastIndex ? "whole" : "cut", words: "", applied };
}

function wrong(words: string): Verdict {
  return { verdict: "WRONG", words };
}
