/**
 * What the types of `defineMachine` and `client.as` must let through and what they must not. tsc is the judge: this file
 * is compiled by `npm run check` and never run. A line that should not compile and does is an unused `@ts-expect-error`.
 */
import {
  type AnyPlugin, bool, type Client, type Command, connect, defineMachine, type Entry, int, json, type Methods, type MethodsOf,
  optional, type Plugin, type RequiredArgument, rest, startNode, text, type Values, type View,
} from "../../mod.ts";
import counter from "../../plugins/counter/counter.ts";

/** Fails to compile unless `A` and `B` are one type. */
function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? [] : [never]): void {}

interface Job {
  id: string;
  body: string;
  dueMs: number;
  tries: number;
}

/** The example of the documentation, to the letter. */
const queue = defineMachine({
  name: "queue", version: 1,
  state: () => new Map<string, Job>(),
  writes: {
    push: { args: [text("body"), optional(int("delayMs"))], summary: "adds a job, returns its id",
      run(jobs, entry, body, delayMs) {
        same<typeof jobs, Map<string, Job>>();
        same<typeof entry, Entry>();
        same<typeof body, string>();
        same<typeof delayMs, number | undefined>();
        const job = { id: String(entry.index), body, dueMs: entry.timeMs + (delayMs ?? 0), tries: 0 };
        jobs.set(job.id, job);
        entry.emit(`job/${job.id}`, "new");
        return job.id;
      } },
    done: { args: [text("id"), int("tries")], run(jobs, entry, id, tries) {
      if (jobs.get(id)?.tries !== tries) throw entry.reject(`job ${id} is no longer yours`);
      return jobs.delete(id);
    } },
    clear: { args: [], run: (jobs) => jobs.clear() },
  },
  reads: {
    size: { args: [], run: (jobs) => jobs.size },
    find: { args: [text("id")], run: (jobs, view, id) => {
      same<typeof view, View>();
      return jobs.get(id);
    } },
    pick: { args: [rest(text("ids"))], run: (jobs, _, ...ids) => ids.map((id) => jobs.get(id)?.tries ?? 0) },
  },
  snapshot: (jobs) => [...jobs.values()],
  restore: (saved) => {
    same<typeof saved, Job[]>();
    return new Map(saved.map((job) => [job.id, job]));
  },
  wakeAt: (jobs) => jobs.size > 0 ? 1 : null,
  wake: (jobs, entry) => void jobs.delete(String(entry.index)),
  generate: (random) => random() < 0.5 ? ["push", "a", 5] : ["size"],
});

const plugin: Plugin<Job[]> = queue;
const anything: AnyPlugin = queue;
// @ts-expect-error its snapshot is a list
const misread: Plugin<string> = queue;

same<Values<[ReturnType<typeof bool>, RequiredArgument<Uint8Array>]>, [value: boolean, value: Uint8Array]>();
same<MethodsOf<typeof queue>["push"], (value: string, value_1?: number) => Promise<string>>();

/** Never called: the calls below are there to be compiled. */
async function uses(client: Client): Promise<void> {
  const jobs = client.as(queue);
  const id: string = await jobs.push("body");
  same<boolean, Awaited<ReturnType<typeof jobs.done>>>();
  same<null, Awaited<ReturnType<typeof jobs.clear>>>();
  same<Job | null, Awaited<ReturnType<typeof jobs.find>>>();
  same<number[], Awaited<ReturnType<typeof jobs.pick>>>();
  await jobs.push("body", 5);
  await jobs.push("body", undefined);
  await jobs.done(id, 1);
  await jobs.pick("a", "b", "c");
  await client.as(queue, { level: "stale" }).size();
  await client.as<typeof queue>().push("the type is enough");
  await client.as<typeof queue>(null, { timeoutMs: 100 }).size();
  // @ts-expect-error a body is a text
  await jobs.push(5);
  // @ts-expect-error a delay is a number
  await jobs.push("body", "5");
  // @ts-expect-error there are two arguments at most
  await jobs.push("body", 5, 6);
  // @ts-expect-error tries are missing
  await jobs.done(id);
  // @ts-expect-error each of a rest is a text
  await jobs.pick("a", 1);
  // @ts-expect-error there is no such operation
  await jobs.pop();
  // @ts-expect-error the answer is a text
  const wrong: number = await jobs.push("body");
  // @ts-expect-error nor by the type alone
  await client.as<typeof queue>().push(5);
  // @ts-expect-error a level is one of three
  client.as(queue, { level: "fresh" });
  // @ts-expect-error the types of a plain plugin's operations are not known
  await client.as(counter).add(1);
  void wrong;
}

const docs = defineMachine({
  name: "docs", version: 1,
  state: () => ({ all: [] as Job[] }),
  writes: {
    put: { args: [json<Job>("job"), optional(json("more"))], run: (state, _, job, more) => {
      same<typeof job, Job>();
      state.all.push(job);
      return [more, job] as const;
    } },
    // A reply may be an interface, which is no index type.
    first: { args: [optional(bool("strict"))], run: (state, _, strict = false): Job | null => strict ? null : state.all[0] ?? null },
  },
  snapshot: (state) => state.all,
  restore: (all) => ({ all }),
});
same<keyof MethodsOf<typeof docs>, "put" | "first">();

const wrongs = [
  defineMachine({
    name: "promised", version: 1, state: () => 1, snapshot: (n) => n, restore: () => 1,
    // @ts-expect-error a promise is no reply
    writes: { later: { args: [], run: async () => 1 } },
  }),
  defineMachine({
    name: "typed", version: 1, state: () => ({ n: 1 }), snapshot: ({ n }) => n,
    // @ts-expect-error what is restored is a state
    restore: (n) => n,
    // @ts-expect-error a body is a text
    writes: { push: { args: [text("body")], run: (_, __, body) => body.toFixed() } },
  }),
  defineMachine({
    name: "many", version: 1, state: () => 1, snapshot: (n) => n, restore: (n) => n,
    writes: {
      // @ts-expect-error it has one argument
      push: { args: [text("body")], run: (_, __, body: string, more: number) => body.length + more },
    },
  }),
  defineMachine({
    name: "generous", version: 1, state: () => 1, snapshot: (n) => n, restore: () => 1,
    writes: { push: { args: [text("body")], run: () => 1 } },
    // @ts-expect-error a body is a text
    generate: () => ["push", 1],
  }),
  defineMachine({
    name: "reader", version: 1, state: () => 1, snapshot: (n) => n, restore: () => 1, writes: {},
    // @ts-expect-error a read has a view, which rejects nothing
    reads: { get: { args: [], run: (_, view) => view.reject("no") } },
  }),
  // @ts-expect-error a machine has a snapshot
  defineMachine({ name: "forgetful", version: 1, state: () => 1, restore: () => 1, writes: {} }),
];

// @ts-expect-error what is optional is not nested
optional(optional(text("a")));
// @ts-expect-error nor is a rest
rest(rest(text("a")));

/** `import type` is enough for whom types are enough. */
type Jobs = Methods<{ push: [RequiredArgument<string>] }, { push: string }>;
same<Jobs["push"], (value: string) => Promise<string>>();

const command: Command = queue.prepare?.(["push", "a"]) ?? ["size"];
export const compiled: readonly unknown[] = [plugin, anything, misread, uses, wrongs, command, connect, () => startNode({ machine: queue })];
