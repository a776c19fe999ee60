/**
 * `draft client lock`: holds a lock of the machine `lock` while a command runs. The command finds the fencing token in
 * its environment, and is ended before somebody else can have the lock.
 */
import { hostname } from "node:os";
import process from "node:process";
import hyperid from "hyperid";
import lock from "../../plugins/lock/lock.ts";
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { RequestSettings } from "./client_options.ts";
import { codeOfSignal, HeldCommand } from "./held_command.ts";
import { hintFor } from "./hints.ts";
import type { Io } from "./io.ts";
import { acquireLock, type Held, keepLease, type LeaseOptions, type Loss, pause } from "./lease.ts";
import { type Leaf, type Options, UsageError } from "./leaf.ts";
import { renderError } from "./render.ts";

const TTL_MS = 15_000;
const TTL_MIN_MS = 1000;
const DAY_MS = 86_400_000;
const HOST_MAX = 200;

/** How long to try to give back what is not waited for any more. */
const LEAVE_MS = 1000;

const PASSED: readonly NodeJS.Signals[] = process.platform === "win32" ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** What `draft client` has found out before it sees that a lock is meant. */
export interface LockContext {
  readonly client: Client;
  readonly settings: RequestSettings;
}

/** The command, as `draft client` hands on to it. Without a context it is there for the help alone. */
export function lockLeaf(context: LockContext | null = null): Leaf {
  return {
    words: ["client", "lock"],
    usage: "NAME -- COMMAND…",
    summary: "holds a lock while a command runs, and ends it if the lock is lost",
    options: [
      { raw: "--ttl-ms <ms>", description: "for how long the lock is had, and renewed again and again", default: String(TTL_MS) },
      { raw: "--wait-ms <ms>", description: "how long to wait for it; 0: not at all", default: "as long as it takes" },
    ],
    positionals: { min: 2, max: Number.POSITIVE_INFINITY },
    examples: [
      "draft client lock deploy -- ./deploy.sh",
      "draft client -c 127.0.0.1:7101 lock nightly --wait-ms 0 -- sh -c 'backup --fence $DRAFT_LOCK_TOKEN'",
    ],
    run: ({ options, positionals: [name = "", ...command] }, io) => {
      if (context === null) throw new UsageError("stands behind the options of draft client");
      return hold(context, leaseOptions(context, name, options), { command, waitMs: waitFrom(options) }, io);
    },
  };
}

/** How long to wait, null: for ever. @throws UsageError */
function waitFrom(options: Options): number | null {
  return options.has("wait-ms") ? options.number("wait-ms", { otherwise: 0, from: 0, to: Number.MAX_SAFE_INTEGER }) : null;
}

/** @throws UsageError */
function leaseOptions({ client, settings: { group, timeoutMs } }: LockContext, name: string, options: Options): LeaseOptions {
  return {
    locks: (within, signal) => client.as(lock, { group, timeoutMs: within, ...(signal === undefined ? {} : { signal }) }),
    clock: createNodeHost(silentLog).clock,
    listen: (changed, signal) => listen(client, name, { group, timeoutMs, signal }, changed),
    name,
    // Nobody else has this name: whoever asks under it is the holder.
    owner: `${hostname().slice(0, HOST_MAX)}/${process.pid}/${hyperid({ urlSafe: true })()}`,
    ttlMs: options.number("ttl-ms", { otherwise: TTL_MS, from: TTL_MIN_MS, to: DAY_MS }),
    timeoutMs,
  };
}

/** Hears of the lock as watchers do. What it cannot hear is found by asking. */
async function listen(client: Client, name: string, options: { group: string; timeoutMs: number; signal: AbortSignal }, changed: () => void): Promise<void> {
  let hasBegun = false;
  const heard = (): void => {
    if (!hasBegun) changed();
    hasBegun = true;
  };
  try {
    for await (const { key } of client.watch(name, { ...options, heard })) if (key === name) changed();
  } catch (error) {
    if (!(error instanceof DraftError) && !options.signal.aborted) throw error;
  }
}

