/** Machines with one mistake each, of every kind that a check finds. */
import type { FindingKind } from "../../src/machine/check/finding.ts";
import type { AnyMachine } from "../../src/machine/bound_machine.ts";
import type { AnyPlugin, Command, Entry, Plugin, PluginBase, Reply } from "../../src/machine/machine.ts";

/** A machine and what must be said of it. */
export interface Broken {
  readonly name: string;
  readonly plugin: AnyPlugin;
  readonly kind: FindingKind;
  readonly operation: string;
  readonly says: RegExp;
  /** The fewest steps that show it. */
  readonly steps: number;
}

/** A machine that keeps words, each with the number of times it was put. Parts of it are to be replaced by wrong ones. */
function words(wrong: (held: Map<unknown, number>) => object, more: Partial<PluginBase> = {}): AnyPlugin {
  const plugin: Plugin<unknown> = {
    name: "words", version: 1,
    operations: { put: { kind: "write", args: "WORD" }, times: { kind: "read", args: "WORD" } },
    create: () => {
      const held = new Map<unknown, number>();
      return {
        apply: ([, word]: Command, _: Entry): Reply => put(held, word),
        query: ([, word]: Command): Reply => held.get(word) ?? 0,
        snapshot: () => [...held],
        restore: (saved: unknown) => {
          held.clear();
          for (const [word, times] of saved as [unknown, number][]) held.set(word, times);
        },
        ...wrong(held),
      };
    },
    ...more,
  };
  return plugin;
}

function put(held: Map<unknown, number>, word: unknown): number {
  const times = (held.get(word) ?? 0) + 1;
  held.set(word, times);
  return times;
}

function restoreInto(held: Map<unknown, number>, saved: readonly (readonly [unknown, number])[]): void {
  held.clear();
  for (const [word, times] of saved) held.set(word, times);
}

/** Shared by all machines of this process, as a `let` at the top of a plugin is. */
const outside = { count: 0 };

