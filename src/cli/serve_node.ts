/**
 * What `draft serve` starts: a node with its doors, until it is told to stop.
 */
import { type RunningServer, runServer } from "../gateway/run_server.ts";
import type { Host } from "../host/host.ts";
import type { NodeConfig } from "../node/config.ts";

/** What the command line needs of a node that runs. */
export type ServedNode = Omit<RunningServer, "requests">;

/** Starts a node. */
export type StartServer = (config: NodeConfig, host: Host) => Promise<ServedNode>;

/** Starts the node that `config` describes. */
export const startServer: StartServer = runServer;
