/**
 * The settings of `draft serve` and where they come from: a flag counts before the variable `DRAFT_<FLAG>`, the variable
 * before the file that `--config` names, the file before the default.
 */
import { DraftError } from "../base/errors.ts";
import { CONFIG_DEFAULTS, type RawConfig } from "../node/config.ts";
import { SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { type FileSetting, type KnownKey, readConfigFile } from "./config_file.ts";
import type { Io } from "./io.ts";
import type { OptionSpec, Options } from "./leaf.ts";

const MIB = 1024 * 1024;
const mib = (bytes: number): string => `${bytes / MIB} MiB`;

/** The flags. */
export const SERVE_OPTIONS: readonly OptionSpec[] = [
  { raw: "--config <file>", description: "TOML with the settings that no flag and no variable DRAFT_<FLAG> gives" },
  { raw: "--id <id>", description: "name of this node", default: "the data directory's" },
  { raw: "--data <dir>", description: "its data directory", default: "./draft-data/<id>" },
  { raw: "--listen <address>", description: "where to listen, host:port", default: CONFIG_DEFAULTS.listen },
  { raw: "--health-listen <address>", description: "where to serve /livez, /readyz and /metrics alone, too" },
  { raw: "--advertise <address>", description: "where others find it", default: "its entry in --initial, else --listen" },
  { raw: "--bootstrap", description: "found a cluster of this node alone" },
  { raw: "--initial <nodes>", description: "found a cluster of these voters: a@h:p,b@h:p,c@h:p, the same on each" },
  { raw: "--join <addresses>", description: "ask the cluster of these nodes, host:port[,…], to add this one" },
  { raw: "--auto-rejoin", description: "ask to be taken in again if the directory was lost" },
  { raw: "--peer-secret-file <file>", description: "what nodes that join prove to know; the same on all, readable by its owner alone" },
  { raw: "--auth-file <file>", description: "who may ask what: tokens by their digests, certificates by their names; readable by its owner alone" },
  { raw: "--tls-cert <file>", description: "the node's certificate, PEM: the port speaks TLS alone" },
  { raw: "--tls-key <file>", description: "its key, PEM, readable by its owner alone" },
  { raw: "--tls-ca <file>", description: "who signs clients' certificates, PEM; and nodes', unless there is --tls-peer-ca" },
  { raw: "--tls-peer-ca <file>", description: "who signs nodes' certificates, PEM, each with the URI name draft-node:<id>" },
  { raw: "--tls-client-auth", description: "who connects must show a certificate" },
  { raw: "--machine <machine>", description: `${SHIPPED_NAMES.join(", ")}, or the path of a plugin`, default: CONFIG_DEFAULTS.machine },
  { raw: "--priority <n>", description: "who is in step with the highest, 0 to 100, is handed leadership", default: "0" },
  { raw: "--heartbeat-ms <ms>", description: "how often a leader is heard", default: String(CONFIG_DEFAULTS.heartbeatMs) },
  { raw: "--election-ms <min-max>", description: "silence after which another takes over", default: CONFIG_DEFAULTS.election },
  { raw: "--snapshot-bytes <n>", description: "log since the last snapshot that calls for one", default: mib(CONFIG_DEFAULTS.snapshotBytes) },
  { raw: "--snapshot-entries <n>", description: "the same in entries", default: String(CONFIG_DEFAULTS.snapshotEntries) },
  { raw: "--retain-bytes <n>", description: "log that stays behind a snapshot, for slow followers", default: mib(CONFIG_DEFAULTS.retainBytes) },
  { raw: "--segment-bytes <n>", description: "size of a file of the log", default: mib(CONFIG_DEFAULTS.segmentBytes) },
  { raw: "--value-bytes-max <n>", description: "largest command", default: mib(CONFIG_DEFAULTS.valueBytesMax) },
  { raw: "--frame-bytes-max <n>", description: "largest message", default: mib(CONFIG_DEFAULTS.frameBytesMax) },
  { raw: "--queue-bytes-max <n>", description: "most bytes that wait", default: mib(CONFIG_DEFAULTS.queueBytesMax) },
  { raw: "--scrub-bytes-per-second <n>", description: "how fast closed files are read again to find what rots; 0: never", default: mib(CONFIG_DEFAULTS.scrubBytesPerSecond) },
  { raw: "--log-level <level>", description: "trace, debug, info, warn or error", default: "info" },
  { raw: "--log-format <format>", description: "text or json", default: "text on a terminal, else json" },
  { raw: "--trace-file <file>", description: "append the protocol's events to it, a JSON object a line" },
  { raw: "--insecure", description: "allow to listen beyond loopback unprotected" },
];

/** Flags whose value is a list. */
const LISTS: ReadonlySet<string> = new Set(["initial", "join", "machine"]);

/** The keys of the file: every flag but the one that names it. */
export const CONFIG_KEYS: readonly KnownKey[] = SERVE_OPTIONS.map(({ raw }): KnownKey => {
  const [flag = "", value] = raw.split(" ");
  const name = flag.slice(2);
  return { name, isSwitch: value === undefined, isList: LISTS.has(name) };
}).filter(({ name }) => name !== "config");

/**
 * What was given, wherever it was.
 *
 * @throws DraftError BAD_CONFIG if the file cannot be read
 */
export function rawConfig(options: Options, env: Io["env"]): RawConfig {
  const path = options.text("config");
  const file: ReadonlyMap<string, FileSetting> = path === undefined ? new Map() : readConfigFile(path, CONFIG_KEYS);
  const variableOf = (name: string): string => `DRAFT_${name.toUpperCase().replaceAll("-", "_")}`;
  const variable = (name: string): string | undefined => env[variableOf(name)];
  return {
    text: (name) => options.text(name) ?? variable(name) ?? file.get(name)?.texts.join(","),
    all: (name) => {
      if (options.has(name)) return options.all(name);
      return variable(name)?.split(",").filter((each) => each !== "") ?? file.get(name)?.texts ?? [];
    },
    has: (name) => options.has(name) || (variable(name) === undefined ? file.get(name)?.texts[0] === "true" : isOn(variableOf(name), variable(name))),
    named: (name) => {
      if (options.has(name) || !(variable(name) !== undefined || file.has(name))) return `--${name}`;
      return variable(name) === undefined ? (file.get(name)?.named() ?? "") : variableOf(name);
    },
  };
}

/** @throws DraftError BAD_CONFIG: what is neither must not found a cluster, or open one to the world */
function isOn(name: string, text: string = ""): boolean {
  if (text === "1" || text === "true") return true;
  if (text === "" || text === "0" || text === "false") return false;
  throw new DraftError("BAD_CONFIG", `${name} is "${text.slice(0, 64)}": want 1, true, 0 or false: draft serve --help`);
}
