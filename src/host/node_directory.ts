/** A directory for what a process needs only while it runs. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory that nobody else uses. */
export interface TemporaryDirectory {
  /** Makes an empty directory within it, and tells its path. */
  make(): string;
  /** Removes it with all that is in it. */
  remove(): void;
}

/** Makes a directory. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), "draft-"));
  let made = 0;
  return {
    make: () => {
      const within = join(path, String(++made));
      mkdirSync(within);
      return within;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
