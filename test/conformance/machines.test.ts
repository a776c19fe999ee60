/** O06: machines in which there is nothing to find: all that draft ships, and good ones of every kind that there is. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AnyPlugin, Command, Entry, Machine, Plugin, View } from "draft";
import { checkMachine, MachineFindings } from "draft/testing";
import seats from "../machine/seats.ts";

/** The error that `promise` ends with. */
async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (thrown) {
    assert.instance(thrown, Error);
    return thrown as Error;
  }
  return new Error("it was not refused");
}

const plugins = fileURLToPath(new URL("../../plugins/", import.meta.url));

/** Longer than the log time of a run. */
const LONG_MS = 80_000_000;

/** For those whose own commands are too seldom of effect in a short run: tokens of locks and receipts of jobs that are held. */
const MORE: Readonly<Record<string, (index: number) => readonly Command[]>> = {
  lock: (index) => [["acquire", "lock0", "owner1", LONG_MS], ["acquire", "lock1", "owner1", LONG_MS], ["renew", "lock0", index, LONG_MS], ["renew", "lock1", index, LONG_MS]],
  queue: (index) => [
    ["push", "queue0", "job", 0, 3], ["push", "queue0", "job", 0, 3], ["take", "queue0", LONG_MS], ["take", "queue0", LONG_MS],
    ["ack", "queue0", index], ["nack", "queue0", index], ["extend", "queue0", index, LONG_MS],
  ],
  sql: (index) => [
    ["exec", "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, n REAL, made INTEGER)"],
    ["exec", "INSERT OR REPLACE INTO t VALUES (?, random(), unixepoch())", index % 5], ["exec", "INSERT INTO t VALUES (?, 1.5, ?)", index % 5, index],
    ["exec", "DELETE FROM t WHERE k = ?", index % 5],
    ["transaction", [["UPDATE t SET made = made + 1"], ["INSERT INTO t VALUES (?, 0.5, NULL)", index % 5]]],
    ["query", "SELECT * FROM t ORDER BY k"], ["query", "SELECT count(*), sum(made) FROM t WHERE k < ?", index % 5],
  ],
};

/** A database is opened for each copy. */
const RUNS: Readonly<Record<string, number>> = { sql: 2 };

for (const name of readdirSync(plugins).filter((each) => existsSync(join(plugins, each, `${each}.ts`)))) {
  test(`nothing is found in ${name}`, async () => {
    const { default: plugin } = await import(pathToFileURL(join(plugins, name, `${name}.ts`)).href) as { default: AnyPlugin };
    const { generate } = plugin;
    const more = MORE[name];
    const drawn = (random: () => number): Command => {
      const commands = generate === undefined || random() < 0.6 ? more?.(1 + Math.floor(random() * 40)) : undefined;
      return commands?.[Math.floor(random() * commands.length)] ?? generate?.(random) ?? ["none"];
    };
    const { commands } = await checkMachine(more === undefined ? plugin : { ...plugin, generate: drawn }, { runs: RUNS[name] ?? 15 });
    assert.ok(commands > 50, `${commands} commands ran`);
  });
}

test("nor in one on a table whose commands the usage tells", async () => {
  await checkMachine(seats, { runs: 15 });
});

class Total implements Machine<{ total: number }> {
  #total = 0;

