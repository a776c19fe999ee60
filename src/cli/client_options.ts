/**
 * The options that all commands share that talk to a cluster.
 */
import hyperid from "hyperid";
import { parseAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { type Client, connect } from "../client/client.ts";
import type { ClientOptions } from "../client/client_options.ts";
import { readPem } from "../gateway/auth/safety.ts";
import { readPrivateFile, readSecret } from "../host/node_secret.ts";
import type { Level } from "../net/client_protocol.ts";
import type { Io } from "./io.ts";
import { type OptionSpec, type Options, UsageError } from "./leaf.ts";

const CONNECT_DEFAULT = "127.0.0.1:7100,127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103";
const TIMEOUT_MS = 5000;
const DAY_MS = 86_400_000;

export const CONNECT_OPTION: OptionSpec = {
  raw: "-c, --connect <addresses>",
  description: "nodes of the cluster, host:port[,…]",
  default: "DRAFT_CONNECT, else 127.0.0.1:7100 to 7103",
};

export const LEVEL_OPTION: OptionSpec = {
  raw: "--level <level>",
  description: "how fresh reads are: linearizable, lease or stale",
  default: "linearizable",
};

/** Options of `draft client` and `draft admin`. */
export const CLIENT_OPTIONS: readonly OptionSpec[] = [
  CONNECT_OPTION,
  { raw: "--timeout-ms <ms>", description: "how long a command may take", default: String(TIMEOUT_MS) },
  { raw: "--token-file <file>", description: "who asks: holds what draft admin token printed, readable by its owner alone" },
  { raw: "--tls-ca <file>", description: "speak TLS with nodes whose certificates these have signed, PEM" },
  { raw: "--tls-cert <file>", description: "speak TLS, and show this certificate, PEM" },
  { raw: "--tls-key <file>", description: "its key, PEM, readable by its owner alone" },
  { raw: "--group <name>", description: "the group that is meant", default: "main" },
  { raw: "--json", description: "answer with one line of JSON each" },
];

/** How requests are made. */
export interface RequestSettings {
  readonly level: Level;
  readonly minIndex: number;
  readonly timeoutMs: number;
  readonly group: string;
  readonly json: boolean;
}

/** The addresses that were named. @throws UsageError */
export function addressesFrom(options: Options, env: Io["env"]): string[] {
  const given = options.text("connect") ?? env["DRAFT_CONNECT"];
  const text = given === undefined || given === "" ? CONNECT_DEFAULT : given;
  const addresses = text.split(",").map((each) => each.trim()).filter((each) => each !== "");
  for (const address of addresses) {
    try {
      if (parseAddress(address).port === 0) throw new UsageError(`-c "${text}": nobody listens at port 0`);
    } catch (error) {
      throw error instanceof DraftError ? new UsageError(`-c "${text}": ${error.message}`) : error;
    }
  }
  if (addresses.length === 0) throw new UsageError(`-c "${text}": wants host:port[,…]`);
  return addresses;
}

/** A client of the cluster that was named. */
export function clientFrom(options: Options, env: Io["env"]): Client {
  // A name of its own, so that the logs of the nodes tell one prompt from another.
  return connect(addressesFrom(options, env), { name: `draft cli ${hyperid({ urlSafe: true })()}`, timeoutMs: settingsFrom(options).timeoutMs, ...shownFrom(options) });
}

/**
 * What says who asks.
 *
 * @throws DraftError BAD_CONFIG
 */
export function shownFrom(options: Options): Pick<ClientOptions, "token" | "tls"> {
  const [ca, cert, key] = [options.text("tls-ca"), options.text("tls-cert"), options.text("tls-key")];
  const tls = {
    ...(ca === undefined ? {} : { ca: readPem("--tls-ca", ca) }),
    ...(cert === undefined ? {} : { cert: readPem("--tls-cert", cert) }),
    ...(key === undefined ? {} : { key: readPem("--tls-key", key, readPrivateFile) }),
  };
  return { ...tokenFrom(options), ...(Object.keys(tls).length === 0 ? {} : { tls }) };
}

function tokenFrom(options: Options): Pick<ClientOptions, "token"> {
  const path = options.text("token-file");
  if (path === undefined) return {};
  const secret = readSecret(path);
  if (typeof secret === "string") throw new DraftError("BAD_CONFIG", `--token-file "${path}": ${secret}`);
  return { token: new TextDecoder("latin1").decode(secret) };
}

/** How requests are to be made. @throws UsageError */
export function settingsFrom(options: Options): RequestSettings {
  return {
    level: options.choice("level", ["linearizable", "lease", "stale"]),
    minIndex: options.number("min-index", { otherwise: 0, from: 0, to: Number.MAX_SAFE_INTEGER }),
    timeoutMs: options.number("timeout-ms", { otherwise: TIMEOUT_MS, from: 1, to: DAY_MS }),
    group: options.text("group") ?? "main",
    json: options.has("json"),
  };
}
