/**
 * `draft dev --watch`: when the plugin's file, or one that it imports, is saved, the nodes are restarted with it, one by
 * one, so that the cluster never stops. What is no plugin is told, and the nodes go on with what they have.
 */
import { execFile } from "node:child_process";
import { resolve, sep } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import { digestOfSource } from "../host/node_source.ts";
import type { GroupStatus } from "../net/client_answers.ts";
import type { DevCluster } from "./dev_cluster.ts";
import type { NodeProcess } from "./node_process.ts";
import type { PluginReport } from "./plugin_check.ts";
import { selfCommand } from "./self.ts";

/** The files are looked at so often. A watch of the system's own would lose files that editors replace. */
const POLL_MS = 200;
const CHECK_LIMIT_MS = 20_000;
/** How long a restarted node may take to hear of a leader, and the version to rise. */
const JOIN_LIMIT_MS = 20_000;
const RAISE_LIMIT_MS = 10_000;
const ASK_MS = 50;

/** What is watched, and for whom. */
export interface WatchOptions {
  /** The plugin, as it was given to `--machine`. */
  readonly file: string;
  readonly cluster: DevCluster;
  readonly client: Client;
  readonly tell: (text: string) => void;
  /** Nodes are going to run other code. */
  readonly onChange: () => void;
  /** Nodes run other code now. */
  readonly onRestart: () => void;
}

/** Watches one plugin. */
export class PluginWatch {
  readonly #options: WatchOptions;
  readonly #ending: AbortController = new AbortController();
  /** Of the source that was told about last: it runs, or it was refused. */
  #handled: string;
  #watching: Promise<void> = Promise.resolve();

  /** From now on a change counts; the nodes are to be started after this. */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#handled = digestOfSource(resolve(options.file));
  }

  start(): void {
    this.#watching = this.#watch();
  }

  /** Returns when nothing is restarted any more. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    let seen = this.#handled;
    while (await this.#passes(POLL_MS)) {
      const digest = digestOfSource(resolve(this.#options.file));
      // A file that was changed between two looks may be half written.
      const isSettled = digest === seen;
      seen = digest;
      if (!isSettled || digest === this.#handled) continue;
      this.#handled = digest;
      try {
        await this.#changed();
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        if (!this.#ending.signal.aborted) this.#options.tell(`${error.message}; .status shows who runs, a save tries again`);
      }
    }
  }

  async #changed(): Promise<void> {
    const { file, tell, cluster } = this.#options;
    const before = await this.#mainOf();
    const report = await this.#checked(before);
    if (report === null || this.#ending.signal.aborted) return;
    const nodes = this.#inOrder(before.leader?.id ?? "");
    this.#options.onChange();
    tell(`${file} changed: restarting ${nodes.map(({ id }) => id).join(", ")}`);
    for (const node of nodes) await this.#restart(node);
    this.#options.onRestart();
    tell(await this.#outcome(before, report));
    const absent = cluster.nodes.filter(({ state }) => state !== "running");
    for (const { id, state } of absent) tell(`${id} ${state === "paused" ? "is frozen, and has the old code" : "is dead"}: .start ${id}`);
  }

  /** What is in the file, if the nodes can run it in place of what they have. */
  async #checked({ machine, machineVersion }: GroupStatus): Promise<PluginReport | null> {
    const { file, tell } = this.#options;
    const report = await checkInChild(file);
    const why = typeof report === "string" ? report
      : report.name !== machine ? `${file} is called '${report.name}', and the cluster runs '${machine}': give it that name, or start over with --fresh`
      : report.version < machineVersion ? `${file} has version ${report.version}, and ${machineVersion} is in force, which never falls: raise it, or start over with --fresh`
      : null;
    if (why === null) return report as PluginReport;
    tell(`${why}; the nodes go on with what they have`);
    return null;
  }

  /**
   * Those that ended by themselves first, for the code that they had may have been why; then those that run, the leader
   * last: leadership moves once.
   */
  #inOrder(leader: string): NodeProcess[] {
    const { nodes } = this.#options.cluster;
    const running = nodes.filter(({ state }) => state === "running");
    return [...nodes.filter(({ hasDied }) => hasDied), ...running.filter(({ id }) => id !== leader), ...running.filter(({ id }) => id === leader)];
  }

  async #restart(node: NodeProcess): Promise<void> {
    if (this.#ending.signal.aborted) return;
    await node.stop();
    if (this.#ending.signal.aborted) return;
    await node.start();
    // Once it has applied what the others have, it would have ended if the new code made something else of it.
    const joined = await this.#until(JOIN_LIMIT_MS, async () => {
      if (node.hasDied) return true;
      const { ready, groups } = await this.#options.client.status({ timeoutMs: 1000, address: node.address });
      return ready && groups.some(({ name, leader }) => name === "main" && leader !== null);
    });
    if (node.hasDied) throw new DraftError("MACHINE_FAULT", `${node.id} ended with the new code, and the others go on with what they have: mend ${this.#options.file}, or start over with --fresh`);
    if (!joined) throw new DraftError("NO_LEADER", `${node.id} runs the new code and hears of no leader: see ${node.logFile}`);
  }

  /** What the restart came to, in words. */
  async #outcome({ machineVersion: before }: GroupStatus, { version }: PluginReport): Promise<string> {
    if (version === before) {
      return `restarted; version ${version} as before, so what the logs hold was run again with the new code: where that does\n` +
        "something else with the same entry, raise version and keep what was, or start over with --fresh";
    }
    const raised = await this.#until(RAISE_LIMIT_MS, async () => (await this.#mainOf()).machineVersion === version);
    return raised ? `restarted; version ${version} is in force, was ${before}` : `restarted; version ${version} comes into force once every node runs it`;
  }

  async #mainOf(address?: string): Promise<GroupStatus> {
    const { groups } = await this.#options.client.status({ timeoutMs: 1000, ...(address === undefined ? {} : { address }) });
    const main = groups.find(({ name }) => name === "main");
    if (main === undefined) throw new DraftError("NO_LEADER", "the group main is not there yet");
    return main;
  }

  async #until(limitMs: number, condition: () => Promise<boolean>): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    while (performance.now() < endMs) {
      try {
        if (await condition()) return true;
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
      }
      if (!await this.#passes(ASK_MS)) return false;
    }
    return false;
  }

  /** Waits; false if that is over before its time. */
  async #passes(delayMs: number): Promise<boolean> {
    try {
      await sleep(delayMs, undefined, { signal: this.#ending.signal });
      return true;
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
      return false;
    }
  }
}

/** What a new process says of the file, for this one would not load it a second time; text if it is no plugin. */
function checkInChild(file: string): Promise<PluginReport | string> {
  const { program, args } = selfCommand();
  return new Promise((done) => {
    execFile(program, [...args, "plugin", "check", "--json", file], { timeout: CHECK_LIMIT_MS, env: { ...process.env, NO_COLOR: "1" } }, (error, out, err) => {
      const said = out.startsWith("{") ? JSON.parse(out) as PluginReport | { readonly error: { readonly message: string } } : null;
      if (said === null) done(`${file} could not be checked: ${err.trim().split("\n").at(-1) || error?.message}`);
      else done("error" in said ? said.error.message.replace(`plugin ${resolve(file)}`, file).replaceAll(`${process.cwd()}${sep}`, "") : said);
    });
  });
}
