/** Who a client says that it is, by AUTH or HELLO, and what Redis would answer to that. */
import { DraftError } from "../../base/errors.ts";
import type { Login } from "../auth/access.ts";

/** A name and what proves it, as AUTH and HELLO bring them. */
export interface Credentials {
  /** Null: AUTH with a password alone. */
  readonly user: string | null;
  readonly password: string;
}

/** The user that clients name who were given a password alone. */
const DEFAULT_USER = "default";

const WRONG = "WRONGPASS invalid username-password pair or user is disabled.";

/** What a client may say before it has said who it is. */
const OPEN_COMMANDS: ReadonlySet<string> = new Set(["auth", "hello", "quit", "reset"]);

/** Who a connection is, by a token given as its password; what was proved before stays until something else is. */
export class RespLogin {
  readonly #login: Login;
  readonly #isRequired: () => boolean;
  #token: string | null = null;

  constructor(login: Login, isRequired: () => boolean) {
    this.#login = login;
    this.#isRequired = isRequired;
  }

  get principal(): Login["principal"] {
    return this.#login.principal;
  }

  /** Whether it is known who asks, if that has to be known. */
  get isProved(): boolean {
    return !(this.principal instanceof DraftError);
  }

  /** As the auth file calls who it is; "" while nobody has to say who they are, or has not. */
  get name(): string {
    const { principal } = this;
    return principal instanceof DraftError ? "" : principal.name;
  }

  /** Why the command `name` is not taken yet, as the line of an error; "" if it is. */
  refusalOf(name: string): string {
    if (this.isProved || OPEN_COMMANDS.has(name)) return "";
    return "NOAUTH Authentication required.";
  }

  /** Takes `credentials`; the line of an error if they prove nothing. */
  prove({ user, password }: Credentials): string {
    if (!this.#isRequired()) {
      if (user === null) return "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
      return user === DEFAULT_USER ? "" : WRONG;
    }
    this.#login.withToken(password);
    const { principal } = this;
    const isProved = !(principal instanceof DraftError) && (user === null || user === DEFAULT_USER || user === principal.name);
    if (isProved) this.#token = password;
    else this.#login.withToken(this.#token);
    return isProved ? "" : WRONG;
  }

  /** Forgets what was proved. */
  forget(): void {
    this.#token = null;
    this.#login.withToken(null);
  }
}
