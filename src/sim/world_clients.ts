/** The clients of a run: those that its script draws, and those that look in the end whether the cluster serves. */
import { probe, type Probes } from "./probe.ts";
import type { Change } from "../client/watch.ts";
import type { Index } from "../raft/types.ts";
import type { PlannedOperation, Script } from "./script.ts";
import { SimWatcher, type WatcherWorld } from "./sim_watcher.ts";
import { type ClientWorld, type SessionHabit, SimClient } from "./sim_client.ts";

/** What watchers watch. */
const PREFIXES: readonly string[] = ["k", "", "k1"];

export class WorldClients {
  readonly all: SimClient[] = [];
  /** Clients of the library, each with the machines that it was told of. */
  readonly #library: Map<SimClient, readonly string[]> = new Map();
  /** One for each client of the library, that knows what it knows. */
  readonly watchers: Map<SimWatcher, readonly string[]> = new Map();
  readonly #world: ClientWorld;
  readonly #script: Script;

  constructor(world: ClientWorld, script: Script) {
    this.#world = world;
    this.#script = script;
  }

  /** Each asks what the script says. */
  start(): void {
    const plans = new Map<number, PlannedOperation[]>();
    for (const operation of this.#script.operations) {
      const plan = plans.get(operation.client) ?? [];
      plans.set(operation.client, plan);
      plan.push(operation);
    }
    for (const [number, plan] of plans) this.#add(number).follow(plan);
  }

  /** Watchers begin, each with what a client of the library knows. */
  watch(world: Omit<WatcherWorld, "heard"> & { heard: (watcher: number, prefix: string, change: Change) => void }): void {
    const { members, addressOf } = this.#world;
    for (const { client, knows } of this.#script.settings.library ?? []) {
      const ids = knows.map((place) => members[place - 1] as string);
      const prefix = PREFIXES[client % PREFIXES.length]!;
      const heard = (watcher: number, change: Change): void => world.heard(watcher, prefix, change);
      const watcher = new SimWatcher({ ...world, heard }, client, { addresses: ids.map(addressOf), prefix });
      this.watchers.set(watcher, ids);
      watcher.start();
    }
  }

  /** Whether every watcher that was told of one of `living` has heard all through `index`. */
  haveHeard(index: Index, living: readonly string[]): boolean {
    return [...this.watchers].every(([{ place }, knows]) => place.index > index || !living.some((id) => knows.includes(id)));
  }

  /** Nobody begins anything more by himself; the client returned asks what it is told to. */
  rest(): SimClient {
    for (const client of this.all) client.rest();
    return this.#add(this.#script.settings.clients + 1);
  }

  /** One that writes while it is looked whether the cluster keeps its leader. */
  writer(): SimClient {
    return this.#add(this.#script.settings.clients + 2);
  }

  /**
   * Sets the clients of the library to ask.
   *
   * @returns whether all were served that were told of one of those given: from there they must find the leader
   */
  probeLibrary(probes: Probes, after: (ms: number, act: () => void) => void): (living: readonly string[]) => boolean {
    const served = new Set<SimClient>();
    for (const client of this.#library.keys()) probe(client, `client${client.number}`, probes, after, () => served.add(client));
    return (living) => [...this.#library].every(([client, knows]) => served.has(client) || !living.some((id) => knows.includes(id)));
  }

  close(): void {
    for (const client of this.all) client.close();
    for (const watcher of this.watchers.keys()) watcher.close();
  }

  #add(number: number): SimClient {
    const { members } = this.#world;
    const places = this.#script.settings.library?.find(({ client }) => client === number)?.knows ?? null;
    const knows = places === null ? null : places.map((place) => members[place - 1] as string);
    const { sessions, ordered } = this.#script.settings;
    const client = new SimClient(this.#world, number, { knows, sessions: sessionsOf(number, sessions, ordered) });
    if (knows !== null) this.#library.set(client, knows);
    this.all.push(client);
    return client;
  }
}

function sessionsOf(client: number, sessions: readonly number[] = [], ordered: readonly number[] = []): SessionHabit {
  if (!sessions.includes(client)) return "none";
  return ordered.includes(client) ? "ordered" : "unordered";
}
