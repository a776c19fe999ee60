/** What an auth file may say, and who may do what by it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { DraftError } from "../../mod.ts";
import { Access } from "../../src/gateway/auth/access.ts";
import { authBookFrom, readAuthFile } from "../../src/gateway/auth/auth_file.ts";
import { type Principal, refusalOf } from "../../src/gateway/auth/principal.ts";
import type { Command } from "../../src/machine/machine.ts";
import { authFile, Guarded, TOKENS } from "./auth_rig.ts";
import { chmodSync } from "node:fs";

const test = suite("auth file");

const SHA = "a".repeat(64);

function refused(text: string): string {
  try {
    authBookFrom(new TextEncoder().encode(text), "auth.toml");
  } catch (error) {
    if (error instanceof DraftError && error.code === "BAD_CONFIG") return error.message;
    throw error;
  }
  throw new Error(`it was taken: ${text}`);
}

test("authBookFrom() takes the highest of several roles", () => {
  const { tokens, certificates } = authBookFrom(new TextEncoder().encode(`
    [[token]]
    name = "x"
    sha256 = "${SHA}"
    roles = ["read", "admin", "write"]
    [[certificate]]
    name = "alice"
    roles = ["write"]
    keys = "a/"
  `), "auth.toml");
  assert.equal(tokens, [{ digest: new Uint8Array(32).fill(0xaa), principal: { name: "x", role: "admin", keys: null, isNode: false } }]);
  assert.equal(certificates.get("alice"), { name: "alice", role: "write", keys: "a/", isNode: false });
});

test("authBookFrom() says what is wrong, and where", () => {
  const token = (rest: string): string => `[[token]]\n${rest}`;
  assert.match(refused("[[token]"), /line 1, column \d+: this is no TOML/);
  assert.match(refused("\u0000"), /no TOML/);
  assert.match(refused(""), /names nobody/);
  assert.match(refused("tokens = []"), /"tokens" is not known/);
  assert.match(refused('token = "x"'), /write \[\[token\]\]/);
  assert.match(refused(token(`sha256 = "${SHA}"\nroles = ["read"]`)), /\[\[token\]\] 1: name must be/);
  assert.match(refused(token(`name = "x"\nroles = ["read"]`)), /sha256 must be 64/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}0"\nroles = ["read"]`)), /sha256 must be 64/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}"`)), /roles must be a list/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}"\nroles = []`)), /roles must be a list/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}"\nroles = ["root"]`)), /roles must be a list/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}"\nroles = ["read"]\nrole = 1`)), /"role" is not known/);
  assert.match(refused(token(`name = "x"\nsha256 = "${SHA}"\nroles = ["admin"]\nkeys = "a/"`)), /admin includes all keys/);
  const twice = token(`name = "x"\nsha256 = "${SHA}"\nroles = ["read"]\n`);
  assert.match(refused(twice + twice), /stands there twice/);
});

test("readAuthFile() refuses a file that others can read", () => {
  const guarded = new Guarded();
  const path = guarded.secret("auth.toml", authFile());
  assert.is(readAuthFile(path).tokens.length, 4);
  chmodSync(path, 0o644);
  assert.throws(() => readAuthFile(path), (error: Error) => error instanceof DraftError && error.exitCode === 14 && /chmod 600/.test(error.message));
  return guarded.stop();
});

test("a login is whom its token says, and nobody once the token is not known any more", () => {
  const book = authBookFrom(new TextEncoder().encode(authFile()), "auth.toml");
  const access = new Access({ book, certificates: false });
  const login = access.login(null);
  assert.match(String((login.principal as DraftError).message), /has to say who they are/);
  login.withToken(TOKENS.writer);
  assert.is((login.principal as Principal).name, "writer");
  login.withToken(`${TOKENS.writer} `);
  assert.is((login.principal as DraftError).code, "UNAUTHORIZED");
  login.withToken(TOKENS.writer);
  access.change({ book: authBookFrom(new TextEncoder().encode(authFile(["reader"])), "auth.toml"), certificates: false });
  assert.is((login.principal as DraftError).code, "UNAUTHORIZED");
});

test("a certificate is whom the file names by one of its names; without a file any that is valid may do all", () => {
  const book = authBookFrom(new TextEncoder().encode('[[certificate]]\nname = "alice.example"\nroles = ["read"]'), "auth.toml");
  const peer = { names: ["alice", "alice.example"], nodeIds: [] };
  assert.is((new Access({ book, certificates: true }).login(peer).principal as Principal).role, "read");
  assert.is((new Access({ book, certificates: true }).login({ ...peer, names: ["bob"] }).principal as DraftError).code, "UNAUTHORIZED");
  assert.is((new Access({ book: null, certificates: true }).login(peer).principal as Principal).role, "admin");
  assert.is((new Access({ book: null, certificates: true }).login(null).principal as DraftError).code, "UNAUTHORIZED");
});

test("refusalOf() compares roles, and keys by their bytes", () => {
  const who = (role: Principal["role"], keys: string | null = null): Principal => ({ name: "x", role, keys, isNode: false });
  const code = (principal: Principal, role: Principal["role"], scope: Parameters<typeof refusalOf>[2]): string => refusalOf(principal, role, scope, "it")?.code ?? "may";
  assert.is(code(who("read"), "read", "nothing"), "may");
  assert.is(code(who("read"), "write", "nothing"), "FORBIDDEN");
  assert.is(code(who("write"), "admin", "nothing"), "FORBIDDEN");
  assert.is(code(who("admin"), "read", null), "may");
  assert.is(code(who("write", "é/"), "write", { keys: ["é/x", new TextEncoder().encode("é/y")] }), "may");
  assert.is(code(who("write", "é/"), "write", { keys: ["é/x", "e/x"] }), "FORBIDDEN");
  assert.is(code(who("write", "a/"), "write", { keys: [7] }), "FORBIDDEN");
  assert.is(code(who("write", "a/"), "read", { prefixes: ["a"] }), "FORBIDDEN");
  assert.is(code(who("write", "a/"), "read", { prefixes: ["a/b"] }), "may");
  assert.is(code(who("write", "a/"), "read", null), "FORBIDDEN");
});

test("the operations of kv tell which keys they touch, but for those of which nobody can tell", () => {
  const touched = (...command: Command): unknown => kv.operations[command[0]]?.touches?.(command) ?? null;
  assert.equal(touched("set", "a", "b", "EX", 5), { keys: ["a"] });
  assert.equal(touched("del", "a", "b"), { keys: ["a", "b"] });
  assert.equal(touched("mset", "a", 1, "b", 2), { keys: ["a", "b"] });
  assert.equal(touched("list", "LIMIT", "5"), { prefixes: [""] });
  assert.equal(touched("list", "LIMIT", "LIMIT", "5"), { prefixes: ["LIMIT"] });
  assert.equal(touched("txn", '[["exists","x"]]', [["set", "a", 1], ["list", "p/"]], "[]"), { keys: ["x", "a"], prefixes: ["p/"] });
  assert.is(touched("txn", "[]", [["flushall"]], "[]"), null);
  for (const unknown of ["flushall", "dbsize", "keys", "scan"]) assert.is(touched(unknown, "a"), null, unknown);
  const told = Object.entries(kv.operations).filter(([, row]) => row.touches === undefined).map(([name]) => name);
  assert.equal(told.toSorted(), ["dbsize", "flushall", "keys", "scan"]);
});

test.run();
