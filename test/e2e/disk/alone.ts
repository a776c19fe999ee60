/** A node alone: what it acknowledged nobody else has. */
import { join } from "node:path";
import { draftBinary, freePorts, TestNode, until } from "../processes.ts";

const FLAGS = ["--segment-bytes", "256KiB", "--heartbeat-ms", "60", "--election-ms", "300-600"];

/** A node of one's own in `directory`, which does not run yet. */
export async function nodeIn(directory: string, program: readonly string[] = [draftBinary()]): Promise<TestNode> {
  const address = `127.0.0.1:${await freePorts(1)}`;
  return new TestNode({ id: "a", address, data: join(directory, "a"), flags: ["--bootstrap", ...FLAGS], program });
}

/** Starts it; returns when it takes writes. */
export async function lead(node: TestNode): Promise<void> {
  await node.start();
  await until("it leads", async () => (await node.mainStatus()).role === "leader");
}
