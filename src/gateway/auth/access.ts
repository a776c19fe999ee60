/**
 * Who may ask this node, and how they say who they are: by a token, or by the certificate that opened their connection.
 * What is known of them may change while they are connected, so doors keep a {@link Login} and ask it each time.
 */
import { DraftError } from "../../base/errors.ts";
import type { SocketPeer } from "../../host/host.ts";
import { digestOf, isSameProof } from "../../host/node_secret.ts";
import type { AuthBook } from "./auth_file.ts";
import { ANYONE, type Principal } from "./principal.ts";

/** What is asked of those who ask. */
export interface AccessRules {
  /** Whom the auth file names; null without one. */
  readonly book: AuthBook | null;
  /** Whether a client's certificate is asked for. Without an auth file any that is valid may do all. */
  readonly certificates: boolean;
}

/** The longest token that is looked at. */
const TOKEN_CHARACTERS_MAX = 1024;

const HOW = "draft client --token-file FILE, HTTP's Authorization: Bearer TOKEN, Redis's AUTH TOKEN";

/** Decides who somebody is. */
export class Access {
  #rules: AccessRules;
  #generation = 0;

  constructor(rules: AccessRules = { book: null, certificates: false }) {
    this.#rules = rules;
  }

  /** Whether somebody has to say who they are. */
  get isRequired(): boolean {
    return this.#rules.book !== null || this.#rules.certificates;
  }

  /** Use: rises whenever those who were known may not be any more. */
  get generation(): number {
    return this.#generation;
  }

  /** From now on these count, for connections that are open, too. */
  change(rules: AccessRules): void {
    this.#rules = rules;
    this.#generation += 1;
  }

  /** Somebody connected, over TLS with this certificate if they showed one that is valid. */
  login(peer: SocketPeer | null): Login {
    return new Login(this, peer);
  }

  /** Who holds `token`, in a time that tells nothing of any token that is known; null if nobody does. */
  holderOf(token: string): Principal | null {
    const digest = digestOf(token.slice(0, TOKEN_CHARACTERS_MAX));
    let found: Principal | null = null;
    for (const known of this.#rules.book?.tokens ?? []) if (isSameProof(known.digest, digest)) found = known.principal;
    return found;
  }

  /** Whose certificate this is; null if that of nobody who is known here. */
  ownerOf({ names }: SocketPeer): Principal | null {
    const { book, certificates } = this.#rules;
    if (book !== null) return names.map((name) => book.certificates.get(name)).find((each) => each !== undefined) ?? null;
    return certificates ? { ...ANYONE, name: names[0] ?? "a certificate without a name" } : null;
  }
}

/** One connection's claim to be somebody. */
export class Login {
  readonly #access: Access;
  readonly #peer: SocketPeer | null;
  #token: string | null = null;
  #node: Principal | null = null;
  #known: Principal | null = null;
  #generation = -1;

  constructor(access: Access, peer: SocketPeer | null) {
    this.#access = access;
    this.#peer = peer;
  }

  /** Says by a token who it is, from now on; null takes that back. A token counts before a certificate. */
  withToken(token: string | null): void {
    this.#token = token;
    this.#generation = -1;
  }

  /** It has proved to be the node `nodeId`. */
  asNode(nodeId: string): void {
    this.#node = { name: `node ${nodeId}`, role: "admin", keys: null, isNode: true };
  }

  /** Who it is; or UNAUTHORIZED. */
  get principal(): Principal | DraftError {
    if (this.#node !== null) return this.#node;
    if (!this.#access.isRequired) return ANYONE;
    if (this.#generation !== this.#access.generation) {
      this.#known = this.#look();
      this.#generation = this.#access.generation;
    }
    if (this.#known !== null) return this.#known;
    const isWrong = this.#token !== null;
    return new DraftError("UNAUTHORIZED", isWrong ? "nobody here has that token: draft admin token NAME prints a new one, and its entry for --auth-file" : `who asks this node has to say who they are: ${HOW}`);
  }

  #look(): Principal | null {
    if (this.#token !== null) return this.#access.holderOf(this.#token);
    return this.#peer === null ? null : this.#access.ownerOf(this.#peer);
  }
}