interface Task {
  readonly command: readonly string[];
  readonly waitMs: number | null;
}

/** Returns the command's exit code, or that of what came between. */
async function hold({ settings }: LockContext, options: LeaseOptions, { command, waitMs }: Task, io: Io): Promise<number> {
  const report = (error: DraftError): number => {
    if (settings.json) io.err(JSON.stringify(error));
    else io.err(renderError(hintFor(error)));
    return error.exitCode;
  };
  const stopping = new AbortController();
  let running: HeldCommand | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (running === null) stopping.abort(signal);
    else running.pass(signal);
  };
  for (const signal of PASSED) process.on(signal, onSignal);
  try {
    const held = await acquireOrLeave(options, waitMs, stopping.signal);
    if (typeof held === "string") return report(new DraftError("BUSY", `lock '${options.name}' is held by '${held}': wait longer with --wait-ms`));
    if (held === null) return codeOfSignal(stopping.signal.reason as NodeJS.Signals);
    const env = { DRAFT_LOCK_TOKEN: String(held.token), DRAFT_LOCK_NAME: options.name };
    running = new HeldCommand({ command, env, atTerminal: io.inputIsTerminal });
    const { code, loss } = await runUnder(options, held, running);
    if (running.failure !== null) io.err(`draft client lock: "${command[0] ?? ""}" cannot be run: ${running.failure}`);
    const isLost = loss?.why ?? await release(options, held, io);
    if (isLost === null) return code;
    const end = loss === null ? "before the command ended" : "and the command was ended";
    return report(new DraftError("LOST", `lock '${options.name}' was lost, ${end}: ${isLost}; see what was done, then try again`, { outcome: "unknown" }));
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    return report(error.code === "UNKNOWN_OPERATION" ? notLock(settings.group) : error);
  } finally {
    for (const signal of PASSED) process.off(signal, onSignal);
  }
}

function notLock(group: string): DraftError {
  return new DraftError("UNKNOWN_OPERATION", `the machine of group ${group} has no locks: start the nodes with draft serve --machine lock, or name a group with --group`);
}

/** As `acquireLock`; what is not waited for any more is given back, as far as the cluster can be told. */
async function acquireOrLeave(options: LeaseOptions, waitMs: number | null, signal: AbortSignal): Promise<Held | string | null> {
  try {
    const held = await acquireLock(options, waitMs, signal);
    if (typeof held === "object" && held !== null && !signal.aborted) return held;
    if (signal.aborted || waitMs !== 0) await leave(options);
    return typeof held === "string" ? held : null;
  } catch (error) {
    // It may have been granted.
    if (error instanceof DraftError && error.outcome === "unknown") await leave(options);
    throw error;
  }
}

async function leave({ locks, name, owner }: LeaseOptions): Promise<void> {
  try {
    await locks(LEAVE_MS).leave(name, owner);
  } catch (error) {
    // Lease and place end by themselves.
    if (!(error instanceof DraftError)) throw error;
  }
}

/** Gives the lock back; tells how it was lost before, or null. */
async function release({ locks, name, timeoutMs }: LeaseOptions, { token }: Held, io: Io): Promise<string | null> {
  try {
    return await locks(timeoutMs).release(name, token) ? null : "its lease had ended";
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    io.err(`draft client lock: lock '${name}' stays until its lease ends: ${error.message}`);
    return null;
  }
}

/** Runs the command to its end, under a lease that is renewed; ends it if that is lost. */
async function runUnder(options: LeaseOptions, held: Held, running: HeldCommand): Promise<{ code: number; loss: Loss | null }> {
  const over = new AbortController();
  const kept = keepLease(options, held, over.signal);
  const first = await Promise.race([running.ended, kept]);
  if (typeof first === "object" && first !== null) {
    running.signal("SIGTERM");
    await Promise.race([running.ended, pause(options.clock, first.overMs - options.clock.monotonicMs(), over.signal)]);
    running.signal("SIGKILL");
  }
  const code = await running.ended;
  over.abort();
  return { code, loss: await kept };
}