  apply([operation, n]: Command, entry: Entry): number | undefined {
    if (operation === "fail") {
      if (this.#total > 3) throw entry.reject("too much", "CONFLICT");
      throw new TypeError("broken on purpose, before anything was changed");
    }
    this.#total += Number(n) + Math.floor(entry.random() * 3);
    entry.emit("total", this.#total);
    return this.#total;
  }

  query(_: Command, view: View): unknown[] & { then?: never } {
    return [this.#total, view.timeMs, view.index, new Date(view.timeMs), new Uint8Array(2), new Map([["a", new Set([1])]]), 7n];
  }

  snapshot(): { total: number } {
    return { total: this.#total };
  }

  restore({ total }: { total: number }): void {
    this.#total = total;
  }
}

test("nor in one of a class that rejects and breaks, which draws, tells watchers and answers all that can be sent", async () => {
  const plugin: Plugin<{ total: number }> = {
    name: "total", version: 3, operations: {
      add: { kind: "write", args: "n", since: 2 }, fail: { kind: "write" }, total: { kind: "read" },
    },
    create: () => new Total(),
  };
  const error = await refusal(checkMachine(plugin, { runs: 15 }));
  assert.ok(error instanceof MachineFindings && error.findings.length === 0);
  assert.match(error.message, /'fail' was not checked, for none of \d+ commands came to its end, the last for "(TypeError: broken|too much)/);
  assert.ok((await checkMachine(plugin, { runs: 15, unchecked: ["fail"] })).commands > 200);
});

test("nor in one that wakes, nor in one that keeps its state on disk and is compared by its hash", async () => {
  await checkMachine(waking, { runs: 15 });
  await checkMachine(onDisk, { runs: 15 });
});

test("what is asked for in vain is told: a size that is none, a generate that gives no command, a create that gives no machine", async () => {
  for (const [plugin, options, says] of [
    [waking, { runs: 0 }, /^runs is 0: must be a whole number from 1 on$/],
    [waking, { seed: 1.5 }, /^seed is 1\.5: must be a whole number$/],
    [{ ...waking, generate: () => ["none"] }, {}, /generate\(\) gave \["none"\]/],
    [{ ...waking, create: () => ({}) }, {}, /^plugin 'waking': /],
  ] as const) assert.match((await refusal(checkMachine(plugin as unknown as AnyPlugin, options))).message, says);
});

/** Names that are forgotten a minute after they were put. */
const waking: Plugin<[string, number][]> = {
  name: "waking", version: 1, operations: { put: { kind: "write", args: "NAME" }, names: { kind: "read" } },
  create: () => {
    const due = new Map<string, number>();
    const soonest = (): number | null => due.size === 0 ? null : Math.min(...due.values());
    return {
      apply: ([, name], entry) => {
        due.set(String(name), entry.timeMs + 60_000);
        return due.size;
      },
      query: (_, view) => [...due].filter(([, dueMs]) => dueMs > view.timeMs).map(([name]) => name),
      wakeAt: soonest,
      wake: (entry) => {
        for (const [name, dueMs] of due) if (dueMs <= entry.timeMs) due.delete(name);
      },
      snapshot: () => [...due],
      restore: (saved) => {
        due.clear();
        for (const [name, dueMs] of saved) due.set(name, dueMs);
      },
    };
  },
};

/** What a commit leaves in the file. */
interface OnDisk {
  readonly index: number;
  readonly names: readonly string[];
  readonly memos: readonly (readonly [index: number, memo: number[]])[];
}

/** Snapshots of one state differ: each names its own file. */
const onDisk: Plugin<{ file: string; held: OnDisk }> = {
  name: "on-disk", version: 1, operations: { put: { kind: "write", args: "NAME" }, all: { kind: "read" } },
  create: ({ directory }) => {
    mkdirSync(directory, { recursive: true });
    const file = join(directory, "names.json");
    const read = (): OnDisk => existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as OnDisk : { index: 0, names: [], memos: [] };
    let names = [...read().names];
    return {
      apply: ([, name]) => names.push(String(name)),
      query: () => names,
      lastApplied: () => read().index,
      commit: ({ index, memo, memosFrom }) =>
        writeFileSync(file, JSON.stringify({ index, names, memos: [...read().memos.filter(([at]) => at >= memosFrom), [index, [...memo]]] })),
      memos: (from) => read().memos.filter(([index]) => index >= from).map(([, memo]) => new Uint8Array(memo)),
      hash: () => names.join(),
      snapshot: () => ({ file, held: read() }),
      restore: ({ held }) => {
        writeFileSync(file, JSON.stringify(held));
        names = [...held.names];
      },
    };
  },
};

test.run();
