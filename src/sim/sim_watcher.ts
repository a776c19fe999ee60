/**
 * A watcher of a simulated run: the library's client on a machine of its own, that hears all changes from the first on. It
 * leaves its loop again and again, and goes on behind the change that it heard last, or where it was told that it is.
 */
import { DraftError } from "../base/errors.ts";
import { type Client, connect } from "../client/client.ts";
import type { Change } from "../client/watch.ts";
import type { ChangeCursor } from "../machine/change.ts";
import { Gate } from "./gate.ts";
import type { ClientWorld } from "./sim_client.ts";
import { SimClock } from "./sim_clock.ts";

/** It leaves its loop behind so many changes, and once a multiple of that it trusts the place that it was told. */
const LEAVE_EVERY = 7;
const TRUST_EVERY = 3;

/** How long it goes on without a node that serves before it is told so, and how long it rests then. */
const PATIENCE_MS = 1000;
const REST_MS = 50;

/** What a watcher tells whoever looks on. */
export interface WatcherWorld extends Pick<ClientWorld, "scheduler" | "net" | "promised" | "failed" | "passed"> {
  readonly heard: (watcher: number, change: Change) => void;
  /** It goes on from here, since nobody holds what is before. */
  readonly lost: (watcher: number, oldestIndex: number) => void;
  readonly resumed: () => void;
}

/** One watcher. */
export class SimWatcher {
  readonly number: number;
  readonly gate: Gate;
  /** How far it has heard. */
  place: ChangeCursor = { index: 0, n: 0 };
  readonly #world: WatcherWorld;
  readonly #client: Client;
  readonly #abort: AbortController = new AbortController();
  readonly #prefix: string;
  #count = 0;

  constructor(world: WatcherWorld, number: number, { addresses, prefix }: { readonly addresses: readonly string[]; readonly prefix: string }) {
    this.#world = world;
    this.number = number;
    this.#prefix = prefix;
    const name = `watcher${number}`;
    this.gate = new Gate((kind, size) => {
      world.passed(number, kind, size);
      world.promised();
    });
    const clock = this.gate.clock(new SimClock(world.scheduler));
    this.#client = connect(addresses, { name, host: { clock, net: this.gate.net(world.net.host(name)) } });
  }

  start(): void {
    this.#world.promised();
    this.#run().catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#world.failed(error);
    });
  }

  close(): void {
    this.#world.promised();
    this.#abort.abort();
    this.#client.close().catch(this.#world.failed);
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#hear(signal);
        this.#world.resumed();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof DraftError)) throw error;
        if (error.code === "COMPACTED") this.#goOnFrom(error.oldestIndex ?? 0);
        else await this.#rest();
      }
    }
  }

  /** Hears some changes, then leaves. */
  async #hear(signal: AbortSignal): Promise<void> {
    const leaveAt = this.#count + LEAVE_EVERY;
    const trusts = leaveAt % TRUST_EVERY === 0;
    const heard = (place: ChangeCursor): void => void (this.place = place);
    for await (const change of this.#client.watch(this.#prefix, { after: this.place, timeoutMs: PATIENCE_MS, signal, heard })) {
      this.#count += 1;
      this.#world.heard(this.number, change);
      this.place = { index: change.index, n: change.n };
      if (this.#count >= leaveAt && !(trusts && this.#count % 2 === 0)) return;
    }
  }

  #goOnFrom(oldestIndex: number): void {
    this.#world.lost(this.number, oldestIndex);
    this.place = { index: oldestIndex, n: 0 };
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.scheduler.after(REST_MS, () => {
        this.#world.promised();
        resolve();
      });
    });
  }
}
