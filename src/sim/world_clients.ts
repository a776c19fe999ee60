/** The clients of a run: those that its script draws, and those that look in the end whether the cluster serves. */
import { probe, type Probes } from "./probe.ts";
import type { PlannedOperation, Script } from "./script.ts";
import { type ClientWorld, type SessionHabit, SimClient } from "./sim_client.ts";

export class WorldClients {
  readonly all: SimClient[] = [];
  /** Clients of the library, each with the machines that it was told of. */
  readonly #library: Map<SimClient, readonly string[]> = new Map();
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
