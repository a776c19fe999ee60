/**
 * `draft client`: one command, lines of a pipe, or the prompt.
 */
import process from "node:process";
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import { CLIENT_OPTIONS, clientFrom, LEVEL_OPTION, type RequestSettings, settingsFrom } from "./client_options.ts";
import { dispatch } from "./dispatch.ts";
import type { Io } from "./io.ts";
import type { Leaf, Parsed } from "./leaf.ts";
import { lockLeaf } from "./lock.ts";
import { runPiped, runPrompt } from "./prompt.ts";
import { Session } from "./session.ts";

const STOPS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** The command. */
export const clientLeaf: Leaf = {
  words: ["client"],
  usage: "[COMMAND…]",
  summary: "runs commands on a cluster; without one, opens a prompt",
  options: [
    ...CLIENT_OPTIONS,
    LEVEL_OPTION,
    { raw: "--min-index <n>", description: "read from a state at or past this index" },
  ],
  positionals: { min: 0, max: Number.POSITIVE_INFINITY },
  verbatim: true,
  examples: [
    "draft client set k v",
    "draft client --level stale get k",
    "draft client -c 127.0.0.1:7101,127.0.0.1:7102 incrby n -5",
    "echo 'get k' | draft client --json",
    "draft client watch user/ FROM 120",
    "draft client lock deploy -- ./deploy.sh",
    "draft client help",
  ],
  run: client,
};

async function client({ options, positionals }: Parsed, io: Io): Promise<number> {
  const settings = settingsFrom(options);
  await using connected = clientFrom(options, io.env);
  if (await meansLock(positionals, connected, settings)) {
    return await dispatch(["client", ...positionals], [lockLeaf({ client: connected, settings })], io);
  }
  const session = new Session(connected, settings, io);
  if (positionals.length > 0) return await untilStopped(positionals, session);
  if (!io.inputIsTerminal) return (await runPiped(session, io)).code;
  io.out("draft client: .help lists what can be typed, .exit leaves");
  return await runPrompt(session, io);
}

/** Runs one command. A watch ends with the first signal, in good order; other commands as processes do. */
async function untilStopped(words: readonly string[], session: Session): Promise<number> {
  if (!/^\.?watch$/i.test(words[0] ?? "")) return session.run(words);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new DraftError("TIMEOUT", "interrupted"));
  for (const signal of STOPS) process.once(signal, stop);
  try {
    return await session.run(words, stopping.signal);
  } finally {
    for (const signal of STOPS) process.off(signal, stop);
  }
}

/** Whether `lock` is the command that holds a lock, and no operation of the machine. */
async function meansLock([word, ...rest]: readonly string[], connected: Client, { group, timeoutMs }: RequestSettings): Promise<boolean> {
  if (word !== "lock") return false;
  if (rest.length === 0 || ["--", "--help", "-h"].some((each) => rest.includes(each))) return true;
  return (await connected.operations({ group, timeoutMs })).every(({ name }) => name !== word);
}
