/**
 * The second half of a run: faults are over for a core, which must elect, serve, keep its leader and agree. Where members
 * come and go, whatever change is under way is carried through first, and who is no member any more is told so.
 */
import type { Astray } from "./astray.ts";
import { settledAmong, toldAmong } from "./members_end.ts";
import { canElect, configurationsAbout, shownConfiguration } from "./members_view.ts";
import type { Nemesis } from "./nemesis.ts";
import { ASKED_MS } from "./operator.ts";
import { entryMs, isQuickEnough, patienceMs, patienceOf } from "./patience.ts";
import { agree, probe, type Probes } from "./probe.ts";
import type { Script } from "./script.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";
import { keepWriting, Steady } from "./steadiness.ts";
import type { WorldClients } from "./world_clients.ts";

/** Longest election timeouts for which a cluster that serves must keep its leader. */
const STEADY_TIMEOUTS = 3;

/** A watcher gives up who is silent after 10 s, and hears how far it is each 5 s. */
const WATCHERS_MS = 30_000;

/** What of a run takes part. */
export interface LivenessParts {
  readonly script: Script;
  readonly cluster: SimCluster;
  readonly nemesis: Nemesis;
  readonly clients: WorldClients;
  readonly probes: Probes;
  readonly astray: Astray | null;
  /** Requests that clients made so far. */
  readonly operations: number;
  readonly phase: (what: string) => void;
  readonly runFor: (ms: number) => Generator<void>;
  /** @throws Violation named after `what` if the condition is not met in time */
  readonly until: (what: string, limit: number | (() => number), condition: () => boolean) => Generator<void>;
}

/** Heals a core, and asks of it what a cluster without faults owes. */
export function* live(parts: LivenessParts): Generator<void> {
  const { script: { settings }, cluster, nemesis, clients, probes, phase, until } = parts;
  const core = nemesis.chooseCore();
  phase(`faults end; ${core.map(({ id }) => id).join(", ")} must live`);
  nemesis.heal(core);
  const prober = clients.rest();
  const served = new Set<unknown>();
  // One whose damage is found only at its start falls out; a majority is left without it.
  const healed = (): SimMachine[] => core.filter((machine) => !nemesis.isOut(machine));
  const changes = settings.membership !== undefined;
  const after = (ms: number, act: () => void): void => void cluster.scheduler.after(ms, act);
  const beginProbes = (machines: readonly SimMachine[]): void => {
    for (const machine of machines) {
      const again = (ms: number, act: () => void): void => {
        if (!nemesis.isOut(machine)) after(ms, act);
      };
      probe(prober, machine.id, probes, again, () => served.add(machine.id));
    }
  };
  if (!changes) beginProbes(core);
  const libraryServed = clients.probeLibrary(probes, after);
  const writer = keepWriting({ client: clients.writer(), members: core.map(({ id }) => id), probes, pauseMs: entryMs(settings), after });
  // No log has more entries than were asked for, and as many of other kinds.
  yield* until("the healed core starts", patienceMs(settings, 2 * parts.operations), () => healed().every((machine) => hasStarted(machine, changes)));
  // Somebody may have let one that had just lost its directory decide, without knowing it: no leader can be sure whom it hears next.
  if (changes && !canElect(nemesis.healthy(), configurationsAbout(cluster))) {
    writer.stop();
    return phase("too many directories were lost");
  }
  const members = changes ? yield* carriedThrough(parts, healed) : core;
  const living = (): SimMachine[] => members.filter((machine) => !nemesis.isOut(machine));
  if (changes) beginProbes(members);
  const limitMs = patienceOf(settings, living, cluster.net);
  const beganMs = cluster.scheduler.nowMs;
  // Whoever stood still before the healing may be about to hand over.
  const isSettled = (): boolean => living().every(({ id }) => served.has(id)) && isLed(living());
  yield* until("the healed core serves", limitMs, isSettled);
  const leftMs = limitMs() - (cluster.scheduler.nowMs - beganMs);
  phase("the healed core has served");
  if (isQuickEnough(settings)) {
    const steady = new Steady(living, cluster.scheduler.nowMs + STEADY_TIMEOUTS * settings.electionMaxMs);
    yield* until("the healed core keeps its leader", limitMs(), () => steady.isOver(cluster.scheduler.nowMs));
  }
  yield* until("verdicts find who was led astray", limitMs(), () => parts.astray?.isFound(nemesis.retired) ?? true);
  writer.stop();
  yield* until("clients of the library find the healed core", limitMs(), () => libraryServed(living().map(({ id }) => id)));
  const applied = Math.max(...living().map(({ state }) => state?.lastApplied ?? 0));
  yield* until("watchers hear what was applied", () => limitMs() + WATCHERS_MS, () => clients.haveHeard(applied, living().map(({ id }) => id)));
  yield* until("the healed core agrees", leftMs, () => agree(living(), changes ? shownConfiguration(cluster)?.members.length ?? 0 : cluster.machines.size));
  if (changes) yield* until("who was removed hears of it", limitMs(), () => toldAmong(healed(), living(), cluster));
  const all = [...cluster.machines.values()];
  cluster.tell((property) => property.finished?.(all));
}

function hasStarted({ state, server, number, isStopping }: SimMachine, changes: boolean): boolean {
  // One that waits to be added has no log.
  return !isStopping && (state !== null || (changes && number === 0 && server !== null));
}

/**
 * Nothing is asked any more, and what is under way ends: who does not catch up stays a learner. Returns the members then,
 * who stay so: whoever leads later has what was committed, and nobody has anything newer.
 */
function* carriedThrough({ script: { settings }, cluster, runFor, until, phase }: LivenessParts, healed: () => SimMachine[]): Generator<void, SimMachine[]> {
  yield* runFor(ASKED_MS);
  const patience = patienceOf(settings, () => healed().filter(({ number }) => number !== 0), cluster.net);
  const promoteWithinMs = settings.membership?.promoteWithinMs ?? 0;
  let members: SimMachine[] | null = null;
  yield* until("a change under way is carried through", () => patience() + promoteWithinMs, () => (members = settledAmong(healed())) !== null);
  phase("the members stay as they are");
  return members ?? [];
}

/** Whether one of them leads all others, and is not about to hand over; who was told of a full disk learns of the room in a while. */
function isLed(members: readonly SimMachine[]): boolean {
  const leader = members.find(({ state }) => state?.role === "leader")?.state ?? null;
  return leader !== null && leader.transfer === null && members.every(({ state }) => state?.term === leader.term && !state.diskFull);
}
