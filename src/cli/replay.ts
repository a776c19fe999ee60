/**
 * `draft sim --replay FILE`: what production decided, decided again.
 */
import { readFileSync } from "node:fs";
import { clockText } from "../base/clock_text.ts";
import { DraftError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { mergeStories, readRecordingFile } from "../node/recording.ts";
import { replay, type Replayed } from "../sim/replay.ts";
import type { Io } from "./io.ts";
import type { OptionSpec } from "./leaf.ts";

export const REPLAY_OPTION: OptionSpec = {
  raw: "--replay <file>",
  description: "runs the decisions in a recording again (draft admin record FILE) and tells them",
};

/**
 * Replays the recordings in a file and prints story and verdict.
 *
 * @returns 0 if this program does what was recorded, else 1
 * @throws DraftError NOT_FOUND, BAD_REQUEST, DAMAGED
 */
export function replayFile(path: string, json: boolean, io: Io): number {
  const all = readRecordingFile(contentOf(path)).map(replay);
  const story = mergeStories(all.map((each) => each.story));
  if (json) io.out(JSON.stringify({ nodes: all.map(({ story: _told, ...verdict }) => verdict), story }));
  else {
    for (const { wallMs, text } of story) io.out(`${clockText(wallMs)}  ${text}`);
    if (story.length > 0) io.out("");
    io.out(all.length === 0 ? "the recording is empty" : all.map(verdictText).join("\n"));
  }
  return all.some(({ difference }) => difference !== null) ? 1 : 0;
}

function contentOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DraftError(code === "ENOENT" ? "NOT_FOUND" : "BAD_REQUEST", `file "${path}" cannot be read: ${message}: draft admin record FILE makes one`);
  }
}

function verdictText(replayed: Replayed): string {
  const { nodeId, steps, taken, difference, fromWallMs, toWallMs } = replayed;
  if (steps === 0) return `${nodeId}: no steps were recorded`;
  if (difference === null) {
    return `${nodeId}: ${steps} steps from ${clockText(fromWallMs ?? 0)} to ${clockText(toWallMs ?? 0)}: each did again what it had done`;
  }
  const other = replayed.version === version ? "" : ` (recorded by draft ${replayed.version}, replayed by ${version})`;
  return [
    `${nodeId}: DIFFERS at step ${taken} of ${steps}, ${clockText(difference.wallMs)}${other}`,
    `  what happened: ${difference.event}`,
    `  recorded:      ${nodeId} ${difference.recorded}`,
    `  now:           ${nodeId} ${difference.replayed}`,
  ].join("\n");
}
