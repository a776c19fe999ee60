/** The settings by which those who speak with a node prove who they are, and what has to be there beyond loopback. */
import { DraftError } from "../base/errors.ts";

/** Files of PEM. */
export interface TlsFiles {
  /** The node's own certificate, what leads to its authority behind it, and its key. */
  readonly cert: string;
  readonly key: string;
  /** Who signs clients' certificates, and nodes' unless `peerCa` is given; null: nobody. */
  readonly ca: string | null;
  /** Who signs nodes' certificates; null: `ca`. */
  readonly peerCa: string | null;
  /** Whether whoever connects must show a certificate. */
  readonly clientAuth: boolean;
}

/** How nodes and clients prove who they are. */
export interface ProofConfig {
  /** File with what nodes prove to each other that they know; null: none. */
  readonly peerSecretFile: string | null;
  /** File that says who may ask what; null: anybody may ask anything. */
  readonly authFile: string | null;
  /** Null: the port is plain. */
  readonly tls: TlsFiles | null;
}

/** Settings as texts, by the names of their flags. */
interface Texts {
  text(name: string): string | undefined;
  has(name: string): boolean;
}

/** @throws DraftError BAD_CONFIG */
export function parseProofs(raw: Texts): ProofConfig {
  return { peerSecretFile: raw.text("peer-secret-file") ?? null, authFile: raw.text("auth-file") ?? null, tls: parseTls(raw) };
}

function parseTls(raw: Texts): TlsFiles | null {
  const [cert = null, key = null, ca = null, peerCa = null] = ["tls-cert", "tls-key", "tls-ca", "tls-peer-ca"].map((name) => raw.text(name));
  const clientAuth = raw.has("tls-client-auth");
  if (cert === null && key === null && ca === null && peerCa === null && !clientAuth) return null;
  if (cert === null || key === null) throw bad(`${cert === null ? "--tls-cert" : "--tls-key"} is missing: TLS needs the node's own certificate and its key`);
  if (clientAuth && ca === null) throw bad("--tls-ca is missing: --tls-client-auth needs to know who signs clients' certificates");
  return { cert, key, ca, peerCa, clientAuth };
}

/** Whether nodes prove themselves by certificates: where an authority of their own is named, or nothing else proves them. */
export function provesByCertificate({ peerSecretFile, tls }: ProofConfig): boolean {
  return tls !== null && (tls.peerCa !== null || (tls.ca !== null && peerSecretFile === null));
}

/** What is missing where others than this machine reach the port, with the flags that bring it; empty: nothing. */
export function missingProofs(config: ProofConfig): string {
  const { authFile, peerSecretFile, tls } = config;
  const arePeersProved = peerSecretFile !== null || provesByCertificate(config);
  const areClientsProved = tls?.clientAuth === true || (authFile !== null && tls !== null);
  return [
    ...(arePeersProved ? [] : ["nodes have to prove who they are: add --peer-secret-file, or --tls-cert, --tls-key and --tls-peer-ca"]),
    ...(areClientsProved ? [] : [authFile === null ? "clients have to: add --tls-cert, --tls-key and --auth-file, or these two, --tls-ca and --tls-client-auth" : "tokens of --auth-file need TLS: add --tls-cert and --tls-key"]),
  ].join("; ");
}

function bad(message: string): DraftError {
  return new DraftError("BAD_CONFIG", `${message}: draft serve --help`);
}
