/**
 * The file that `--auth-file` names: who may ask this cluster what. Of tokens it holds digests alone, so whoever gets to
 * see it cannot ask anything by it.
 *
 * ```toml
 * [[token]]
 * name = "ci"                      # as the log and other people call its holder
 * sha256 = "9f86d0…"               # of the token, 64 hexadecimal digits
 * roles = ["write"]                # read, write (includes read), admin (includes all)
 * keys = "build/"                  # left out: all keys
 *
 * [[certificate]]
 * name = "alice"                   # the common name, or one of the alternative names, of a client's certificate
 * roles = ["admin"]
 * ```
 */
import { parse, TomlError } from "smol-toml";
import { DraftError } from "../../base/errors.ts";
import { readPrivateFile } from "../../host/node_secret.ts";
import { type Principal, type Role, ROLES } from "./principal.ts";

const FILE_BYTES_MAX = 1024 * 1024;
const ENTRIES_MAX = 10_000;
const NAME_CHARACTERS_MAX = 128;
const KEYS_CHARACTERS_MAX = 1024;

/** A token that is known by its digest. */
export interface KnownToken {
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
  readonly principal: Principal;
}

/** What an auth file says. */
export interface AuthBook {
  readonly tokens: readonly KnownToken[];
  /** By the name in the certificate. */
  readonly certificates: ReadonlyMap<string, Principal>;
}

/**
 * What the file at `path` says.
 *
 * @throws DraftError BAD_CONFIG
 */
export function readAuthFile(path: string): AuthBook {
  const content = readPrivateFile(path, FILE_BYTES_MAX);
  if (typeof content === "string") throw bad(`--auth-file "${path}": ${content}`);
  return authBookFrom(content, path);
}

/**
 * What `content` says.
 *
 * @param path for messages
 * @throws DraftError BAD_CONFIG
 */
export function authBookFrom(content: Uint8Array, path: string): AuthBook {
  const where = `--auth-file "${path}"`;
  const { token = [], certificate = [], ...others } = tomlIn(content, where);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw bad(`${where}: "${unknown}" is not known: want [[token]] and [[certificate]]`);
  const tokens = tablesOf(token, "token", where).map((table, at): KnownToken => {
    const place = `${where}: [[token]] ${at + 1}`;
    const principal = principalOf(table, ["name", "sha256", "roles", "keys"], place);
    return { digest: digestIn(table["sha256"], place), principal };
  });
  const certificates = new Map<string, Principal>();
  for (const [at, table] of tablesOf(certificate, "certificate", where).entries()) {
    const place = `${where}: [[certificate]] ${at + 1}`;
    const principal = principalOf(table, ["name", "roles", "keys"], place);
    if (certificates.has(principal.name)) throw bad(`${place}: "${principal.name}" stands there twice`);
    certificates.set(principal.name, principal);
  }
  const names = new Set(tokens.map(({ principal }) => principal.name));
  if (names.size < tokens.length) throw bad(`${where}: a name of a token stands there twice: whose is it?`);
  if (tokens.length + certificates.size === 0) throw bad(`${where} names nobody: draft admin token NAME prints an entry`);
  return { tokens, certificates };
}

function tomlIn(content: Uint8Array, where: string): Record<string, unknown> {
  try {
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (error) {
    if (error instanceof TomlError) throw bad(`${where}, line ${error.line}, column ${error.column}: this is no TOML`);
    if (error instanceof TypeError) throw bad(`${where} is no text: want TOML in UTF-8`);
    // What engines make of lists that are nested too deep.
    if (error instanceof RangeError) throw bad(`${where} is nested too deep`);
    throw error;
  }
}

function tablesOf(value: unknown, name: string, where: string): readonly Record<string, unknown>[] {
  const isTables = Array.isArray(value) && value.every((each) => typeof each === "object" && each !== null && !Array.isArray(each));
  if (!isTables) throw bad(`${where}: "${name}" is no table: write [[${name}]]`);
  if (value.length > ENTRIES_MAX) throw bad(`${where} has ${value.length} of [[${name}]]: want at most ${ENTRIES_MAX}`);
  return value as readonly Record<string, unknown>[];
}

function principalOf(table: Record<string, unknown>, known: readonly string[], place: string): Principal {
  const unknown = Object.keys(table).find((key) => !known.includes(key));
  if (unknown !== undefined) throw bad(`${place}: "${unknown}" is not known: want ${known.join(", ")}`);
  const { name, roles, keys } = table;
  if (typeof name !== "string" || name === "" || name.length > NAME_CHARACTERS_MAX) throw bad(`${place}: name must be a text of 1 to ${NAME_CHARACTERS_MAX} characters`);
  const role = highest(roles);
  if (role === null) throw bad(`${place}: roles must be a list of ${ROLES.join(", ")}, as ["read"]`);
  if (keys !== undefined && (typeof keys !== "string" || keys.length > KEYS_CHARACTERS_MAX)) throw bad(`${place}: keys must be a text that keys begin with`);
  if (keys !== undefined && role === "admin") throw bad(`${place}: the role admin includes all keys: leave keys out, or give it the role write`);
  return { name, role, keys: keys ?? null, isNode: false };
}

function highest(roles: unknown): Role | null {
  if (!Array.isArray(roles) || !roles.every((each): each is Role => (ROLES as readonly unknown[]).includes(each))) return null;
  return ROLES.findLast((role) => roles.includes(role)) ?? null;
}

function digestIn(value: unknown, place: string): Uint8Array {
  if (typeof value !== "string" || !/^[0-9a-fA-F]{64}$/.test(value)) throw bad(`${place}: sha256 must be 64 hexadecimal digits: draft admin token NAME prints them`);
  return Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(value.slice(2 * at, 2 * at + 2), 16));
}

function bad(message: string): DraftError {
  return new DraftError("BAD_CONFIG", message);
}
