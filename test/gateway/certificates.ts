/** Certificates for tests: authorities, and what they sign, as PEM. */
import type { JsonGeneralNames } from "@peculiar/x509";
import "./reflect_metadata.ts";

// Behind what it needs: Bun runs a module of CommonJS before those that stand before it.
const x509 = await import("@peculiar/x509");

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Signs certificates. */
export class Authority {
  readonly pem: string;
  readonly #name: string;
  readonly #keys: CryptoKeyPair;
  #serial = 1;

  private constructor(name: string, keys: CryptoKeyPair, pem: string) {
    this.#name = name;
    this.#keys = keys;
    this.pem = pem;
  }

  static async make(name: string): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: "01", name: `CN=${name}`, ...validity(), signingAlgorithm: ALGORITHM, keys,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)],
    });
    return new Authority(name, keys, certificate.toString("pem"));
  }

  /** A certificate of `name`, with these alternative names. */
  async sign(name: string, alternatives: JsonGeneralNames = []): Promise<Pem> {
    const keys = await newKeys();
    this.#serial += 1;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.#serial.toString(16).padStart(4, "0"), subject: [{ CN: [name] }], issuer: `CN=${this.#name}`, ...validity(),
      signingAlgorithm: ALGORITHM, publicKey: keys.publicKey, signingKey: this.#keys.privateKey,
      extensions: alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)],
    });
    const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END PRIVATE KEY-----\n`;
    return { cert: `${certificate.toString("pem")}\n`, key };
  }

  /** That of the node `id` on this machine. */
  node(id: string): Promise<Pem> {
    return this.sign(`node ${id}`, [{ type: "url", value: `draft-node:${id}` }, { type: "dns", value: "localhost" }, { type: "ip", value: "127.0.0.1" }]);
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
}
