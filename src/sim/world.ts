/**
 * One simulated run from its script: founding, faults, healing, the end. It drives time, listens for broken rules, and
 * asks in the end whether the cluster lives again and gave everything back.
 */
import { DraftError } from "../base/errors.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { committedConfiguration } from "../node/standing.ts";
import type { Astray } from "./astray.ts";
import { CleanTail } from "./clean_tail.ts";
import { DurableClaims } from "./durable_claims.ts";
import type { Holdings } from "./gate.ts";
import { live } from "./liveness.ts";
import { MarkCounter } from "./marks.ts";
import { NamedDamage } from "./named_damage.ts";
import { newestState } from "./members_view.ts";
import { Nemesis } from "./nemesis.ts";
import { stoppingMs } from "./patience.ts";
import { probesOf } from "./probe.ts";
import { type Property, Violation } from "./property.ts";
import type { Fault, Script } from "./script.ts";
import type { ClientWorld } from "./sim_client.ts";
import { SIM_PORT, SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";
import { isBrokenFact, isSlip, rootOf, violationOf } from "./thrown.ts";
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

/** Whoever asks for changes of the members, in the hash of a run. */
const OPERATOR = 99;

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
      did: (fault, what) => this.teller?.fault(fault, what),
      operatorPassed: (kind, size) => this.#passed(OPERATOR, kind, size),
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
        marks.members.said(message);
      },
      promised: () => void (this.#promised = true),
      wiped: (machine) => this.#forget(machine),
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

  /** Of a directory whose number is decided nobody else is ever let in under that number. */
  #forget(machine: SimMachine): void {
    const newest = newestState(this.cluster);
    const isDecided = newest === null || machine.number < committedConfiguration(newest).nextMemberNumber;
    this.#claims.forget(machine);
    this.#damage.forget(machine, isDecided ? machine.number : 0);
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
    this.#clients.watch(this.#watcherWorld());
    yield* this.#runFor(settings.safetyMs);
    yield* this.#live();
    yield* this.#end();
  }

  #isFounded(): boolean {
    return this.cluster.founders.every((id) => this.cluster.machine(id).number !== 0) && this.cluster.leaderMachine() !== null;
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

  #watcherWorld(): Parameters<WorldClients["watch"]>[0] {
    const { cluster, marks } = this;
    const { scheduler, net, promised, failed } = this.#clientWorld();
    return {
      scheduler, net, promised, failed,
      passed: (watcher, kind, size) => this.#passed(200 + watcher, kind, size),
      heard: (watcher, prefix, change) => {
        marks.watcherMet("watch: heard");
        cluster.tell((property) => property.heard?.(watcher, prefix, change));
      },
      lost: (watcher, oldestIndex) => {
        marks.watcherMet("watch: none holds it");
        cluster.tell((property) => property.watchLost?.(watcher, oldestIndex));
      },
      resumed: () => marks.watcherMet("watch: resumed"),
    };
  }

  /** Faults are over: those that were healed must elect, serve and agree. */
  #live(): Generator<void> {
    const { script, cluster, nemesis, operations } = this;
    return live({
      script, cluster, nemesis, operations, clients: this.#clients, probes: probesOf(this.#options.plugin, script.seed),
      astray: this.#options.astray ?? null, phase: (what) => this.teller?.phase(what),
      runFor: (ms) => this.#runFor(ms), until: (what, limit, condition) => this.#until(what, limit, condition),
    });
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
    this.#checkHoldings("the operator", this.nemesis.operator.gate.holdings);
    for (const { number, gate } of this.#clients.all) this.#checkHoldings(`client${number}`, gate.holdings);
    for (const { number, gate } of this.#clients.watchers.keys()) this.#checkHoldings(`watcher${number}`, gate.holdings);
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
    if (isBrokenFact(cause) || isSlip(cause)) this.violation ??= violationOf(cause);
    const code = error instanceof DraftError ? error.code : error.name;
    this.violation ??= new Violation("a process ends for a reason", `${machine.id} ended with ${code}: ${error.message}`);
  }
}
