/**
 * Does to the cluster what the script says, and afterwards heals those that shall live. It also stands for whoever
 * starts processes again that ended, and knows which ends are to be expected.
 */
import { DraftError } from "../base/errors.ts";
import { nextInRange, type RandomState } from "../base/random.ts";
import type { Timer } from "../host/host.ts";
import { Builds } from "./builds.ts";
import { Cuts } from "./cuts.ts";
import { DiskTroubles } from "./disk_troubles.ts";
import { Excuses } from "./excuses.ts";
import { FAULTS } from "./fault_acts.ts";
import type { FaultHands } from "./fault_hands.ts";
import { GentleHand } from "./gentle_hand.ts";
import type { Gate } from "./gate.ts";
import type { Fault, FaultKind, Script } from "./script.ts";
import { configurationsAbout, decide, guardsWitnesses, holdData, isAtRest, willDecide } from "./members_view.ts";
import { Operator } from "./operator.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";
import { pick, streamOf } from "./streams.ts";
import { isSlip, rootOf } from "./thrown.ts";

/** How long a supervisor waits before it starts a process again that failed. */
const RESTART_MS = 200;

/** How long somebody waits who would stop a node while others are down. */
const WELL_AGAIN_MS = 100;

/** A stop in good order that takes longer is ended by force, as supervisors do. */
const STOP_LIMIT_MS = 8000;

/** Hears what the nemesis finds. */
export interface NemesisWatch {
  /** A process ended in a way that nothing excuses. */
  readonly unexpected: (machine: SimMachine, error: Error) => void;
  readonly did: (fault: Fault, what: string) => void;
  readonly operatorPassed: (kind: number, size: number) => void;
}

export class Nemesis implements FaultHands {
  readonly cluster: SimCluster;
  readonly random: RandomState;
  readonly cuts: Cuts;
  /** How often each kind of fault happened. */
  readonly counts: Map<FaultKind, number> = new Map();
  /** Machines that are damaged and stay down. */
  readonly retired: Set<SimMachine> = new Set();
  /** Machines whose directory was lost: their nodes wait for ever to be taken in again. */
  readonly wiped: Set<SimMachine> = new Set();
  readonly excuses: Excuses = new Excuses();
  readonly builds: Builds | null;
  readonly operator: Operator;
  readonly #script: Script;
  readonly #watch: NemesisWatch;
  readonly #troubles: Map<SimMachine, DiskTroubles> = new Map();
  readonly #downMs: Map<SimMachine, number> = new Map();
  readonly #gentle: GentleHand | null;
  #timers: Set<Timer> = new Set();
  /** Who may still be started; null: all. */
  #core: ReadonlySet<SimMachine> | null = null;

  constructor(cluster: SimCluster, script: Script, watch: NemesisWatch) {
    this.cluster = cluster;
    this.#script = script;
    this.#watch = watch;
    this.random = streamOf(script.seed, "nemesis");
    this.cuts = new Cuts(cluster.net);
    const astray = [...cluster.machines.values()].find(({ place }) => place === script.settings.astray?.who);
    if (astray !== undefined) {
      astray.isAstray = true;
      this.excuses.damaged(astray, "DAMAGED");
    }
    this.builds = script.settings.versions === undefined ? null : new Builds(cluster, script.settings.versions);
    this.#gentle = script.settings.gentle ? new GentleHand(cluster, (machine) => this.#isLost(machine), script.settings.membership !== undefined) : null;
    this.operator = new Operator(cluster, watch.operatorPassed, (wishes, result) => {
      if (!(result instanceof DraftError)) cluster.tell((property) => property.changeAnswered?.(wishes, result));
    });
  }

  /** From now on everything happens as written. */
  begin(): void {
    const { faults, settings } = this.#script;
    for (const fault of faults) this.later(fault.atMs, () => this.#do(fault));
    const ids = [...this.cluster.machines.keys()];
    for (const { from, to, ...rates } of settings.ways ?? []) {
      this.cluster.net.ways.spoil(ids[from - 1] as string, ids[to - 1] as string, rates);
    }
  }

  get isHealed(): boolean {
    return this.#core !== null;
  }

  /** Ends the faults: the core is whole, and whoever is not of it stays as it is. */
  heal(core: readonly SimMachine[]): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = new Set();
    this.operator.rest();
    this.#core = new Set(core);
    this.cuts.healAmong(core.map(({ id }) => id));
    this.cluster.net.ways.speak();
    this.#setApart(core);
    for (const machine of core) {
      this.troubles(machine).clear();
      machine.disk.crashAt(0);
      machine.gate.release();
      this.builds?.finish(machine);
      if (!machine.isUp) this.start(machine);
    }
  }