class Secret {
  readonly #word: unknown;
  constructor(word: unknown) {
    this.#word = word;
  }
  toString(): string {
    return String(this.#word);
  }
}

/** What uses a global in one method alone. */
function using(use: () => unknown): (held: Map<unknown, number>) => object {
  return (held) => ({
    apply: ([, word]: Command) => {
      use();
      return put(held, word);
    },
  });
}

const circle = (): object => {
  const list: unknown[] = [];
  list.push(list);
  return list;
};

export const BROKEN: readonly Broken[] = [
  {
    name: "a batch that answers otherwise", kind: "batch-differs", operation: "put", steps: 2,
    says: /^applyBatch\(\) is not apply\(\) for each: behind a run that ended with 'put' 'put' was answered 1, and 2 by apply\(\): /,
    plugin: words((held) => ({
      applyBatch: (commands: readonly Command[]): Reply[] => commands.map(([, word]) => held.size === 0 ? put(held, word) : 1),
    }), { generate: () => ["put", "a"] }),
  },
  {
    name: "a batch that does less", kind: "batch-differs", operation: "put", steps: 1,
    says: /^applyBatch\(\) is not apply\(\) for each: behind a run that ended with 'put' the states differ in the snapshot: /,
    plugin: words(() => ({ applyBatch: (commands: readonly Command[]): Reply[] => commands.map(() => 1) }), { generate: () => ["put", "a"] }),
  },
  {
    name: "a batch that throws", kind: "batch-differs", operation: "put", steps: 1,
    says: /^applyBatch\(\) is not apply\(\) for each: behind a run that ended with 'put' it broke: no room: /,
    plugin: words(() => ({
      applyBatch: (): Reply[] => {
        throw new Error("no room");
      },
    }), { generate: () => ["put", "a"] }),
  },
  {
    name: "a batch that asks a clock", kind: "forbidden-global", operation: "put", steps: 1,
    says: /Date\.now\(\)/,
    plugin: words((held) => ({ applyBatch: (commands: readonly Command[]): Reply[] => commands.map(([, word]) => Date.now() > 0 ? put(held, word) : 0) }), { generate: () => ["put", "a"] }),
  },
  // Two copies.
  { name: "an answer from outside of the state", kind: "nondeterminism", operation: "put", steps: 1,
    plugin: words(() => ({ apply: () => outside.count++ })),
    says: /^'put' is not deterministic: the same command was answered \d+ by one copy and \d+ by another: .*entry\.timeMs is the time/ },
  { name: "a read that answers from outside of the state", kind: "nondeterminism", operation: "times", steps: 1,
    plugin: words(() => ({ query: () => outside.count++ })), says: /^'times' is not deterministic/ },
  { name: "watchers that are told something else", kind: "nondeterminism", operation: "put", steps: 1,
    plugin: words(() => ({ apply: (_: Command, entry: Entry) => entry.emit("word", outside.count++) })), says: /copies that answered alike told watchers of other changes/ },
  { name: "a state that differs behind one answer", kind: "nondeterminism", operation: "put", steps: 1,
    plugin: words((held) => ({ apply: ([, word]: Command) => void held.set(word, outside.count++) })), says: /copies that answered alike differ in the snapshot/ },
  { name: "a hash of its own that differs", kind: "nondeterminism", operation: "create", steps: 0,
    plugin: words(() => {
      const own = outside.count++;
      return { hash: () => own };
    }), says: /^create\(\) is not deterministic: two machines without entries differ in hash\(\), [0-9a-f]+ and [0-9a-f]+/ },
  { name: "a moment to wake at that differs", kind: "nondeterminism", operation: "create", steps: 0,
    plugin: words(() => {
      const own = 10 ** 13 + outside.count++;
      return { wakeAt: () => own, wake: () => undefined };
    }), says: /differ in wakeAt\(\), \d+ and \d+/ },
  // Snapshots.
  { name: "a snapshot without one field", kind: "snapshot-loss", operation: "put", steps: 3,
    plugin: words((held) => {
      let total = 0;
      return { apply: ([, word]: Command) => [put(held, word), ++total] };
    }), says: /'put' shows that a snapshot loses state: it was answered \[\d+,\d+\] by a machine that never stopped and \[\d+,\d+\] by one that was restored: what restore\(\) makes/ },
  { name: "a restore that drops what is old", kind: "snapshot-loss", operation: "put", steps: 2,
    plugin: words((held) => ({ restore: () => held.clear() })), says: /a restored machine and one that never stopped differ in the snapshot/ },
  { name: "a snapshot that cannot be encoded", kind: "snapshot-loss", operation: "create", steps: 0,
    plugin: words(() => ({ snapshot: () => ({ work: () => 1 }) })), says: /^the state that 'create' left cannot be saved and restored: snapshot\(\) of the machine 'words' broke/ },
  { name: "a restore that throws", kind: "snapshot-loss", operation: "put", steps: 2,
    plugin: words((held) => ({
      restore: (saved: [unknown, number][]) => {
        if (saved.length > 0) throw new TypeError("too much");
        held.clear();
      },
    })), says: /^the state that 'put' left cannot be saved and restored: .*too much/ },
  { name: "a snapshot in the order of its words", kind: "order-after-restore", operation: "put", steps: 4,
    plugin: words((held) => ({
      apply: ([, word]: Command) => {
        put(held, word);
        return [...held.keys()];
      },
      snapshot: () => [...held].sort(([one], [other]) => String(one) < String(other) ? -1 : 1),
    })), says: /holds the same in another order: the order of a Map, Set or object is state/ },
  { name: "a restore in another order, seen in an answer alone", kind: "order-after-restore", operation: "first", steps: 4,
    plugin: words((held) => ({
      query: ([operation, word]: Command) => operation === "first" ? held.keys().next().value ?? null : held.get(word) ?? 0,
      snapshot: () => [...held].sort(([one], [other]) => String(one) < String(other) ? -1 : 1),
    }), { operations: { put: { kind: "write", args: "WORD" }, times: { kind: "read", args: "WORD" }, first: { kind: "read" } } }),
    says: /^'first' shows that a restored machine holds the same in another order/ },
  { name: "a list that is restored backwards", kind: "order-after-restore", operation: "put", steps: 3,
    plugin: words(() => {
      let list: unknown[] = [];
      return {
        apply: ([, word]: Command) => list.push(word), query: () => list.length, snapshot: () => list,
        restore: (saved: unknown[]) => void (list = saved.toReversed()),
      };
    }), says: /^'put' shows that a restored machine holds the same in another order/ },
  { name: "pieces that show what came later", kind: "live-pieces", operation: "put", steps: 4, plugin: streaming(), says: /^'put' changes a snapshot that was begun before it: .*a piece behind the first must be a copy/ },
  // Promises.
  { name: "an apply that is async", kind: "async-apply", operation: "put", steps: 1,
    plugin: words((held) => ({ apply: ([, word]: Command) => Promise.resolve(put(held, word)) })), says: /^'put' returns a promise: .*do all at once and return the answer/ },
  { name: "an apply that goes on later", kind: "async-apply", operation: "put", steps: 1,
    plugin: words((held) => ({
      apply: ([, word]: Command) => {
        Promise.resolve().then(() => put(held, word), () => undefined);
      },
    })), says: /^'put' changes the state after it has returned/ },
  // Half changes.
  { name: "a change before a reject", kind: "changed-before-reject", operation: "put", steps: 2,
    plugin: words((held) => ({
      apply: ([, word]: Command, entry: Entry) => {
        if (put(held, word) > 1) throw entry.reject("twice");
      },
    })), says: /^'put' changes the state and then rejects, which shows in the snapshot: throw entry\.reject\(…\) before anything is changed/ },
  { name: "a change before an error", kind: "changed-before-fault", operation: "put", steps: 1,
    plugin: words((held) => ({ apply: ([, word]: Command) => put(held, word) > 0 ? (null as unknown as Map<0, 0>).size : 0 })),
    says: /^'put' changes the state and then throws TypeError ".*", which shows in the snapshot: .*or keep the state in a Table/ },
  { name: "a read that counts itself", kind: "changed-by-read", operation: "times", steps: 1,
    plugin: words((held) => ({ query: ([, word]: Command) => put(held, word) })), says: /^'times' is a read and changes the state, which shows in the snapshot: .*make it kind: "write"/ },
  // prepare.
  { name: "a prepare that counts", kind: "unsteady-prepare", operation: "put", steps: 1,
    plugin: words(() => ({}), { prepare: ([name, word]) => name === "put" ? [name, word, outside.count++] : [name, word] }),
    says: /^prepare\(\) of 'put' is not deterministic: it made \["put",.*\] and then \["put",.*\] of the same command/ },
  { name: "a prepare that adds to what it made", kind: "unsteady-prepare", operation: "put", steps: 1,
    plugin: words(() => ({}), { prepare: ([name, word]) => name === "put" ? [name, `<${String(word)}>`] : [name, word] }),
    says: /^prepare\(\) of 'put' makes \["put","<<.*>>"\] of \["put","<.*>"\], which it had made itself/ },
  // What travels.
  { name: "an answer that is a function", kind: "unsendable", operation: "put", steps: 1,
    plugin: words(() => ({ apply: () => () => 1 })), says: /^the answer of 'put' cannot be sent as it is: a function is no value that can be sent: use null, booleans/ },
  { name: "an answer that is a circle", kind: "unsendable", operation: "put", steps: 1,
    plugin: words(() => ({ apply: circle })), says: /in a circle/ },
  { name: "an answer whose fields are private", kind: "unsendable", operation: "times", steps: 1,
    plugin: words(() => ({ query: ([, word]: Command) => ({ found: [new Secret(word)] }) })), says: /^the answer of 'times' .*an object of the class Secret arrives as \{\}/ },
  { name: "an answer that is a pattern", kind: "unsendable", operation: "put", steps: 1,
    plugin: words(() => ({ apply: () => [/a/] })), says: /^the answer of 'put' cannot be sent as it is: / },
  { name: "a prepare that makes a function", kind: "unsendable", operation: "put", steps: 1,
    plugin: words(() => ({}), { prepare: ([name]) => [name, () => 1] }), says: /^what prepare\(\) made of '(put|times)' cannot be sent/ },
  { name: "a generate that draws a function", kind: "unsendable", operation: "put", steps: 1,
    plugin: words(() => ({}), { generate: () => ["put", () => 1] }), says: /^the command that generate\(\) gave for 'put' cannot be sent/ },
  // Globals. Something stands behind each call, for Bun forgets the callers of what is returned.
  { name: "a clock", kind: "forbidden-global", operation: "put", steps: 1,
    plugin: words(using(() => [Date.now()])), says: /^apply\(\) of 'put' uses Date\.now\(\) at .*broken\.ts:\d+:\d+: each replica runs it at another moment, take entry\.timeMs$/ },
  { name: "a date of now", kind: "forbidden-global", operation: "put", steps: 1, plugin: words(using(() => [new Date().getTime()])), says: /uses new Date\(\)/ },
  { name: "chance", kind: "forbidden-global", operation: "put", steps: 1, plugin: words(using(() => [Math.random()])), says: /uses Math\.random\(\).*take entry\.random\(\)$/ },
  { name: "a timer", kind: "forbidden-global", operation: "put", steps: 1, plugin: words(using(() => [setTimeout(() => undefined, 1)])), says: /uses setTimeout\(\).*wake\(\)$/ },
  { name: "the network", kind: "forbidden-global", operation: "put", steps: 1, plugin: words(using(() => [fetch("http://127.0.0.1:1/")])), says: /uses fetch\(\).*as a command$/ },
  { name: "a clock whose refusal is caught", kind: "forbidden-global", operation: "put", steps: 1,
    plugin: words(using(() => {
      try {
        return Date.now();
      } catch {
        return 0;
      }
    })), says: /uses Date\.now\(\)/ },
  { name: "a clock in a read", kind: "forbidden-global", operation: "times", steps: 1, plugin: words(() => ({ query: () => [Date.now()] })), says: /^query\(\) of 'times' uses .*view\.timeMs$/ },
  { name: "a clock in wakeAt", kind: "forbidden-global", operation: "create", steps: 0,
    plugin: words(() => ({ wakeAt: () => Math.max(1, Date.now()), wake: () => undefined })), says: /^wakeAt\(\) uses Date\.now\(\).*from the state alone$/ },
  { name: "a clock in hash", kind: "forbidden-global", operation: "create", steps: 0, plugin: words(() => ({ hash: () => `${Date.now()}` })), says: /^hash\(\) uses Date\.now\(\)/ },
  { name: "chance in wake", kind: "forbidden-global", operation: "wake", steps: 1,
    plugin: words(() => {
      let dueMs: number | null = 5;
      return {
        wakeAt: () => dueMs,
        wake: () => {
          dueMs = null;
          return void Math.random().toFixed(1);
        },
      };
    }), says: /^wake\(\) uses Math\.random\(\)/ },
  { name: "a clock in prepare", kind: "forbidden-global", operation: "put", steps: 1,
    plugin: words(() => ({}), { prepare: ([name, word]) => name === "put" ? [name, Date.now()] : [name, word] }),
    says: /^prepare\(\) of 'put' uses Date\.now\(\).*must become the same, leave that to apply\(\)/ },
];

/** Pieces that are looked up when they are taken. */
function streaming(): AnyPlugin {
  return words((held) => ({
    * snapshot() {
      for (const word of [...held.keys()]) yield [word, held.get(word) ?? 0];
    },
    restore: async (pieces: AsyncIterable<[unknown, number]>) => {
      const saved: [unknown, number][] = [];
      for await (const piece of pieces) saved.push(piece);
      restoreInto(held, saved);
    },
  }) satisfies Partial<AnyMachine>);
}
