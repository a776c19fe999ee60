/**
 * Whoever types `draft admin`: asks any node for a change of the members, over the client's protocol, and the next one
 * if that refuses or does not answer, as often as it has patience.
 */
import type { Connection } from "../client/connection.ts";
import { openConnection } from "../client/open_connection.ts";
import type { DraftError } from "../base/errors.ts";
import type { MemberWish } from "../net/member_wish.ts";
import type { Answer } from "../node/node_api.ts";
import { Gate } from "./gate.ts";
import { SIM_PORT, type SimCluster } from "./sim_cluster.ts";
import { SimClock } from "./sim_clock.ts";

/** How long one node may take. */
const TIMEOUT_MS = 1500;
const AGAIN_MS = 150;

/** What is asked until when: what a node took in may still be asked for by it, a moment later. */
export const ASKED_MS: number = 2 * TIMEOUT_MS;

/** One request. */
export interface Asking {
  readonly wishes: readonly MemberWish[];
  /** Nodes that are asked one after the other. */
  readonly via: readonly string[];
  readonly tries: number;
}

/** Hears how each try ended. */
export type OperatorHears = (wishes: readonly MemberWish[], result: Answer | DraftError) => void;

export class Operator {
  readonly gate: Gate;
  readonly #cluster: SimCluster;
  readonly #hears: OperatorHears;
  readonly #connections: Set<Connection> = new Set();
  #rests = false;

  constructor(cluster: SimCluster, passed: (kind: number, size: number) => void, hears: OperatorHears) {
    this.#cluster = cluster;
    this.#hears = hears;
    this.gate = new Gate(passed);
  }

  ask(asking: Asking): void {
    const { wishes, via, tries } = asking;
    const [node = "", ...others] = via;
    if (this.#rests || tries <= 0) return;
    this.#send(node, wishes, (error, index, reply) => {
      this.#hears(wishes, error ?? { index, reply });
      if (error === null) return;
      this.#cluster.scheduler.after(AGAIN_MS, () => this.ask({ wishes, via: [...others, node], tries: tries - 1 }));
    });
  }

  /** Asks nothing more. */
  rest(): void {
    this.#rests = true;
    for (const connection of [...this.#connections]) connection.close();
  }

  #send(node: string, wishes: readonly MemberWish[], done: (error: DraftError | null, index: number, reply: unknown) => void): void {
    const ports = { clock: this.gate.clock(new SimClock(this.#cluster.scheduler)), net: this.gate.net(this.#cluster.net.host("operator")) };
    const options = { clientName: "operator", clusterId: "", forwarded: false, openTimeoutMs: TIMEOUT_MS };
    openConnection(ports, `${node}:${SIM_PORT}`, options, (...[error, connection]) => {
      if (error !== null) return done(error, 0, null);
      if (this.#rests) return connection.close();
      this.#connections.add(connection);
      // Never by force: whoever lets those decide who are gone has lost the cluster, as it was told.
      connection.changeMembers("change", "main", { wishes, force: false }, TIMEOUT_MS, (...answer) => {
        this.#connections.delete(connection);
        connection.close();
        done(...answer);
      });
    });
  }
}
