/** Draws what the clients of a run ask. */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import type { ReadLevel } from "../node/node_api.ts";
import { drawCommand, isRead } from "../machine/draw_command.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { DEPOSED } from "./features.ts";
import { type PlannedOperation, REVISION, type Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";
import { withTallies } from "./version_plan.ts";

/** A run has no more requests than this: whoever checks their order has to look at all of them. */
const OPERATIONS_MAX = 4000;

type PlannedCommand = PlannedOperation["command"];

/** What a client draws from. */
interface Draw {
  readonly random: RandomState;
  readonly client: number;
  readonly keys: number;
  readonly valueBytes: number;
  /** Counts this client's requests: with its number that makes each value unlike every other. */
  count: number;
  /** By key: the value that this client wrote last. */
  readonly last: Map<string, string>;
}

/**
 * The requests of all clients, client by client.
 *
 * @param plugin the machine that is asked; null: kv, of which clients know what to ask
 */
export function drawOperations(seed: number, settings: Settings, plugin: AnyPlugin | null = null): PlannedOperation[] {
  const shared = streamOf(seed, "load");
  const everyMs = pick(shared, [2, 5, 10, 20]);
  const keys = nextInRange(shared, 1, 10);
  const valueBytes = pick(shared, [0, 0, 30, 300]);
  const expiring = nextFloat(shared) < 0.5;
  const perClient = Math.min(Math.ceil(settings.safetyMs / everyMs), Math.floor(OPERATIONS_MAX / settings.clients));
  const operations: PlannedOperation[] = [];
  for (let client = 1; client <= settings.clients; client++) {
    const draw: Draw = { random: streamOf(seed, `client ${client}`), client, keys, valueBytes, count: 0, last: new Map() };
    // Some clients always ask the same node, some do not wait for answers, some go away.
    const home = nextFloat(draw.random) < 0.5 ? nextInRange(draw.random, 1, settings.nodes) : 0;
    const hurries = nextFloat(draw.random) < (settings.features.includes(DEPOSED) ? 0.6 : 0.2);
    const impatient = nextFloat(draw.random) < 0.2;
    for (let i = 0; i < perClient; i++) {
      operations.push(drawOperation(draw, settings, { everyMs, home, hurries, impatient, expiring, plugin }));
    }
  }
  return settings.versions === undefined || plugin !== null ? operations : withTallies(seed, operations);
}

interface Habits {
  readonly everyMs: number;
  readonly home: number;
  readonly hurries: boolean;
  readonly impatient: boolean;
  readonly expiring: boolean;
  readonly plugin: AnyPlugin | null;
}

function drawOperation(draw: Draw, settings: Settings, habits: Habits): PlannedOperation {
  const { random, client } = draw;
  draw.count += 1;
  const { plugin } = habits;
  const own = plugin === null ? null : drawCommand(plugin, random) as PlannedCommand;
  const reads = plugin === null || own === null ? nextFloat(random) < 0.4 : isRead(plugin, own);
  return {
    id: `o${client}.${draw.count}`,
    client,
    waitMs: nextFloat(random) * 2 * habits.everyMs,
    waits: !habits.hurries,
    member: habits.home === 0 ? nextInRange(random, 1, settings.nodes) : habits.home,
    command: own ?? (reads ? drawRead(draw, habits.expiring) : drawWrite(draw, habits.expiring)),
    level: reads ? pick<ReadLevel>(random, ["linearizable", "linearizable", "linearizable", "lease", "stale"]) : null,
    readsOwn: nextFloat(random) < 0.2,
    timeoutMs: pick(random, [100, 100, 300, 600, 600, 2000, 5000]),
    patienceMs: habits.impatient && nextFloat(random) < 0.2 ? nextInRange(random, 1, 300) : 0,
  };
}

function drawRead(draw: Draw, expiring: boolean): PlannedCommand {
  const { random, keys } = draw;
  if (expiring && nextFloat(random) < 0.5) return drawTimedRead(draw);
  const key = register(draw);
  switch (nextInRange(random, 0, 9)) {
    case 8: return ["exists", key, counter(draw)];
    case 9: return ["strlen", key];
    case 0: return ["get", counter(draw)];
    case 1: return ["mget", ...Array.from({ length: Math.min(3, keys) }, (_, at) => `k${at}`)];
    case 2: return ["list", "k"];
    case 3:
    case 4: return ["getrev", key];
    default: return ["get", key];
  }
}

function drawWrite(draw: Draw, expiring: boolean): PlannedCommand {
  const { random } = draw;
  const key = register(draw);
  if (expiring && nextFloat(random) < 0.4) return drawTimedWrite(draw);
  switch (nextInRange(random, 0, 14)) {
    case 10: return ["append", key, value(draw)];
    case 11: return ["mset", key, value(draw), register(draw), value(draw)];
    case 12: return drawConditionalSet(draw, key);
    case 13: return ["delex", counter(draw), "IFEQ", nextInRange(random, 1, 5)];
    case 14: return drawTxn(draw, key);
    case 0: return ["del", key];
    case 1:
    case 2: return ["cas", key, REVISION, value(draw)];
    case 3:
    case 4: return ["incr", counter(draw)];
    default: return ["set", key, noted(draw, key)];
  }
}

function drawConditionalSet(draw: Draw, key: string): PlannedCommand {
  const wanted = draw.last.get(key) ?? "nothing";
  switch (nextInRange(draw.random, 0, 2)) {
    case 0: return ["set", key, noted(draw, key), "nx"];
    case 1: return ["set", key, noted(draw, key), "xx"];
    default: return ["set", key, noted(draw, key), "ifeq", wanted];
  }
}

/** Keys `t…` live as long as was said when they were set; of keys `p…` that is changed later, too. */
function timed({ random }: Draw): string {
  return `${nextInRange(random, 0, 2) === 0 ? "p" : "t"}${nextInRange(random, 0, 2)}`;
}

function drawTimedRead(draw: Draw): PlannedCommand {
  const key = timed(draw);
  switch (nextInRange(draw.random, 0, 6)) {
    case 0: return ["pttl", key];
    case 1: return ["mget", "t0", "t1", "t2"];
    case 2: return ["getrev", key];
    case 3: return ["exists", key];
    default: return ["get", key];
  }
}

function drawTimedWrite(draw: Draw): PlannedCommand {
  const { random } = draw;
  const key = timed(draw);
  const forMs = pick(random, [5, 10, 20, 60, 200, 1500]) + nextInRange(random, 0, 20);
  if (key.startsWith("p")) switch (nextInRange(random, 0, 5)) {
    case 0: return ["pexpire", key, forMs];
    case 1: return ["persist", key];
    case 2: return ["append", key, value(draw)];
    // None: gone at once.
    case 3: return ["expire", key, nextInRange(random, 0, 2)];
    default: break;
  }
  const condition = nextInRange(random, 0, 9);
  return ["set", key, value(draw), "px", forMs, ...(condition === 0 ? ["nx"] : condition === 1 ? ["xx"] : [])];
}

/** A new value that the client remembers to have written there. */
function noted(draw: Draw, key: string): string {
  const drawn = value(draw);
  draw.last.set(key, drawn);
  return drawn;
}

/** Moves one key's place to another, or makes the one: half of it would show. */
function drawTxn(draw: Draw, key: string): PlannedCommand {
  const other = register(draw);
  const then = [["get", key], ["set", other, value(draw)], ["del", key], ["incr", counter(draw)]];
  return ["txn", JSON.stringify([["exists", key]]), JSON.stringify(then), JSON.stringify([["set", key, value(draw)], ["get", other]])];
}

function register({ random, keys }: Draw): string {
  return `k${nextInRange(random, 0, keys - 1)}`;
}

function counter({ random }: Draw): string {
  return `n${nextInRange(random, 0, 1)}`;
}

function value({ client, count, valueBytes }: Draw): string {
  return `${client}.${count}`.padEnd(valueBytes, "x");
}
