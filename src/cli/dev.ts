/**
 * `draft dev`: a cluster of real processes on this machine, and a prompt on it.
 */
import process from "node:process";
import { DraftError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { connect } from "../client/client.ts";
import type { OperationInfo } from "../net/client_answers.ts";
import { SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { confirmed } from "./confirm.ts";
import { DevCluster, holdsCluster, leaderOf, NODES_MAX, prepareData, removeData } from "./dev_cluster.ts";
import { FaultWatch } from "./dev_faults.ts";
import { PluginWatch } from "./dev_watch.ts";
import { type Io, styleFor } from "./io.ts";
import { type Leaf, type Options, type Parsed, UsageError } from "./leaf.ts";
import { Notices, runPiped, runPrompt } from "./prompt.ts";
import { type PromptWord, Session } from "./session.ts";

const DATA = "./draft-data/dev";
const DEFAULTS = { nodes: 3, port: 7100 };
const TIMEOUT_MS = 5000;
/** Operations that the greeting names. */
const TRIED_MAX = 3;

/** The command. */
export const devLeaf: Leaf = {
  words: ["dev"],
  usage: "",
  summary: "runs a cluster of real processes here and opens a prompt on it",
  options: [
    { raw: "--nodes <n>", description: "how many nodes", default: "3, or as they are" },
    { raw: "--machine <machine>", description: `${SHIPPED_NAMES.join(", ")}, or the path of a plugin`, default: "kv" },
    { raw: "--port <port>", description: "the first node's port; the others follow", default: "7100, or as it is" },
    { raw: "--data <dir>", description: "where their data goes", default: DATA },
    { raw: "--fresh", description: "start over: removes their data, after asking" },
    { raw: "--watch", description: "restart node by node when the plugin's file changes" },
    { raw: "--yes", description: "do not ask" },
    { raw: "--json", description: "answer with one line of JSON each" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft dev", "draft dev --watch --machine ./scores.ts", "draft dev --nodes 5 --fresh --yes", "printf 'set k v\\nget k\\n' | draft dev"],
  run: dev,
};

async function dev({ options }: Parsed, io: Io): Promise<number> {
  const asked = options.number("nodes", { otherwise: DEFAULTS.nodes, from: 1, to: NODES_MAX });
  const first = options.number("port", { otherwise: DEFAULTS.port, from: 1, to: 65_536 - asked });
  const data = options.text("data") ?? DATA;
  const machines = options.all("machine").length > 0 ? options.all("machine") : ["kv"];
  const watched = options.has("watch") ? watchedFile(machines) : null;
  if (options.has("fresh") && !await startOver(data, options, io)) return 1;
  const wanted = { ...(options.has("nodes") ? { nodes: asked } : {}), ...(options.has("port") ? { port: first } : {}) };
  const { nodes, port } = prepareData(data, wanted, DEFAULTS);
  const notices = new Notices(io);
  const onDeath = (words: string, id: string): void => notices.tell(`${words}; .start ${id} brings it back`);
  const cluster = new DevCluster({ ports: Array.from({ length: nodes }, (_, i) => port + i), data, machines, guarded: true, onDeath });
  const faults = new FaultWatch(cluster.nodes.map(({ logFile }) => logFile), (text) => notices.tell(text));
  const stopped = stopSignal();
  let watch: PluginWatch | null = null;
  try {
    await using client = connect(cluster.addresses, { name: "draft dev", timeoutMs: TIMEOUT_MS });
    const settings = { level: "linearizable", minIndex: 0, timeoutMs: TIMEOUT_MS, group: "main", json: options.has("json") } as const;
    const session = new Session(client, settings, io, wordsFor(cluster, io));
    const tell = (text: string): void => notices.tell(text);
    if (watched !== null) watch = new PluginWatch({ file: watched, cluster, client, tell, onChange: () => faults.forget(), onRestart: () => session.forgetOperations() });
    await cluster.start().catch((error: unknown) => { throw error instanceof DraftError ? hintForDev(error) : error; });
    announce(cluster, { leader: await leaderOf(client), data, watched, operations: await client.operations() }, io);
    watch?.start();
    return await Promise.race([converse(session, io, notices), stopped.promise.then(() => 0)]);
  } finally {
    stopped.forget();
    await watch?.close();
    await cluster.stop();
    faults.close();
    io.input.destroy();
  }
}

/** Whoever starts nodes by this command does not start one by another, as a node says. */
function hintForDev(error: DraftError): DraftError {
  const message = error.code === "BAD_PLUGIN"
    ? error.message.replace(/[:;] (?:type: )?draft serve .*$/, ": draft dev --machine names another, draft dev --fresh starts over")
    : error.message.replace("draft serve --data DIR", "draft dev --data DIR");
  return new DraftError(error.code, message, { cause: error });
}

/** The file of the plugin, the first, which is that of `main`. @throws UsageError if it is none */
function watchedFile([machine = ""]: readonly string[]): string {
  if (!SHIPPED_NAMES.includes(machine)) return machine;
  throw new UsageError(`--watch with the machine ${machine}, which is no file: wants --machine ./file.ts, draft plugin new NAME writes one`);
}

/** The prompt, or the lines of a pipe; input without a line means to serve until a signal. */
async function converse(session: Session, io: Io, notices: Notices): Promise<number> {
  if (io.inputIsTerminal) return runPrompt(session, io, notices);
  const { lines, code } = await runPiped(session, io);
  return lines > 0 ? code : new Promise<number>(() => {});
}

/** What there is to say of a cluster that was started. */
interface Announced {
  /** Id of the leader. */
  readonly leader: string;
  readonly data: string;
  readonly watched: string | null;
  readonly operations: readonly OperationInfo[];
}

function announce(cluster: DevCluster, { leader, data, watched, operations }: Announced, io: Io): void {
  const style = styleFor(io.inputIsTerminal ? io.outputIsTerminal : io.errorIsTerminal, io.env);
  const [first = ""] = cluster.addresses;
  // Where a client looks by itself.
  const connect = /^127\.0\.0\.1:710[0-3]$/.test(first) ? "" : ` -c ${first}`;
  const lines = [
    `draft ${version}: ${cluster.nodes.length === 1 ? "one node" : `${cluster.nodes.length} nodes`}, each a process of its own`,
    ...cluster.nodes.map(({ id, address }) => `  ${style.bold(id)}  ${address}${id === leader ? style.green("  leader") : ""}`),
    `dashboard: http://${first}/`,
    style.dim(`data and logs: ${data}   from another terminal: draft client${connect}`),
    ...(watched === null ? [] : [style.dim(`a change of ${watched} restarts the nodes one by one`)]),
    ...(io.inputIsTerminal ? [`try: ${tries(operations)}, .kill a, .status; .help lists all, .exit stops the nodes`] : []),
  ];
  // Piped output is for replies alone.
  if (io.inputIsTerminal) io.out(lines.join("\n"));
  else io.err(lines.join("\n"));
}

/** What a user may type first: of kv what does something, of other machines the operations. */
function tries(operations: readonly OperationInfo[]): string {
  const names = operations.map(({ name }) => name);
  if (names.includes("set") && names.includes("get")) return "set greeting hello, get greeting";
  return operations.slice(0, TRIED_MAX).map(({ name, args }) => `${name} ${args}`.trimEnd()).join(", ");
}

function wordsFor(cluster: DevCluster, io: Io): PromptWord[] {
  const onNode = (name: string, summary: string, run: (id: string) => Promise<string>): PromptWord => ({
    name,
    args: "NODE",
    summary,
    run: async ([id = ""]) => {
      io.out(await run(id));
      return 0;
    },
  });
  return [
    onNode("kill", "ends a node as a crash would", async (id) => {
      await cluster.node(id).kill();
      return `${id} is dead: .start ${id} brings it back`;
    }),
    onNode("pause", "freezes a node", (id) => {
      cluster.node(id).pause();
      return Promise.resolve(`${id} is frozen: .start ${id} lets it go on`);
    }),
    onNode("start", "starts a node that was killed, or lets it go on", async (id) => {
      await cluster.node(id).start();
      return `${id} runs`;
    }),
  ];
}

/** Removes what was there, if the user means it. */
async function startOver(data: string, options: Options, io: Io): Promise<boolean> {
  if (holdsCluster(data) && !options.has("yes") && !await confirmed(`--fresh removes everything in ${data}`, io)) return false;
  removeData(data);
  return true;
}

function stopSignal(): { promise: Promise<void>; forget: () => void } {
  let tell = (): void => {};
  const promise = new Promise<void>((resolve) => (tell = resolve));
  process.on("SIGTERM", tell).on("SIGINT", tell).on("SIGHUP", tell);
  return { promise, forget: () => void process.off("SIGTERM", tell).off("SIGINT", tell).off("SIGHUP", tell) };
}
