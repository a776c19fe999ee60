/**
 * Keeps what a node recorded beyond its end: when the node fails, or an error that nobody caught ends the process. The
 * recording goes into a file of the data directory, and the last line of the log names it.
 */
import process from "node:process";
import { AssertionFailed } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { writeLastFile } from "../host/node_last_file.ts";
import type { Node } from "../node/node.ts";
import { lastRecording } from "../node/node_recording.ts";

const DIRECTORY_NAME = "flight";

/** Recordings that a data directory keeps, each of 4 MiB and its checkpoints. */
const FILES_MAX = 4;

/** The nodes that work in this process; one listener for all, since a program may run more than a runtime likes to see. */
class WorkingNodes {
  readonly #nodes: Set<Node> = new Set();
  readonly #onUncaught = (error: unknown): void => {
    // A program may live on with its own errors, but not with a broken fact of ours.
    const isTheEnd = process.listenerCount("uncaughtException") === 0 || error instanceof AssertionFailed;
    if (isTheEnd) for (const node of this.#nodes) saveLastFlight(node, error);
  };

  add(node: Node): void {
    if (this.#nodes.size === 0) process.on("uncaughtExceptionMonitor", this.#onUncaught);
    this.#nodes.add(node);
  }

  delete(node: Node): void {
    this.#nodes.delete(node);
    if (this.#nodes.size === 0) process.off("uncaughtExceptionMonitor", this.#onUncaught);
  }
}

/** While a node is in here, an error that ends the process leaves a recording of it. */
export const workingNodes: WorkingNodes = new WorkingNodes();

/** Writes what `node` recorded to a file. Never throws: what goes wrong here must not hide what ends the node. */
export function saveLastFlight(node: Node, error: unknown): void {
  if (node.groups.size === 0) return;
  const { host: { log }, dataDir } = node.parts;
  try {
    const why = whyNot(node);
    if (why !== null) return log.write("warn", `what it decided of late is lost: ${why}`);
    const directory = `${dataDir.path}/${DIRECTORY_NAME}`;
    // A start ends once: its number names the file, whatever the clock says.
    const file = { directory, number: node.identity.bootCount, extension: ".rec" };
    const path = writeLastFile(file, lastRecording(node, words(error)), FILES_MAX);
    log.write("error", `what it decided of late is kept, see: draft sim --replay ${shellWord(path)}`, { file: path });
  } catch (failure) {
    log.write("warn", `what it decided of late is lost: ${words(failure)}`);
  }
}

/** A disk that is known to stand still would hold the process back from its end. */
function whyNot(node: Node): string | null {
  const stalled = [...node.groups.values()].some(({ state }) => state.diskStalled);
  return stalled ? "the disk stands still" : null;
}

/** Errors of draft hold no data of users. Those of a plugin or a program may, and what draft says of them: that is in the log alone. */
function words(error: unknown): string {
  if (error instanceof DraftError) return isOurs(error) ? `${error.code}, ${error.message}` : error.code;
  if (error instanceof AssertionFailed || (error instanceof Error && "code" in error)) return error.message;
  return `${error instanceof Error ? error.name : typeof error} that nobody caught`;
}

/** Whether nobody but draft and the system has a word in it: that one names a call and a path. */
function isOurs({ cause }: DraftError): boolean {
  if (cause instanceof DraftError) return isOurs(cause);
  const isOfSystem = cause instanceof Error && "code" in cause && typeof cause.code === "string" && /^E[A-Z0-9]+$/.test(cause.code);
  return cause === undefined || isOfSystem;
}
