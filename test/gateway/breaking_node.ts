/**
 * A process whose node comes to an end that nobody asked for: `serve …` as `draft serve` runs it, or `library DIRECTORY`
 * as a program does. BREAK says by what, once so many entries are applied: `assertion 20`, `uncaught 20`, `failed 20`, `wrapped 20`.
 */
import process from "node:process";
import { startNode } from "../../mod.ts";
import { DraftError } from "../../src/base/errors.ts";
import { main } from "../../src/cli/main.ts";
import { runServer } from "../../src/gateway/run_server.ts";
import { Group } from "../../src/node/group.ts";
import { Node } from "../../src/node/node.ts";
import type { EventBody, Now } from "../../src/raft/event.ts";

const [how = "", at = "0"] = (process.env["BREAK"] ?? "").split(" ");

const nodes: Node[] = [];
const { open } = Node.prototype;
Node.prototype.open = function (this: Node) {
  nodes.push(this);
  return open.call(this);
};

const { step } = Group.prototype;
Group.prototype.step = function (this: Group, body: EventBody, now: Now): void {
  if (body.type !== "applied" || body.index < Number(at)) return step.call(this, body, now);
  if (how === "assertion") return step.call(this, { ...body, index: 1_000_000 }, now);
  step.call(this, body, now);
  if (how === "failed") nodes[0]?.fail(new DraftError("STORAGE_FAILED", "the disk said no"));
  else if (how === "wrapped") nodes[0]?.fail(new DraftError("DAMAGED", "the machine says: a secret of the user", { cause: new Error("a secret of the user") }));
  else setImmediate(() => { throw new TypeError("a secret of the user"); });
};

const [command = "", directory = ""] = process.argv.slice(2);
if (command === "serve") main(runServer);
else library().catch(() => process.exit(96));

/** Not at the top level: see main(). */
async function library(): Promise<void> {
  const own = await startNode({ id: "a", data: directory, listen: "127.0.0.1:0", bootstrap: true, heartbeatMs: 10, electionMs: "30-60" });
  own.closed.catch((error: unknown) => process.exit(error instanceof DraftError ? error.exitCode : 99));
  if (process.env["SURVIVE"] === "1") process.on("uncaughtException", () => process.exit(own.clusterId === "" ? 97 : 98));
  for (let i = 0; ; i++) await own.client.run(["set", `key-${i % 10}`, "a secret value"]);
}
