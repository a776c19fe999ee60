/**
 * The file of a backup while it comes: under another name until it is whole, durable and verified, so that there is never
 * half of one under its own.
 */
import { existsSync } from "node:fs";
import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { DraftError } from "../base/errors.ts";
import { runOffline } from "../editor/offline_log.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { SnapshotHead } from "../wal/snapshot_format.ts";
import { verifySnapshot } from "../wal/snapshot_reader.ts";

/** A backup that is being written. */
export class BackupFile {
  readonly path: string;
  /** Bytes that are there. */
  have = 0;
  readonly #temporary: string;
  readonly #file: FileHandle;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /** Begins it. @throws DraftError BAD_REQUEST if `path` is there already, or cannot be written */
  static async create(path: string): Promise<BackupFile> {
    refuseIfThere(path);
    const temporary = `${path}.${process.pid}.part`;
    return written(path, async () => new BackupFile(path, temporary, await open(temporary, "wx", 0o600)));
  }

  /** Writes what comes next. */
  async append(bytes: Uint8Array): Promise<void> {
    await written(this.path, async () => {
      for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at, bytes.length - at, this.have + at)).bytesWritten;
    });
    this.have += bytes.length;
  }

  /** Another snapshot comes in its place. */
  async restart(): Promise<void> {
    await written(this.path, () => this.#file.truncate(0));
    this.have = 0;
  }

  /**
   * Makes all of it durable and reads it back.
   *
   * @param giver the node that it came from
   * @throws DraftError DAMAGED if it does not verify
   */
  async verify(giver: string): Promise<SnapshotHead> {
    await written(this.path, () => this.#file.sync());
    try {
      return await verifyBackup(this.#temporary);
    } catch (error) {
      if (!(error instanceof DraftError) || error.code !== "DAMAGED") throw error;
      // Nothing is left of the file that the message names.
      const what = error.message.replace(` "${this.#temporary}"`, "");
      throw new DraftError("DAMAGED", `${giver} gives a damaged file: ${what}: draft admin why`, { cause: error });
    }
  }

  /** Gives it its name, once it was verified. */
  async finish(): Promise<void> {
    refuseIfThere(this.path);
    await written(this.path, async () => {
      await this.#file.close();
      await rename(this.#temporary, this.path);
      await using directory = await open(dirname(this.path), "r");
      await directory.sync();
    });
  }

  /** Nothing of it stays. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(ignoreClosed);
    await unlink(this.#temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw cannotWrite(this.path, error);
    });
  }
}

/** Reads a backup to its end. @throws DraftError NOT_FOUND; DAMAGED if it is none, or does not verify */
export async function verifyBackup(path: string): Promise<SnapshotHead> {
  const is = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new DraftError("BAD_REQUEST", `file "${path}" cannot be read: ${error.message}`);
  });
  if (is === null || is.isDirectory()) throw new DraftError("NOT_FOUND", `no file "${path}": draft admin backup FILE makes one`);
  return runOffline(verifySnapshot(createNodeHost(silentLog).disk, path));
}

/** @throws DraftError BAD_REQUEST */
export function refuseIfThere(path: string): void {
  if (existsSync(path)) throw new DraftError("BAD_REQUEST", `file "${path}" is there already: draft admin backup ANOTHER`);
}

async function written<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw cannotWrite(path, error as NodeJS.ErrnoException);
  }
}

function cannotWrite(path: string, error: NodeJS.ErrnoException): DraftError {
  return new DraftError("BAD_REQUEST", `file "${path}" cannot be written: ${error.message}: draft admin backup ANOTHER`, { cause: error });
}

/** It was closed before its name was to be changed. */
function ignoreClosed(): void {}
