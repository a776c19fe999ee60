/** Nodes of this process that ask who asks, and the files that say who may. */
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogLevel, type NodeOptions, type RunningNode, startNode } from "../../mod.ts";

/** A line of a node's log. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The tokens of the holders that tests name. */
export const TOKENS = { reader: "draft_reader_token", writer: "draft_writer_token", ops: "draft_ops_token", ci: "draft_ci_token" } as const;

const ENTRIES: Readonly<Record<keyof typeof TOKENS, string>> = {
  reader: 'roles = ["read"]', writer: 'roles = ["write"]', ops: 'roles = ["admin"]', ci: 'roles = ["write"]\nkeys = "ci/"',
};

/** The text of an auth file that knows these holders. */
export function authFile(holders: readonly (keyof typeof TOKENS)[] = ["reader", "writer", "ops", "ci"], more: string = ""): string {
  const tokens = holders.map((name) => `[[token]]\nname = "${name}"\nsha256 = "${createHash("sha256").update(TOKENS[name]).digest("hex")}"\n${ENTRIES[name]}\n`);
  return `${tokens.join("\n")}\n${more}`;
}

/** A directory with secrets in it; removed by {@link Guarded.stop}. */
export class Guarded {
  readonly directory: string = mkdtempSync(join(tmpdir(), "draft-auth-"));
  readonly lines: Line[] = [];
  readonly nodes: RunningNode[] = [];

  /** Writes a file that its owner alone can read, and tells its path. */
  secret(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    return path;
  }

  /** A node on a port of its own. */
  async start(options: NodeOptions): Promise<RunningNode> {
    const { id = "a" } = options;
    const node = await startNode({
      id, data: join(this.directory, id), listen: "127.0.0.1:0", segmentBytes: 1024 * 1024, heartbeatMs: 20, electionMs: "100-200",
      log: (level, message, fields) => void this.lines.push({ level, message, fields }), ...options,
    });
    this.nodes.push(node);
    return node;
  }

  /** A leader, and other nodes that it has taken in. */
  async cluster(ids: readonly string[], options: NodeOptions): Promise<readonly RunningNode[]> {
    const [first = "a", ...others] = ids;
    const leader = await this.start({ id: first, bootstrap: true, ...options });
    for (const id of others) {
      const node = await this.start({ id, ...options });
      await leader.client.changeMembers([{ type: "add", id, address: node.address, votes: true }]);
      await this.voter(leader, id);
    }
    return this.nodes;
  }

  /** Waits until `id` is a voter. */
  async voter(leader: RunningNode, id: string): Promise<void> {
    for (let tries = 0; tries < 1000; tries++) {
      const { members } = await leader.client.members();
      if (members.some((each) => each.id === id && each.role === "voter")) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${id} is no voter after 10 s`);
  }

  async stop(): Promise<void> {
    for (const node of this.nodes.toReversed()) await node.stop();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
