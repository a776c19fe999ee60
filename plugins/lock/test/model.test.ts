/**
 * Random histories against a plain model. Three replicas run each: one as it is, one whose machine is restored from its
 * snapshot now and then, one that no time entry wakes; they must answer as the model and agree with one another. And in
 * every history a lock has one holder at a time, tokens grow, and whoever waits is served in its turn.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextFloat, nextInRange, seedRandom } from "../../../src/base/random.ts";
import { EarlierAnswers } from "../../../src/machine/earlier.ts";
import type { Command } from "../../../src/machine/machine.ts";
import { BEGIN_MS, Replicas } from "../../../test/machine/plugin_rig.ts";
import lock from "../lock.ts";
import { Exclusion } from "./exclusion.ts";

interface Held {
  readonly owner: string;
  readonly token: number;
  untilMs: number;
}

interface Waiter {
  readonly owner: string;
  untilMs: number;
}

/** What `lock` does, in few words: all expiry at once, a line is a list. */
class Model {
  index = 0;
  timeMs: number = BEGIN_MS;
  readonly held: Map<string, Held> = new Map();
  readonly lines: Map<string, Waiter[]> = new Map();

  run([operation, ...args]: Command): unknown {
    for (const [name, { untilMs }] of this.held) if (untilMs <= this.timeMs) this.held.delete(name);
    for (const [name, line] of this.lines) this.lines.set(name, line.filter(({ untilMs }) => untilMs > this.timeMs));
    const name = String(args[0]);
    const holder = this.held.get(name);
    const line = this.lines.get(name) ?? [];
    const endMs = this.timeMs + Number(args[2]);
    switch (operation) {
      case "acquire":
        return this.#acquire(name, String(args[1]), endMs, Number(args[3]));
      case "renew":
        if (holder === undefined || holder.token !== args[1]) return "CONFLICT";
        return (holder.untilMs = endMs);
      case "release":
        return holder?.token === args[1] && this.held.delete(name);
      case "leave":
        this.lines.set(name, line.filter(({ owner }) => owner !== args[1]));
        return (holder?.owner === args[1] && this.held.delete(name)) || this.lines.get(name)!.length < line.length;
      case "get":
        return holder === undefined ? null : shown(name, holder);
      case "list":
        return [...this.held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => shown(key, each));
      default:
        return line.map(({ owner, untilMs }) => ({ owner, expiresAtMs: untilMs }));
    }
  }

  #acquire(name: string, owner: string, untilMs: number, waitMs: number): unknown {
    const holder = this.held.get(name);
    const line = this.lines.get(name) ?? [];
    this.lines.set(name, line);
    const place = line.find((each) => each.owner === owner);
    if (holder?.owner === owner) holder.untilMs = untilMs;
    if (holder !== undefined ? holder.owner === owner : line.length === 0 || line[0] === place) {
      this.lines.set(name, line.filter((each) => each !== place));
      if (holder === undefined) this.held.set(name, { owner, token: this.index, untilMs });
      return { granted: true, token: holder?.token ?? this.index, expiresAtMs: untilMs };
    }
    if (waitMs > 0 && place === undefined) line.push({ owner, untilMs: this.timeMs + waitMs });
    else if (waitMs > 0) place!.untilMs = this.timeMs + waitMs;
    const first = holder ?? line[0]!;
    return { granted: false, owner: first.owner, token: holder?.token ?? 0, expiresAtMs: first.untilMs };
  }
}

function shown(name: string, { owner, token, untilMs }: Held): object {
  return { name, owner, token, expiresAtMs: untilMs };
}

/** A command of the plugin's own, with a token that was given instead of one by chance, most of the time. */
function drawn(random: () => number, tokens: readonly number[]): Command {
  const [name, ...args] = new EarlierAnswers().fill(lock.generate!(random));
  if ((name === "renew" || name === "release") && random() < 0.8) args[1] = tokens[Math.floor(random() * tokens.length)] ?? 1;
  return [name, ...args];
}

async function history(seed: number, steps: number, seen: Map<string, number>): Promise<void> {
  const state = seedRandom(seed);
  const random = (): number => nextFloat(state);
  const model = new Model();
  const exclusion = new Exclusion();
  const tokens: number[] = [];
  const replicas = new Replicas(lock);
  for (let step = 0; step < steps; step++) {
    const command = drawn(random, tokens);
    const isWrite = lock.operations[command[0]]!.kind === "write";
    if (isWrite) model.index += 1;
    const wanted = model.run(command);
    const what = `seed ${seed} step ${step}: ${command.join(" ")}`;
    replicas.answer(command, wanted, what);
    exclusion.answered(command, wanted, model.timeMs);
    const kind = `${command[0]} ${typeof wanted === "object" && wanted !== null && "granted" in wanted ? String(wanted.granted) : wanted === "CONFLICT" ? "CONFLICT" : ""}`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (isWrite) {
      const { token } = wanted as { token?: number };
      if (token !== undefined && token > 0) tokens[nextInRange(state, 0, 3)] = token;
    }
    await replicas.goOn(state, model, what);
  }
  replicas.end(10_000, `seed ${seed}`);
}

test("lock answers as the model does, restored or not, swept or not, with one holder at a time and tokens that grow", async () => {
  const seen: Map<string, number> = new Map();
  for (let seed = 1; seed <= 40; seed++) await history(seed, 200, seen);
  const wanted = ["acquire false", "acquire true", "get ", "leave ", "line ", "list ", "release ", "renew ", "renew CONFLICT"];
  assert.equal([...seen.keys()].sort(), wanted);
  for (const [kind, count] of seen) assert.ok(count >= 50, `${kind} was met ${count} times`);
});

test.run();
