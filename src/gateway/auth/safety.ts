/**
 * Who may speak with this node, as its settings say, and again when the files that they name have changed. A file that
 * cannot be taken at the start ends it; later it leaves all as it was, which is said: a typing mistake must not lock
 * everybody out, nor let anybody in.
 */
import { DraftError } from "../../base/errors.ts";
import type { Log } from "../../host/host.ts";
import type { NodeConfig } from "../../node/config.ts";
import { Access, type AccessRules } from "./access.ts";
import { readAuthFile } from "./auth_file.ts";

/** The settings that matter here. */
type SafetyConfig = Pick<NodeConfig, "authFile" | "peerSecretFile">;

/** Keeps the rules of one node. */
export class Safety {
  readonly access: Access;
  readonly #config: SafetyConfig;
  readonly #log: Log;

  /** @throws DraftError BAD_CONFIG */
  constructor(config: SafetyConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.access = new Access(this.#rules());
    if (this.access.isRequired && config.peerSecretFile === null) {
      log.write("warn", "clients have to say who they are and nodes have not: whoever reaches this port can speak as a node, and no node passes on what clients ask: add --peer-secret-file to all of them");
    }
  }

  /** Reads the files again. */
  reload(): void {
    try {
      this.access.change(this.#rules());
      this.#log.write("info", "has read its files of secrets again");
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#log.write("error", `keeps what it had: ${error.message}`);
    }
  }

  #rules(): AccessRules {
    const { authFile } = this.#config;
    return { book: authFile === null ? null : readAuthFile(authFile), certificates: false };
  }
}
