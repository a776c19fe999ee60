/**
 * Files that are written in the last moment of a process, when no callback is waited for any more: at once, and never
 * synced. What the system has taken outlives the process, and a sync may stand still for as long as a disk likes.
 */
import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Which file among those of its kind: `7.rec` is the 7th. */
export interface NumberedFile {
  readonly directory: string;
  readonly number: number;
  /** With its dot. */
  readonly extension: string;
}

/**
 * Writes the file, and leaves of those before it only the newest, so that there are `filesMax` in the end.
 *
 * @returns its path
 * @throws HostError; then it is not there
 */
export function writeLastFile({ directory, number, extension }: NumberedFile, content: Uint8Array, filesMax: number): string {
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  const path = `${directory}/${number}${extension}`;
  const others = readdirSync(directory).filter((name) => name.endsWith(extension) && /^\d+$/.test(name.slice(0, -extension.length)))
    .map((name) => Number(name.slice(0, -extension.length))).filter((each) => each !== number).sort((a, b) => b - a);
  for (const old of others.slice(filesMax - 1)) unlinkSync(`${directory}/${old}${extension}`);
  try {
    writeFileSync(path, content, { mode: FILE_MODE });
  } catch (error) {
    // Half a recording is no recording, and a full disk wants its room back.
    unlinkSync(path);
    throw error;
  }
  return path;
}
