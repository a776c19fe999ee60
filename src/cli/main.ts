#!/usr/bin/env node
/**
 * The command line.
 */
import process from "node:process";
import * as library from "../../mod.ts";
import { runServer, type StartServer } from "../gateway/run_server.ts";
import { provideModule } from "../host/node_library.ts";
import * as testing from "../sim/testing.ts";
import { adminLeaves } from "./admin.ts";
import { recoverLeaf } from "./admin_recover.ts";
import { benchLeaf } from "./bench.ts";
import { clientLeaf } from "./client.ts";
import { devLeaf } from "./dev.ts";
import { dispatch } from "./dispatch.ts";
import { processIo } from "./io.ts";
import type { Leaf } from "./leaf.ts";
import { lockLeaf } from "./lock.ts";
import { logLeaves } from "./log.ts";
import { pluginCheckLeaves } from "./plugin_check.ts";
import { pluginNewLeaf } from "./plugin_new.ts";
import { serveLeaf } from "./serve.ts";
import { simLeaf } from "./sim.ts";

const EXIT_BAD_PLUGIN = 14;

/** All commands, in the order of the help. */
export function allLeaves(start: StartServer): Leaf[] {
  return [devLeaf, serveLeaf(start), clientLeaf, lockLeaf(), ...adminLeaves, recoverLeaf, ...logLeaves, benchLeaf, simLeaf, pluginNewLeaf, ...pluginCheckLeaves];
}

/**
 * Runs the command line of this process. Nobody waits for its end: under Bun an error that nobody caught, a failed
 * assertion for one, does not end a process whose first module has not been run to its end.
 */
export function main(start: StartServer): void {
  // Whatever a plugin imports as "draft", and its test as "draft/testing", is there, in the executable too.
  provideModule("draft", library);
  provideModule("draft/testing", testing);
  dispatch(process.argv.slice(2), allLeaves(start), processIo()).then(
    end,
    (error: unknown) => setImmediate(() => { throw error; }),
  );
}

/**
 * Lets the process end by itself, which keeps what it still prints. Not where a plugin cannot be loaded: Deno would wait
 * for ever for one that awaits something at its top which never comes.
 */
function end(code: number): void {
  process.exitCode = code;
  if (code === EXIT_BAD_PLUGIN) process.stderr.write("", () => process.stdout.write("", () => process.exit()));
}

if (import.meta.main) main(runServer);
