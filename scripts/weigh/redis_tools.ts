/** A Redis of its own, and Redis's own load generator. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { freePorts, run, Running, sleep, temporaryDirectory } from "../../test/e2e/processes.ts";

/** How long one load may take. */
const LOAD_LIMIT_MS = 300_000;

/** How SET is loaded. */
export interface SetLoad {
  readonly connections: number;
  /** Commands that a connection sends at once. */
  readonly pipeline: number;
  readonly requests: number;
  readonly keys: number;
  readonly valueBytes: number;
}

/** Whether a program is installed. */
export function isInstalled(program: string, args: readonly string[] = ["--version"]): boolean {
  return spawnSync(program, args).status === 0;
}

/** A Redis alone that syncs before it answers. */
export async function startRedis(): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const port = await freePorts(1);
  const directory = temporaryDirectory();
  const running = new Running(["redis-server", "--port", String(port), "--dir", directory, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile", join(directory, "log")]);
  for (let tries = 0; (await run(["redis-cli", "-p", String(port), "ping"])).out !== "PONG\n"; tries++) {
    if (tries > 100) throw new Error("redis-server does not answer");
    await sleep(50);
  }
  return {
    port,
    stop: async () => {
      running.kill("SIGKILL");
      await running.end();
    },
  };
}

/** Sets a second that redis-benchmark counts. */
export async function setsPerSecond(port: number, { connections, pipeline, requests, keys, valueBytes }: SetLoad): Promise<number> {
  const args = ["-p", String(port), "-t", "set", "-n", String(requests), "-c", String(connections), "-P", String(pipeline), "-r", String(keys), "-d", String(valueBytes), "--csv"];
  const { out, err, code } = await run(["redis-benchmark", ...args], { limitMs: LOAD_LIMIT_MS });
  const found = /^"SET","([0-9.]+)"/m.exec(out);
  if (code !== 0 || found === null) throw new Error(`redis-benchmark ended with ${code}: ${out}${err}`);
  return Number(found[1]);
}
