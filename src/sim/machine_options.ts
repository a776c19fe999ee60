/** What a simulated machine is made with, and what its processes are started with. */
import type { ServerOptions } from "../gateway/server.ts";
import type { ClockFault } from "./sim_clock.ts";
import type { SimDiskOptions } from "./sim_disk.ts";
import type { SimEngine } from "./sim_engine.ts";

/** How a machine differs from the others. */
export interface MachineOptions {
  readonly clock?: ClockFault;
  readonly disk?: Omit<SimDiskOptions, "seed">;
  /** What the state of its processes stands on; they keep it in memory if nothing is said. */
  readonly engine?: SimEngine;
}

/** What a process of a node is started with, besides its ports. */
export type ProcessOptions = Pick<ServerOptions, "config" | "plugin"> & Partial<Pick<ServerOptions, "sourceDigest" | "peerSecret" | "tailBytesMax" | "tuning" | "observers">>;

/** A plugin as it stands on a machine: the version of it, and what is said of its source. */
export type Build = Required<Pick<ServerOptions, "plugin" | "sourceDigest">>;
