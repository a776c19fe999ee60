/** Draws what the clients of a run ask. */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import type { ReadLevel } from "../node/node_api.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { drawCommand, isRead } from "./plugin_commands.ts";
import { type PlannedOperation, REVISION, type Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

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
}

/**
 * The requests of all clients, client by client.
 *
 * @param plugin the machine that is asked; null: kv, of which clients know what to ask
 */
export function drawOperations(seed: number, settings: Settings, plugin: AnyPlugin | null = null): PlannedOperation[] {
  const shared = streamOf(seed, "load");
  const everyMs = pick(shared, [2, 10, 30, 100]);
  const keys = nextInRange(shared, 1, 10);
  const valueBytes = pick(shared, [0, 0, 30, 300]);
  const expiring = nextFloat(shared) < 0.4;
  const perClient = Math.min(Math.ceil(settings.safetyMs / everyMs), Math.floor(OPERATIONS_MAX / settings.clients));
  const operations: PlannedOperation[] = [];
  for (let client = 1; client <= settings.clients; client++) {
    const draw: Draw = { random: streamOf(seed, `client ${client}`), client, keys, valueBytes, count: 0 };
    // Some clients always ask the same node, some do not wait for answers, some go away.
    const home = nextFloat(draw.random) < 0.5 ? nextInRange(draw.random, 1, settings.nodes) : 0;
    const hurries = nextFloat(draw.random) < 0.2;
    const impatient = nextFloat(draw.random) < 0.2;
    for (let i = 0; i < perClient; i++) {
      operations.push(drawOperation(draw, settings, { everyMs, home, hurries, impatient, expiring, plugin }));
    }
  }
  return operations;
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
    command: own ?? (reads ? drawRead(draw) : drawWrite(draw, habits.expiring)),
    level: reads ? pick<ReadLevel>(random, ["linearizable", "linearizable", "linearizable", "lease", "stale"]) : null,
    readsOwn: nextFloat(random) < 0.2,
    timeoutMs: pick(random, [100, 600, 2000, 5000]),
    patienceMs: habits.impatient && nextFloat(random) < 0.2 ? nextInRange(random, 1, 300) : 0,
  };
}

function drawRead(draw: Draw): PlannedCommand {
  const { random, keys } = draw;
  const key = register(draw);
  switch (nextInRange(random, 0, 7)) {
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
  if (expiring && nextInRange(random, 0, 4) === 0) {
    return ["set", `t${nextInRange(random, 0, 3)}`, value(draw), "px", nextInRange(random, 20, 1500)];
  }
  switch (nextInRange(random, 0, 12)) {
    case 0: return ["del", key];
    case 1:
    case 2: return ["cas", key, REVISION, value(draw)];
    case 3:
    case 4: return ["incr", counter(draw)];
    case 5: return ["delex", counter(draw), "IFEQ", nextInRange(random, 1, 5)];
    case 6: return ["append", key, value(draw)];
    case 7: return drawTxn(draw, key);
    default: return ["set", key, value(draw)];
  }
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
