/**
 * One simulated run from its script: founding, faults, healing, the end. It drives time, listens for broken rules, and
 * asks in the end whether the cluster lives again and gave everything back.
 */
import { DraftError } from "../base/errors.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import type { Astray } from "./astray.ts";
import { CleanTail } from "./clean_tail.ts";
import { DurableClaims } from "./durable_claims.ts";
import type { Holdings } from "./gate.ts";
import { MarkCounter } from "./marks.ts";
import { NamedDamage } from "./named_damage.ts";
import { Nemesis } from "./nemesis.ts";
import { entryMs, isQuickEnough, patienceMs, patienceOf, stoppingMs } from "./patience.ts";
import { agree, probe, probesOf } from "./probe.ts";
import { type Property, Violation } from "./property.ts";
import type { Fault, Script } from "./script.ts";
import type { ClientWorld } from "./sim_client.ts";
import { SIM_PORT, SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";
import { keepWriting, Steady } from "./steadiness.ts";
import { isBrokenFact, rootOf, violationOf } from "./thrown.ts";
import { TraceHash } from "./trace_hash.ts";
import { WorldClients } from "./world_clients.ts";
import { clusterOptions } from "./world_cluster.ts";

/** How a run is watched. */
export interface WorldOptions {
  readonly plugin: AnyPlugin;
  readonly properties: readonly Property[];
  readonly eventsMax: number;
  /** A replica that must be found. */
  readonly astray?: Astray | null;
}

/** Hears of what happens, in order; for whoever tells it in words. */
export interface WorldTeller {
  fault(fault: Fault, what: string): void;
  ended(machine: SimMachine, error: Error): void;
  phase(what: string): void;
}

/** Longest election timeouts for which a cluster that serves must keep its leader. */
const STEADY_TIMEOUTS = 3;

/** How long the founding of a cluster without faults may take. */
const FOUNDING_MS = 20_000;

/** What is under way when a process has stopped ends within so long: the longest timer that nobody cancels. */
const SETTLING_MS = 6000;

/** How often it is looked whether what is waited for has come. */
const LOOK_MS = 5;

/** One run. */
export class World {
  readonly script: Script;
  readonly cluster: SimCluster;
  readonly nemesis: Nemesis;
  readonly hash: TraceHash = new TraceHash();
  readonly marks: MarkCounter = new MarkCounter();
  teller: WorldTeller | null = null;
  operations = 0;
  violation: Violation | null = null;
  readonly #options: WorldOptions;
  readonly #properties: readonly Property[];
  readonly #claims: DurableClaims;
  readonly #damage: NamedDamage;
  readonly #clients: WorldClients;
  /** The last event may have resolved promises. */
  #promised = false;

  constructor(script: Script, options: WorldOptions) {
    this.script = script;
    this.#options = options;
    this.#claims = new DurableClaims((member) => {
      this.nemesis.retire(member as SimMachine);
      this.marks.lives.lost(member as SimMachine);
    });
    this.#damage = new NamedDamage(this.#claims);
    // It looks at claims that the next rule drops.
    this.#properties = [this.#damage as Property, this.#claims, new CleanTail() as Property, ...options.properties, this.marks];
    this.cluster = new SimCluster(clusterOptions(script, options.plugin, this.#properties));
    this.nemesis = new Nemesis(this.cluster, script, {
      unexpected: (machine, error) => this.#unexpected(machine, error),
      did: (fault, what) => {
        if (fault.kind === "wipe") this.#forget(this.#machines[fault.who - 1] as SimMachine);
        this.teller?.fault(fault, what);
      },
    });
    this.#clients = new WorldClients(this.#clientWorld(), script);
    this.#watch();
  }

  /**
   * Runs it all; false once a rule is broken, which `violation` names. It waits only behind events that may have resolved
   * a promise, until everything that hangs on it was done: `setImmediate` runs behind all of that on every runtime, which
   * no fixed number of microtasks does.
   */
  async run(): Promise<boolean> {
    const { clock } = createNodeHost(silentLog);
    try {
      for (const _ of this.#phases()) await new Promise<void>((resolve) => clock.soon(resolve));
    } catch (error) {
      this.violation ??= violationOf(this.cluster.broken ?? error);
    }
    return this.violation === null;
  }

  get #machines(): SimMachine[] {
    return [...this.cluster.machines.values()];
  }

  #watch(): void {
    const { hash, cluster, marks } = this;
    cluster.net.ways.arrived = (how) => marks.messageArrived(how);
    cluster.watch = {
      passed: (machine, kind, size) => this.#passed(machine.place, kind, size),
      stepped: (machine, state, event) => hash.addStep(machine.place, state, event),
      sent: (_machine, message) => hash.addMessage(message),
      said: (_machine, _level, message) => {
        hash.addText(message);
        marks.lives.said(message);
      },
      promised: () => void (this.#promised = true),
      endedEarly: (machine) => marks.lives.endedEarly(machine.number !== 0),
      diskCall: (machine, call) => {
        const { kind, path } = call;
        this.#damage.diskCall(machine, call);
        if (machine.state !== null) marks.lives.diskCall(kind, path);
      },
      failed: (machine, error) => {
        marks.failed(machine, error);
        this.teller?.ended(machine, error);
        this.nemesis.processFailed(machine, error);
      },
    };
  }

  #forget(machine: SimMachine): void {
    this.#claims.forget(machine);
    this.#damage.forget(machine);
  }

  #passed(place: number, kind: number, size: number): void {
    this.hash.addPassed(this.cluster.scheduler.nowMs, place, kind, size);
  }

  *#phases(): Generator<void> {
    const { settings } = this.script;
    this.cluster.startAll();
    if (settings.calmStart) {
      yield* this.#until("the cluster is founded", FOUNDING_MS, () => this.#isFounded());
      this.teller?.phase("faults begin");
    }
    this.nemesis.begin();
    this.#clients.start();
    yield* this.#runFor(settings.safetyMs);
    yield* this.#live();
    yield* this.#end();
  }

  #isFounded(): boolean {
    return this.#machines.every(({ number }) => number !== 0) && this.cluster.leaderMachine() !== null;
  }

  #clientWorld(): ClientWorld {
    const { cluster } = this;
    const tell = (say: (property: Property) => void): void => cluster.tell(say);
    return {
      scheduler: cluster.scheduler, net: cluster.net, members: [...cluster.machines.keys()],
      addressOf: (member) => `${member}:${SIM_PORT}`,
      nextOperation: () => ++this.operations,
      called: (operation) => tell((property) => property.called?.(operation)),
      answered: (operation) => {
        this.#passed(-operation.client, operation.id, operation.answer instanceof DraftError ? 0 : (operation.answer?.index ?? 0));
        tell((property) => property.answered?.(operation));
      },
      gaveUp: () => this.marks.gaveUp(),
      passed: (client, kind, size) => this.#passed(100 + client, kind, size),
      promised: () => cluster.promised(),
      failed: (error) => void (this.violation ??= violationOf(this.cluster.broken ?? error)),
    };
  }

  /** Faults are over: those that were healed must elect, serve and agree. */
  *#live(): Generator<void> {
    const { nemesis, script: { settings } } = this;
    const core = nemesis.chooseCore();
    this.teller?.phase(`faults end; ${core.map(({ id }) => id).join(", ")} must live`);
    nemesis.heal(core);
    const prober = this.#clients.rest();
    const served = new Set<unknown>();
    // One whose damage is found only at its start falls out; a majority is left without it.
    const living = (): SimMachine[] => core.filter((machine) => !nemesis.retired.has(machine));
    const probes = probesOf(this.#options.plugin, this.script.seed);
    for (const machine of core) {
      const after = (ms: number, act: () => void): void => {
        if (!nemesis.retired.has(machine)) this.cluster.scheduler.after(ms, act);
      };
      probe(prober, machine.id, probes, after, () => served.add(machine.id));
    }
    const later = (ms: number, act: () => void): void => void this.cluster.scheduler.after(ms, act);
    const libraryServed = this.#clients.probeLibrary(probes, later);
    const members = core.map(({ id }) => id);
    const writer = keepWriting({ client: this.#clients.writer(), members, probes, pauseMs: entryMs(settings), after: later });
    // No log has more entries than were asked for, and as many of other kinds.
    yield* this.#until("the healed core starts", patienceMs(settings, 2 * this.operations), () => living().every(({ state, isStopping }) => state !== null && !isStopping));
    const limitMs = patienceOf(settings, living);
    const beganMs = this.cluster.scheduler.nowMs;
    yield* this.#until("the healed core serves", limitMs, () => living().every(({ id }) => served.has(id)));
    const leftMs = limitMs() - (this.cluster.scheduler.nowMs - beganMs);
    this.teller?.phase("the healed core has served");
    if (isQuickEnough(settings)) {
      const steady = new Steady(living, this.cluster.scheduler.nowMs + STEADY_TIMEOUTS * settings.electionMaxMs);
      yield* this.#until("the healed core keeps its leader", limitMs(), () => steady.isOver(this.cluster.scheduler.nowMs));
    }
    yield* this.#until("verdicts find who was led astray", limitMs(), () => this.#options.astray?.isFound(nemesis.retired) ?? true);
    writer.stop();
    yield* this.#until("clients of the library find the healed core", limitMs(), () => libraryServed(living().map(({ id }) => id)));
    yield* this.#until("the healed core agrees", leftMs, () => agree(living(), this.#machines.length));
    this.cluster.tell((property) => property.finished?.(this.#machines));
  }

  /** Everybody stops in good order and gives back what it took. */
  *#end(): Generator<void> {
    const { cluster } = this;
    this.#clients.close();
    cluster.lingers = true;
    const stopping: SimMachine[] = [];
    const stopped = new Set<SimMachine>();
    const limitMs = stoppingMs(this.script.settings, this.#machines);
    for (const machine of this.#machines) {
      const isHindered = machine.server === null || machine.isStopping || machine.gate.isShut || this.nemesis.troubles(machine).any;
      if (machine.isUp && isHindered) machine.kill();
      if (!machine.isUp) continue;
      // A pause that waited for the end of a turn would meet one that idles only now.
      machine.gate.shutAtSoon = false;
      stopping.push(machine);
      machine.stop(() => stopped.add(machine));
    }
    // One that fails meanwhile is gone, too.
    yield* this.#until("all stop in good order", limitMs, () => stopping.every((machine) => stopped.has(machine) || !machine.isUp));
    yield* this.#runFor(SETTLING_MS);
    for (const machine of stopped) this.#checkHoldings(machine.id, machine.gate.holdings);
    for (const { number, gate } of this.#clients.all) this.#checkHoldings(`client${number}`, gate.holdings);
  }

  #checkHoldings(who: string, holdings: Holdings): void {
    for (const [what, count] of Object.entries(holdings)) {
      if (count !== 0) throw new Violation("nothing is left behind", `${who} holds ${count} ${what} after it has stopped`);
    }
  }

  /** Yields where promises are waited for. */
  *#runFor(ms: number): Generator<void> {
    const { scheduler } = this.cluster;
    const endMs = scheduler.nowMs + ms;
    while (this.#runOn(endMs)) yield;
    scheduler.nowMs = endMs;
  }

  /** Runs until a promise is to be waited for; false if the time came before. */
  #runOn(endMs: number): boolean {
    for (;;) {
      if (this.#promised) {
        this.#promised = false;
        return true;
      }
      if (!this.cluster.step(endMs)) return false;
      this.#check();
    }
  }

  *#until(what: string, limit: number | (() => number), condition: () => boolean): Generator<void> {
    const { scheduler } = this.cluster;
    const beganMs = scheduler.nowMs;
    while (!condition()) {
      const limitMs = typeof limit === "number" ? limit : limit();
      if (scheduler.nowMs >= beganMs + limitMs) throw new Violation(what, `not within ${Math.round(limitMs)} ms of simulated time`);
      yield* this.#runFor(LOOK_MS);
    }
  }

  #check(): void {
    if (this.cluster.broken !== null) throw this.cluster.broken;
    if (this.violation !== null) throw this.violation;
    if (this.cluster.scheduler.events > this.#options.eventsMax) {
      throw new Violation("time goes on", `${this.#options.eventsMax} events and no end`);
    }
  }

  #unexpected(machine: SimMachine, error: Error): void {
    const cause = rootOf(error);
    if (isBrokenFact(cause)) this.violation ??= violationOf(cause);
    const code = error instanceof DraftError ? error.code : error.name;
    this.violation ??= new Violation("a process ends for a reason", `${machine.id} ended with ${code}: ${error.message}`);
  }
}
