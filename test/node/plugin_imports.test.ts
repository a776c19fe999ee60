/** Plugins that import values from "draft", from a directory where nothing of the project is near. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { loadPlugin } from "../../src/node/plugin_loader.ts";
import { rigOfPlugin } from "../machine/rig.ts";

const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
test.after(() => rmSync(directory, { recursive: true, force: true }));

/** The documentation's queue, in two files. */
const QUEUE = `import { defineMachine, int, optional, text } from "draft";
import { type Job, jobOf } from "./job.ts";

export const queue = defineMachine({
  name: "queue", version: 1,
  state: () => new Map<string, Job>(),
  writes: {
    push: { args: [text("body"), optional(int("delayMs"))], summary: "adds a job, returns its id",
      run(jobs, entry, body, delayMs) {
        const job = jobOf(String(entry.index), body, entry.timeMs + (delayMs ?? 0));
        jobs.set(job.id, job);
        return job.id;
      } },
  },
  reads: { size: { args: [], run: (jobs) => jobs.size } },
  snapshot: (jobs) => [...jobs.values()],
  restore: (saved) => new Map(saved.map((job) => [job.id, job])),
});
export default queue;
`;
const JOB = `import { DraftError, version } from "draft";
export interface Job { id: string; body: string; dueMs: number }
export function jobOf(id: string, body: string, dueMs: number): Job {
  if (version === "") throw new DraftError("BAD_REQUEST", "never");
  return { id, body, dueMs };
}
`;

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test("loadPlugin() gives a plugin, and the files beside it, the values of \"draft\"", async () => {
  file("job.ts", JOB);
  const plugin = await loadPlugin(file("queue.ts", QUEUE));
  assert.equal(plugin.operations["push"], { kind: "write", args: "BODY [DELAYMS]", summary: "adds a job, returns its id" });
  const { applier, run } = rigOfPlugin(plugin);
  assert.is(run(...applier.operations.prepare(["PUSH", "body", "5"])), "1");
  assert.is(applier.query(["size"]), 1);
});

test("\"draft\" is this program, whatever a tsconfig.json, import map or package.json beside the plugin calls so", async () => {
  const beside = mkdtempSync(join(directory, "beside-"));
  writeFileSync(join(beside, "draft.d.ts"), 'declare module "draft" {\n  export function int(name: string): { readonly name: string };\n}\n');
  writeFileSync(join(beside, "tsconfig.json"), '{ "compilerOptions": { "baseUrl": ".", "paths": { "draft": ["./draft.d.ts"] } } }');
  writeFileSync(join(beside, "deno.json"), '{ "imports": { "draft": "./draft.d.ts" } }');
  writeFileSync(join(beside, "package.json"), '{ "name": "mine", "version": "1.0.0", "imports": { "draft": "./draft.d.ts" } }');
  writeFileSync(join(beside, "plugin.ts"), `import { int } from "draft";
    export default { name: int("mine").name, version: 1, operations: {}, create: () => ({ apply() {}, snapshot() {}, restore() {} }) };\n`);
  assert.is((await loadPlugin(join(beside, "plugin.ts"))).name, "mine");
});

test("loadPlugin() gives a plugin tables", async () => {
  const seats = readFileSync(new URL("../machine/seats.ts", import.meta.url), "utf8");
  const { run, applier } = rigOfPlugin(await loadPlugin(file("seats.ts", seats)));
  assert.is(run("hold", "ann", "A1", "A2"), 2);
  assert.is(applier.query(["holder", "A2"]), "ann");
});

test("a name that \"draft\" does not have is BAD_PLUGIN, and nothing is fetched for it", async () => {
  const error: unknown = await loadPlugin(file("asks.ts", 'import { nothing } from "draft";\nexport default nothing;\n')).catch((thrown: unknown) => thrown);
  assert.instance(error, DraftError);
  assert.match((error as DraftError).message, /cannot be loaded: .*'?nothing'?/);
  assert.not.match((error as DraftError).message, /draft@/);
});

test.run();
