/** Who a client says that it is. Nobody has to prove it yet: this answers as a Redis that has no password. */

/** A name and what proves it, as AUTH and HELLO bring them. */
export interface Credentials {
  /** Null: AUTH with a password alone. */
  readonly user: string | null;
  readonly password: string;
}

const DEFAULT_USER = "default";

/** The line of an error; "" if the client is who it says. */
export function refusalOf({ user }: Credentials): string {
  if (user === null) return "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
  return user === DEFAULT_USER ? "" : "WRONGPASS invalid username-password pair or user is disabled.";
}
