/**
 * What `draft serve` starts: a node with its doors, until it is told to stop.
 */
import { DraftError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import type { NodeConfig } from "../node/config.ts";

/** A node that listens and has recovered. */
export interface RunningServer {
  readonly nodeId: string;
  /** `host:port`, with the real port. */
  readonly listen: string;
  /** `host:port` where others find it. */
  readonly address: string;
  /** Empty until it belongs to a cluster. */
  readonly clusterId: string;
  /** Its role in `main`. */
  readonly role: string;
  /** Ends when the node has stopped; fails if it stopped by itself. */
  readonly closed: Promise<void>;
  /** Accepts no more, hands leadership over, flushes. */
  stop(): Promise<void>;
}

/** Starts a node. @throws DraftError BAD_CONFIG, BAD_PLUGIN, IN_USE, WRONG_IDENTITY, ADDRESS_IN_USE, DAMAGED */
export type StartServer = (config: NodeConfig, host: Host) => Promise<RunningServer>;

/** Starts the node that `config` describes. */
export const startServer: StartServer = () => Promise.reject(new DraftError("BAD_CONFIG", "this build has no node"));
