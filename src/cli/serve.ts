/**
 * `draft serve`: one node until a signal ends it.
 */
import process from "node:process";
import { installGuard } from "../host/node_guard.ts";
import { createNodeHost } from "../host/node_host.ts";
import { CONFIG_DEFAULTS, type NodeConfig, parseNodeConfig, type RawConfig } from "../node/config.ts";
import { SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { type Io, styleFor } from "./io.ts";
import type { Leaf, OptionSpec, Options } from "./leaf.ts";
import { logLines } from "./log_lines.ts";
import type { RunningServer, StartServer } from "../gateway/run_server.ts";

/** Set by `draft dev` for its nodes: they end when their standard input does, however their parent ended. */
export const END_WITH_INPUT = "DRAFT_END_WITH_INPUT";

/**
 * Set by `draft dev` for its nodes: their machines run under the guard. No flag can have a variable of this name, which
 * would be `---guard-machines`.
 */
export const GUARD_MACHINES = "DRAFT__GUARD_MACHINES";

const MIB = 1024 * 1024;
const mib = (bytes: number): string => `${bytes / MIB} MiB`;

const OPTIONS: readonly OptionSpec[] = [
  { raw: "--id <id>", description: "name of this node", default: "the data directory's" },
  { raw: "--data <dir>", description: "its data directory", default: "./draft-data/<id>" },
  { raw: "--listen <address>", description: "where to listen, host:port", default: CONFIG_DEFAULTS.listen },
  { raw: "--advertise <address>", description: "where others find it", default: "its entry in --initial, else --listen" },
  { raw: "--bootstrap", description: "found a cluster of this node alone" },
  { raw: "--initial <nodes>", description: "found a cluster of these voters: a@h:p,b@h:p,c@h:p, the same on each" },
  { raw: "--machine <machine>", description: `${SHIPPED_NAMES.join(", ")}, or the path of a plugin`, default: CONFIG_DEFAULTS.machine },
  { raw: "--heartbeat-ms <ms>", description: "how often a leader is heard", default: String(CONFIG_DEFAULTS.heartbeatMs) },
  { raw: "--election-ms <min-max>", description: "silence after which another takes over", default: CONFIG_DEFAULTS.election },
  { raw: "--snapshot-bytes <n>", description: "log since the last snapshot that calls for one", default: mib(CONFIG_DEFAULTS.snapshotBytes) },
  { raw: "--snapshot-entries <n>", description: "the same in entries", default: String(CONFIG_DEFAULTS.snapshotEntries) },
  { raw: "--retain-bytes <n>", description: "log that stays behind a snapshot, for slow followers", default: mib(CONFIG_DEFAULTS.retainBytes) },
  { raw: "--segment-bytes <n>", description: "size of a file of the log", default: mib(CONFIG_DEFAULTS.segmentBytes) },
  { raw: "--value-bytes-max <n>", description: "largest command", default: mib(CONFIG_DEFAULTS.valueBytesMax) },
  { raw: "--frame-bytes-max <n>", description: "largest message", default: mib(CONFIG_DEFAULTS.frameBytesMax) },
  { raw: "--queue-bytes-max <n>", description: "most bytes that wait", default: mib(CONFIG_DEFAULTS.queueBytesMax) },
  { raw: "--log-level <level>", description: "trace, debug, info, warn or error", default: "info" },
  { raw: "--log-format <format>", description: "text or json", default: "text on a terminal, else json" },
  { raw: "--trace-file <file>", description: "append the protocol's events to it, a JSON object a line" },
  { raw: "--insecure", description: "allow to listen beyond loopback unprotected" },
];

/** The command, around whatever starts a node. */
export function serveLeaf(start: StartServer): Leaf {
  return {
    words: ["serve"],
    usage: "",
    summary: "runs one node on one data directory",
    options: OPTIONS,
    positionals: { min: 0, max: 0 },
    examples: [
      "draft serve --id a --listen 127.0.0.1:7101 --bootstrap",
      "draft serve --id a --listen 127.0.0.1:7101 --initial a@127.0.0.1:7101,b@127.0.0.1:7102,c@127.0.0.1:7103",
    ],
    run: ({ options }, io) => serve(parseNodeConfig(withEnvironment(options, io.env)), start, io),
  };
}

/** A flag counts before the variable `DRAFT_<FLAG>`. */
function withEnvironment(options: Options, env: Io["env"]): RawConfig {
  const variable = (name: string): string | undefined => env[`DRAFT_${name.toUpperCase().replaceAll("-", "_")}`];
  const isOn = (text: string | undefined): boolean => text !== undefined && !["", "0", "false"].includes(text);
  return {
    text: (name) => options.text(name) ?? variable(name),
    all: (name) => options.has(name) ? options.all(name) : (variable(name) ?? "").split(",").filter((each) => each !== ""),
    has: (name) => options.has(name) || isOn(variable(name)),
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
  try {
    const host = createNodeHost(log);
    const server = await start(config, guard === null ? host : { ...host, guard });
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
