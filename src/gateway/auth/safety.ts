/**
 * Who may speak with this node, as its settings say, and again when the files that they name have changed. A file that
 * cannot be taken at the start ends it; later it leaves all as it was, which is said: a typing mistake must not lock
 * everybody out, nor let anybody in.
 */
import { DraftError } from "../../base/errors.ts";
import type { Log } from "../../host/host.ts";
import { type ProofConfig, provesByCertificate, type TlsFiles } from "../../node/proof_config.ts";
import { readFileUpTo, readPrivateFile } from "../../host/node_secret.ts";
import { NodeTlsNet, type TlsMaterial } from "../../host/node_tls.ts";
import { Access, type AccessRules } from "./access.ts";
import { readAuthFile } from "./auth_file.ts";

/** A key, or certificates of some authorities, as PEM. */
const PEM_BYTES_MAX = 1024 * 1024;

/** Keeps the rules of one node. */
export class Safety {
  readonly access: Access;
  /** Null: what it speaks is plain. */
  readonly net: NodeTlsNet | null;
  readonly #config: ProofConfig;
  readonly #log: Log;

  /** @throws DraftError BAD_CONFIG */
  constructor(config: ProofConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.access = new Access(this.#rules());
    this.net = config.tls === null ? null : netOf(config.tls);
    if (this.access.isRequired && config.peerSecretFile === null && !provesByCertificate(config)) {
      log.write("warn", "clients have to say who they are and nodes have not: whoever reaches this port can speak as a node, and no node passes on what clients ask: add --peer-secret-file to all of them");
    }
  }

  /** Reads the files again. */
  reload(): void {
    const { tls } = this.#config;
    try {
      const rules = this.#rules();
      // Both or neither.
      if (tls !== null) changeNet(this.net, tls);
      this.access.change(rules);
      this.#log.write("info", "has read its files of secrets again");
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#log.write("error", `keeps what it had: ${error.message}`);
    }
  }

  #rules(): AccessRules {
    const { authFile, tls } = this.#config;
    return { book: authFile === null ? null : readAuthFile(authFile), certificates: tls?.clientAuth === true };
  }
}

function netOf(files: TlsFiles): NodeTlsNet {
  return unlessBad(files, () => new NodeTlsNet(materialOf(files), true));
}

function changeNet(net: NodeTlsNet | null, files: TlsFiles): void {
  unlessBad(files, () => net?.change(materialOf(files)));
}

function unlessBad<T>({ cert, key }: TlsFiles, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof DraftError) throw error;
    throw new DraftError("BAD_CONFIG", `--tls-cert "${cert}" with --tls-key "${key}": ${(error as Error).message}`, { cause: error });
  }
}

/** @throws DraftError BAD_CONFIG */
function materialOf({ cert, key, ca, peerCa, clientAuth }: TlsFiles): TlsMaterial {
  return {
    own: { cert: readPem("--tls-cert", cert), key: readPem("--tls-key", key, readPrivateFile) },
    ca: ca === null ? null : readPem("--tls-ca", ca),
    peerCa: peerCa === null ? null : readPem("--tls-peer-ca", peerCa),
    demandsCertificate: clientAuth,
  };
}

/** @throws DraftError BAD_CONFIG */
export function readPem(flag: string, path: string, read: typeof readPrivateFile = readFileUpTo): string {
  const content = read(path, PEM_BYTES_MAX);
  if (typeof content === "string") throw new DraftError("BAD_CONFIG", `${flag} "${path}": ${content}`);
  return new TextDecoder().decode(content);
}
