/**
 * The machine `lock`: locks with leases by log time, and a line of those who wait. A lock is a row in a table: its value
 * is the owner, its expiry the lease, and its revision, the index of the entry that granted it, the fencing token. So
 * tokens grow with each grant and none is given twice; and renewing, which moves the expiry alone, changes nothing else.
 */
import { int, optional, text, where } from "../../src/machine/arguments.ts";
import type { RequiredArgument } from "../../src/machine/arguments.ts";
import { defineMachineOn } from "../../src/machine/define_tables.ts";
import type { DefinedTableMachine } from "../../src/machine/define_tables.ts";
import { earlier } from "../../src/machine/earlier.ts";
import type { Entry } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import type { Row } from "../../src/machine/table_rows.ts";
import { inLine, leave, newLine, stand } from "./line.ts";
import type { Line } from "./line.ts";
import type { HeldLock, LockGranted, LockMethods, LockRefused } from "./methods.ts";

/** Locks that are held, at most. */
const LOCKS_MAX = 100_000;

const NAME_MAX = 256;
const DAY_MS = 86_400_000;
const LIMIT = 100;
const LIMIT_MAX = 10_000;

/** Who holds which lock, and who waits. */
type State = Line & { readonly held: Table<string> };

/** A name of locks or owners. Without control characters: the line's keys have one between lock and owner. */
function named(name: string): RequiredArgument<string> {
  const wanted = `1 to ${NAME_MAX} characters, none of them a control character`;
  return where(text(name), wanted, (given) => given !== "" && given.length <= NAME_MAX && !/\p{Cc}/u.test(given));
}

function ms(name: string, from: number): RequiredArgument<number> {
  return where(int(name), `milliseconds from ${from} to ${DAY_MS}`, (given) => given >= from && given <= DAY_MS);
}

function limited(): RequiredArgument<number> {
  return where(int("limit"), `a whole number from 1 to ${LIMIT_MAX}`, (given) => given >= 1 && given <= LIMIT_MAX);
}

function shown({ key, value, revision, expiresAtMs }: Row<string>): HeldLock {
  return { name: key, owner: value, token: revision, expiresAtMs };
}

function grant(state: State, entry: Entry, name: string, owner: string, expiresAtMs: number): LockGranted {
  if (state.held.size >= LOCKS_MAX) throw entry.reject(`${LOCKS_MAX} locks are held already: release some`);
  leave(state, name, owner);
  state.held.set(name, owner, expiresAtMs);
  return { granted: true, token: entry.index, expiresAtMs };
}

/** Whoever holds the lock keeps it, token and all: the answer of an earlier try may have been lost. */
function acquire(state: State, entry: Entry, name: string, owner: string, ttlMs: number, waitMs: number): LockGranted | LockRefused {
  const expiresAtMs = entry.timeMs + ttlMs;
  const holder = state.held.row(name);
  if (holder?.value === owner) {
    state.held.expire(name, expiresAtMs);
    return { granted: true, token: holder.revision, expiresAtMs };
  }
  // A lock that is free is for the first in the line: nobody overtakes whoever waits.
  const first = holder ?? inLine(state, name, 1)[0];
  if (first === undefined || first.value === owner) return grant(state, entry, name, owner, expiresAtMs);
  if (waitMs > 0) stand(state, name, owner, entry.timeMs + waitMs, entry);
  return { granted: false, owner: first.value, token: holder?.revision ?? 0, expiresAtMs: first.expiresAtMs };
}

/** @throws what `entry.reject` makes, if the lock is not held under `token` */
function renew({ held }: State, entry: Entry, name: string, token: number, ttlMs: number): number {
  const holder = held.row(name);
  if (holder?.revision !== token) {
    const now = holder === undefined ? "nobody holds it" : `'${holder.value}' holds it under token ${holder.revision}`;
    throw entry.reject(`lock '${name}' is no longer held under token ${token}: ${now}`, "CONFLICT");
  }
  held.expire(name, entry.timeMs + ttlMs);
  return entry.timeMs + ttlMs;
}

/** The plugin, and its operations as methods of a client: `client.as(lock)`. */
export type Lock = DefinedTableMachine<LockMethods>;

const lock: Lock = defineMachineOn({
  name: "lock",
  version: 1,
  tables: (): State => ({ held: new Table(), ...newLine() }),
  writes: {
    acquire: {
      args: [named("name"), named("owner"), ms("ttlMs", 1), optional(ms("waitMs", 0))],
      summary: "gets a lock for so long → token; if another has it, stands in line that long",
      run: (state, entry, name, owner, ttlMs, waitMs = 0) => acquire(state, entry, name, owner, ttlMs, waitMs),
    },
    renew: {
      args: [named("name"), int("token"), ms("ttlMs", 1)],
      summary: "keeps a lock for so long from now → when it expires",
      run: renew,
    },
    release: {
      args: [named("name"), int("token")],
      frees: true,
      summary: "gives a lock back → whether it was held under this token",
      run: ({ held }, _, name, token) => held.row(name)?.revision === token && held.delete(name),
    },
    leave: {
      args: [named("name"), named("owner")],
      frees: true,
      summary: "gives back what an owner has of a lock, the lock or its place in the line",
      run(state, _, name, owner) {
        const isHolder = state.held.get(name) === owner && state.held.delete(name);
        return leave(state, name, owner) || isHolder;
      },
    },
  },
  reads: {
    get: {
      args: [named("name")],
      summary: "who holds a lock, under which token and until when, or nil",
      run({ held }, _, name) {
        const row = held.row(name);
        return row === undefined ? null : shown(row);
      },
    },
    list: {
      args: [optional(text("prefix")), optional(limited()), optional(text("after"))],
      summary: "the locks that are held, by name, 100 unless told",
      run: ({ held }, _, prefix = "", limit = LIMIT, after) =>
        held.list({ prefix, limit, ...(after === undefined ? {} : { after }) }).map(shown),
    },
    line: {
      args: [named("name"), optional(limited())],
      summary: "who waits for a lock, in their order, 100 unless told",
      run: (state, _, name, limit = LIMIT) => inLine(state, name, limit).map(({ value, expiresAtMs }) => ({ owner: value, expiresAtMs })),
    },
  },
  // Few locks and owners, leases that end soon; tokens that were given, and some that may have been.
  generate(random) {
    const below = (end: number): number => Math.floor(random() * end);
    const name = `lock${below(2)}`;
    const owner = `owner${below(4)}`;
    const token = below(4) === 0 ? 1 + below(200) : earlier("acquire", "token", 1);
    const ttlMs = [20, 200, 2000][below(3)]!;
    const drawn = below(20);
    if (drawn < 9) return ["acquire", name, owner, ttlMs, below(2) * 300];
    if (drawn < 12) return ["leave", name, owner];
    if (drawn < 14) return ["renew", name, token, ttlMs];
    if (drawn < 16) return ["release", name, token];
    return drawn < 18 ? ["get", name] : drawn < 19 ? ["line", name] : ["list"];
  },
});
export default lock;