  /** Whoever is not of the core is not heard there, or does not hear it, or both: it can disturb, and not lead. */
  #setApart(core: readonly SimMachine[]): void {
    const random = streamOf(this.#script.seed, "rest");
    const [mute, deaf] = pick(random, [[true, true], [true, false], [false, true]] as const);
    for (const machine of this.cluster.machines.values()) {
      if (core.includes(machine)) continue;
      for (const { id } of core) {
        if (mute) this.cluster.net.cut(machine.id, id);
        if (deaf) this.cluster.net.cut(id, machine.id);
      }
    }
  }

  /** Those whose state is still theirs to give: not damaged, and members of the cluster. */
  healthy(): SimMachine[] {
    return [...this.cluster.machines.values()].filter((machine) => !this.#isLost(machine));
  }

  lost(): SimMachine[] {
    return [...this.cluster.machines.values()].filter((machine) => this.#isLost(machine));
  }

  mayLose(machine: SimMachine, atOnce: boolean): boolean {
    // Founders that lose their directory leave a cluster that nobody can found.
    if (this.#script.settings.membership === undefined) return this.wiped.size > 0 || [...this.cluster.machines.values()].every(({ number }) => number !== 0);
    const configurations = configurationsAbout(this.cluster);
    if (machine.number === 0 || configurations.length === 0) return false;
    if (guardsWitnesses(machine, configurations) && !(atOnce && isAtRest(this.cluster))) return false;
    return decide(this.healthy().filter((each) => each !== machine && !each.forgiven), configurations);
  }

  empty(machine: SimMachine, downMs: number): void {
    if (machine.isUp) machine.crash();
    machine.wipe();
    this.retired.delete(machine);
    this.excuses.renewed(machine);
    this.troubles(machine).clear();
    this.later(downMs, () => this.start(machine));
  }

  /**
   * Whether the machine takes part in nothing any more: it stays down, or it was found, after damage that is granted, that
   * what its node had promised is lost. One that says so without such damage is owed to the rest like any other.
   */
  isOut(machine: SimMachine): boolean {
    const { server, forgiven } = machine;
    const saysSo = server !== null && (server.node.condition === "dead-incarnation" || server.node.identity.fallenBack !== "");
    return this.retired.has(machine) || (forgiven && saysSo);
  }

  #isLost(machine: SimMachine): boolean {
    return this.isOut(machine) || (this.wiped.has(machine) && machine.number === 0);
  }

  /** Runs `act` after a while, unless the faults have ended by then. */
  later(delayMs: number, act: () => void): void {
    const timer = this.cluster.scheduler.after(delayMs, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }

  troubles(machine: SimMachine): DiskTroubles {
    const known = this.#troubles.get(machine) ?? new DiskTroubles(machine);
    this.#troubles.set(machine, known);
    return known;
  }

  /** Starts a process, unless one runs or the machine is to stay down. */
  start(machine: SimMachine): void {
    if (machine.isUp || this.retired.has(machine) || (this.#core !== null && !this.#core.has(machine))) return;
    this.builds?.started(machine);
    this.cluster.start(machine.id);
  }

  /** A machine that lost what it had promised, or cannot be read, is never started again. */
  retire(machine: SimMachine): void {
    this.retired.add(machine);
    const { gate } = machine;
    // Its own code is still running: it ends with this event.
    this.cluster.scheduler.after(0, () => {
      if (machine.gate === gate && machine.isUp) machine.kill();
    });
  }

  /** How long the machine stays down when its process fails next. */
  failsFor(machine: SimMachine, downMs: number): void {
    this.#downMs.set(machine, downMs);
  }

  stop(machine: SimMachine, downMs: number): void {
    if (machine.server === null || machine.isStopping || machine.gate.isShut) return;
    const { gate } = machine;
    const again = (): void => this.#again(machine, downMs);
    machine.stop(again);
    this.later(STOP_LIMIT_MS, () => {
      if (machine.gate !== gate || !machine.isUp) return;
      machine.kill();
      again();
    });
  }

  /** The process failed, or could not start. */
  processFailed(machine: SimMachine, error: Error): void {
    const code = error instanceof DraftError ? error.code : null;
    if (isSlip(rootOf(error))) this.#watch.unexpected(machine, error);
    else if (code === "BAD_PLUGIN" && this.builds?.wasPutBack(machine) === true) this.builds.mend(machine);
    else if (code === null || !this.excuses.has(machine, code, this.#mends(machine))) this.#watch.unexpected(machine, error);
    const { gate } = machine;
    const downMs = this.#downMs.get(machine) ?? RESTART_MS;
    this.#downMs.delete(machine);
    const isUnreadable = code === "STORAGE_FAILED" && machine.disk.hasBad && !machine.hasOpened;
    if ((code === "DAMAGED" || code === "WRONG_IDENTITY" || isUnreadable) && (machine.forgiven || machine.isAstray)) this.retired.add(machine);
    // Not `later`: whoever of the core fails while it is healed is started again, too.
    this.cluster.scheduler.after(1, () => this.#end(machine, gate, downMs));
  }

  /** What rots there while it runs somebody else has, in the log: nothing leaves that, and all others are sound. */
  #mends(machine: SimMachine): boolean {
    const { snapshots, nodes } = this.#script.settings;
    return snapshots === undefined && nodes > 1 && !machine.isSilentlyLost && !machine.hasLied && !machine.isAstray;
  }

  #end(machine: SimMachine, gate: Gate, downMs: number): void {
    if (machine.gate !== gate) return;
    if (machine.isUp) machine.kill();
    this.cluster.scheduler.after(downMs, () => this.start(machine));
  }

  #again(machine: SimMachine, downMs: number): void {
    if (this.#core !== null) this.start(machine);
    else this.later(downMs, () => this.start(machine));
  }

  #do(fault: Fault): void {
    if (this.#gentle?.allows(fault) === false) {
      // Whoever changes versions waits until the others are well.
      if (fault.kind === "install") this.later(WELL_AGAIN_MS, () => this.#do(fault));
      return;
    }
    const what = FAULTS[fault.kind](this, fault as never);
    if (what === null) return;
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
    this.#watch.did(fault, what);
  }

  /** Who shall live: all that are healthy, or a majority of all with some more. */
  chooseCore(): SimMachine[] {
    const { settings, seed } = this.#script;
    const random = streamOf(seed, "core");
    if (settings.membership !== undefined) return this.#coreOfMembers(random, settings.freezeRest);
    const healthy = this.healthy();
    const majority = Math.floor(settings.nodes / 2) + 1;
    const isFounded = healthy.every((machine) => machine.number !== 0);
    // Whoever is led astray stops in the end: all others are needed then.
    const isOneAstray = healthy.some(({ isAstray }) => isAstray);
    if (isOneAstray || !settings.freezeRest || !isFounded || healthy.length <= majority) return healthy;
    // Damage may show only at the next start: a majority is left without those that it met.
    const sure = healthy.filter(({ forgiven }) => !forgiven);
    const size = pick(random, [majority, majority, Math.min(majority + 1, sure.length), sure.length]);
    while (sure.length > size) sure.splice(pick(random, sure.map((_, at) => at)), 1);
    return [...sure, ...healthy.filter(({ forgiven }) => forgiven && nextInRange(random, 0, 1) === 0)];
  }

  /** All, or some that can decide whatever configuration comes to be in force; one that is down may know of another one. */
  #coreOfMembers(random: RandomState, freezeRest: boolean): SimMachine[] {
    // A machine that was lost waits, and may be taken in yet by a change that is under way.
    const all = [...this.cluster.machines.values()].filter((machine) => !this.isOut(machine));
    const configurations = configurationsAbout(this.cluster);
    const isAllKnown = all.every(({ number, state }) => number === 0 || state !== null);
    if (!freezeRest || !isAllKnown || configurations.length === 0) return all;
    let core = all;
    for (const machine of all) {
      const rest = core.filter((each) => each !== machine);
      // Damage may show only at the next start.
      const sure = rest.filter(({ forgiven }) => !forgiven);
      if (nextInRange(random, 0, 1) === 0 && willDecide(sure, configurations) && holdData(rest, configurations)) core = rest;
    }
    return core;
  }
}
