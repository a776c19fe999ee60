/**
 * What the nodes of a cluster recorded of late: fetched from each that answers, for a file or for the eye.
 */
import { writeFileSync } from "node:fs";
import { clockText } from "../base/clock_text.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Client } from "../client/client.ts";
import { askEach } from "../gateway/survey.ts";
import { decodeRecording, mergeStories, recordingFile, type Recording } from "../node/recording.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";

/** Sentences that `.story` shows. */
const STORY_LINES = 50;

type Asked = Pick<RequestSettings, "group" | "timeoutMs">;

interface Fetched {
  readonly bodies: readonly Uint8Array[];
  readonly recordings: readonly Recording[];
  /** Why others are missing. */
  readonly missing: readonly string[];
}

/** Asks every node that can be reached. @throws DraftError if none answers */
async function fetchAll(client: Client, kind: "record" | "story", asked: Asked): Promise<Fetched> {
  const { answers, missing } = await askEach(client, asked, (address) => client.recording(kind, { ...asked, address }));
  const bodies = answers.map(({ answer }) => answer);
  return { bodies, recordings: bodies.map(decodeRecording), missing };
}

/** Writes what all nodes recorded to `path`, which must not be there yet. */
export async function recordTo(path: string, client: Client, settings: RequestSettings, io: Io): Promise<void> {
  const { bodies, recordings, missing } = await fetchAll(client, "record", settings);
  const file = recordingFile(bodies);
  try {
    writeFileSync(path, file, { flag: "wx", mode: 0o600 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new DraftError("BAD_REQUEST", `file "${path}" is there already: draft admin record ANOTHER`);
    throw new DraftError("BAD_REQUEST", `file "${path}" cannot be written: ${message}: draft admin record ANOTHER`);
  }
  const nodes = recordings.map(({ nodeId, halves }) => ({ nodeId, steps: halves.reduce((sum, { steps }) => sum + steps, 0) }));
  if (settings.json) return io.out(JSON.stringify({ file: path, bytes: file.length, nodes, missing }));
  for (const each of missing) io.err(`not recorded: ${each}`);
  io.out(`${nodes.map(({ nodeId, steps }) => `${nodeId}: ${steps} steps`).join(", ")}; ${file.length} bytes in ${path}: draft sim --replay ${shellWord(path)}`);
}

/** What happened of late in the whole cluster, in words. */
export async function showStory(client: Client, settings: RequestSettings, io: Io): Promise<void> {
  const { recordings, missing } = await fetchAll(client, "story", settings);
  const story = mergeStories(recordings.map((recording) => recording.story)).slice(-STORY_LINES);
  if (settings.json) return io.out(JSON.stringify({ story, missing }));
  for (const each of missing) io.err(`(not heard: ${each})`);
  io.out(story.length === 0 ? "nothing happened yet" : story.map(({ wallMs, text }) => `${clockText(wallMs)}  ${text}`).join("\n"));
}
