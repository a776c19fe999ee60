/** `draft admin token`: draws a token, and prints it and what an auth file says of it. Asks no cluster. */
import { randomBytes } from "node:crypto";
import { hexOf } from "../base/bytes.ts";
import { digestOf } from "../host/node_secret.ts";
import { ROLES } from "../gateway/auth/principal.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, UsageError } from "./leaf.ts";

/** 256 bits: nobody guesses them, so their digest need not be a slow one. */
const TOKEN_BYTES = 32;

/** Tells what it is wherever it turns up. */
const TOKEN_PREFIX = "draft_";

const NAME_CHARACTERS_MAX = 128;

export const tokenLeaf: Leaf = {
  words: ["admin", "token"],
  usage: "NAME",
  summary: "draws a token for NAME and prints it, and the entry for --auth-file, which holds its digest alone; asks no cluster",
  options: [
    { raw: "--role <role>", description: "read, write (includes read) or admin (includes all)", default: "read" },
    { raw: "--keys <prefix>", description: "what the keys begin with that it may use", default: "all keys" },
    { raw: "--json", description: "answer with one line of JSON" },
  ],
  positionals: { min: 1, max: 1 },
  examples: ["draft admin token ci --role write --keys build/", "draft admin token ops --role admin"],
  run: ({ options, positionals: [name = ""] }, io) => Promise.resolve(printToken(name, options, io)),
};

function printToken(name: string, options: Options, io: Io): number {
  if (name === "" || name.length > NAME_CHARACTERS_MAX) throw new UsageError(`NAME has ${name.length} characters: wants 1 to ${NAME_CHARACTERS_MAX}`);
  const role = options.choice("role", ["read", "write", "admin"]);
  const keys = options.text("keys");
  if (keys !== undefined && role === ROLES.at(-1)) throw new UsageError("--keys: the role admin includes all keys");
  const token = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString("base64url")}`;
  const sha256 = hexOf(digestOf(token));
  // What JSON writes of a text TOML reads as the same.
  const lines = ["[[token]]", `name = ${JSON.stringify(name)}`, `sha256 = "${sha256}"`, `roles = ["${role}"]`, ...(keys === undefined ? [] : [`keys = ${JSON.stringify(keys)}`])];
  const entry = lines.join("\n");
  if (options.has("json")) io.out(JSON.stringify({ result: { token, entry }, index: 0 }));
  else {
    io.out(token);
    io.out(`\n${entry}`);
    io.err("the token is shown this once: give it to its holder, and the entry to the --auth-file of every node, then kill -HUP them");
  }
  return 0;
}
