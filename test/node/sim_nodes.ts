/**
 * Whole nodes in one process, on simulated clocks, disks and a simulated network: the code that ships, over the ports.
 */
import { assert } from "../../src/base/assert.ts";
import type { DraftError } from "../../src/base/errors.ts";
import type { Server } from "../../src/gateway/server.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { AnyPlugin, Command } from "../../src/machine/machine.ts";
import type { GroupObserver } from "../../src/node/group_observer.ts";
import type { Answer, ReadOptions } from "../../src/node/node_api.ts";
import kv from "../../plugins/kv/kv.ts";
import { SimCluster } from "../../src/sim/sim_cluster.ts";
import type { Property } from "../../src/sim/property.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";

type SimClusterMachine = NonNullable<ConstructorParameters<typeof SimCluster>[0]["machine"]>;

/** A request and, once it is there, its answer. */
export interface Outcome {
  result: Answer | DraftError | null;
}

export interface SimNodesOptions {
  readonly seed: number;
  readonly ids: readonly string[];
  readonly plugin?: AnyPlugin;
  readonly flags?: Readonly<Record<string, string>>;
  readonly tailBytesMax?: number;
  readonly tuning?: NonNullable<ConstructorParameters<typeof SimCluster>[0]["tuning"]>;
  readonly machine?: SimClusterMachine;
  readonly peerSecret?: (id: string) => Uint8Array | null;
  /** Who looks on at the node of this name; asked at each start. */
  readonly observers?: (id: string) => readonly GroupObserver[];
  /** Rules that are checked after every event. */
  readonly properties?: readonly Property[];
}

/** A simulated cluster, and what tests ask of it. */
export class SimNodes extends SimCluster {
  /** Who led which term of which cluster. */
  readonly #leaders: Map<string, string> = new Map();

  constructor(options: SimNodesOptions) {
    super({ plugin: kv, ...options });
    this.watch = {
      stepped: (machine, state) => {
        if (state.role !== "leader") return;
        const term = `${machine.server?.node.identity.clusterId} ${state.term}`;
        const other = this.#leaders.get(term) ?? machine.id;
        assert(other === machine.id, "one leader a term", state.term, other, machine.id);
        this.#leaders.set(term, machine.id);
      },
    };
  }

  get nodes(): ReadonlyMap<string, SimMachine> {
    return this.machines;
  }

  node(id: string): SimMachine {
    return this.machine(id);
  }

  /** The directory is lost: a machine of the same name with an empty disk. */
  wipe(id: string): void {
    this.machine(id).wipe();
  }

  /** Runs until `condition` holds. */
  until(what: string, condition: () => boolean, limitMs: number = 20_000): void {
    const end = this.scheduler.nowMs + limitMs;
    while (!condition()) {
      if (this.scheduler.nowMs >= end) throw new Error(`not within ${limitMs} ms: ${what}\n${this.story()}`);
      this.run(5);
    }
  }

  leader(): SimMachine | null {
    return this.leaderMachine();
  }

  awaitLeader(): SimMachine {
    this.until("a leader", () => this.leader() !== null);
    return this.leader() as SimMachine;
  }

  /** Proposes at a node; the result is filled in later. */
  propose(id: string, command: Command, timeoutMs: number = 5000): Outcome {
    const outcome: Outcome = { result: null };
    this.#server(id).requests.propose("main", encodeCommand(command), timeoutMs, (result) => this.#answered(outcome, result));
    return outcome;
  }

  read(id: string, command: Command, options: Partial<ReadOptions> = {}): Outcome {
    const outcome: Outcome = { result: null };
    const all: ReadOptions = { level: "linearizable", minIndex: 0, timeoutMs: 5000, ...options };
    this.#server(id).requests.read("main", command, all, (result) => this.#answered(outcome, result));
    return outcome;
  }

  #server(id: string): Server {
    const { server } = this.machine(id);
    if (server === null) throw new Error(`${id} does not run`);
    return server;
  }

  #answered(outcome: Outcome, result: Answer | DraftError): void {
    assert(outcome.result === null, "a request is answered once");
    outcome.result = result;
  }
}
