/**
 * `draft serve`: one node until a signal ends it.
 */
import process from "node:process";
import { installGuard } from "../host/node_guard.ts";
import { createNodeHost } from "../host/node_host.ts";
import { type NodeConfig, parseNodeConfig } from "../node/config.ts";
import { type Io, styleFor } from "./io.ts";
import type { Leaf } from "./leaf.ts";
import { logLines } from "./log_lines.ts";
import { rawConfig, SERVE_OPTIONS } from "./serve_options.ts";
import type { RunningServer, StartServer } from "../gateway/run_server.ts";

/** Set by `draft dev` for its nodes: they end when their standard input does, however their parent ended. */
export const END_WITH_INPUT = "DRAFT_END_WITH_INPUT";

/**
 * Set by `draft dev` for its nodes: their machines run under the guard. No flag can have a variable of this name, which
 * would be `---guard-machines`.
 */
export const GUARD_MACHINES = "DRAFT__GUARD_MACHINES";

/** The command, around whatever starts a node. */
export function serveLeaf(start: StartServer): Leaf {
  return {
    words: ["serve"],
    usage: "",
    summary: "runs one node on one data directory",
    options: SERVE_OPTIONS,
    positionals: { min: 0, max: 0 },
    examples: [
      "draft serve --id a --listen 127.0.0.1:7101 --bootstrap",
      "draft serve --config draft.toml",
      "draft serve --id a --listen 127.0.0.1:7101 --initial a@127.0.0.1:7101,b@127.0.0.1:7102,c@127.0.0.1:7103",
    ],
    run: ({ options }, io) => serve(parseNodeConfig(rawConfig(options, io.env)), start, io),
  };
}

async function serve(config: NodeConfig, start: StartServer, io: Io): Promise<number> {
  const log = logLines({
    level: config.logLevel,
    format: config.logFormat ?? (io.errorIsTerminal ? "text" : "json"),
    style: styleFor(io.errorIsTerminal, io.env),
    print: (line) => io.err(line),
    nowMs: Date.now,
  });
  const stopWanted = stopSignal(io);
  // Before the plugin is loaded: what it keeps of the globals is guarded.
  const guard = (io.env[GUARD_MACHINES] ?? "") === "" ? null : installGuard();
  let forgetReload: () => void = () => undefined;
  try {
    const host = createNodeHost(log);
    const server = await start(config, guard === null ? host : { ...host, guard });
    const onReload = (): void => server.reload();
    process.on("SIGHUP", onReload);
    forgetReload = () => process.off("SIGHUP", onReload);
    io.out(readyLine(server));
    const stopped = server.closed.then(() => "closed" as const);
    const first = await Promise.race([stopped, stopWanted.promise]);
    if (first !== "closed") {
      log.write("info", `stops: ${first}`);
      await server.stop();
    }
    await server.closed;
    return 0;
  } finally {
    stopWanted.forget();
    forgetReload();
    guard?.remove();
  }
}

function readyLine(server: RunningServer): string {
  const { nodeId, listen, address, clusterId, role } = server;
  return `ready id=${nodeId} listen=${listen} address=${address} cluster=${clusterId || "-"} group=main role=${role}`;
}

/** Tells the first signal that asks for an orderly end; a second one ends the process at once. */
function stopSignal(io: Io): { promise: Promise<string>; forget: () => void } {
  let tell: (why: string) => void = () => {};
  let told = false;
  const promise = new Promise<string>((resolve) => (tell = resolve));
  const onSignal = (signal: string): void => {
    // Nothing is owed to standard output any more, so nothing can be cut off.
    if (told) process.exit(1);
    told = true;
    tell(signal);
  };
  const onInputEnd = (): void => tell("the process that started it ended");
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  const watchesInput = (io.env[END_WITH_INPUT] ?? "") !== "";
  if (watchesInput) io.input.on("end", onInputEnd).on("close", onInputEnd).resume();
  const forget = (): void => {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
    // Bun lives on for the sake of an input that was destroyed before it was first read from, unless it was paused.
    if (watchesInput) io.input.off("end", onInputEnd).off("close", onInputEnd).pause().destroy();
  };
  return { promise, forget };
}
