/**
 * What `draft serve` starts: a node with its doors, until it is told to stop.
 */
import { type RunningServer, runServer } from "../gateway/run_server.ts";
import type { Host } from "../host/host.ts";
import type { NodeConfig } from "../node/config.ts";

export type { RunningServer };

/** Starts a node. */
export type StartServer = (config: NodeConfig, host: Host) => Promise<RunningServer>;

/** Starts the node that `config` describes. */
export const startServer: StartServer = runServer;
