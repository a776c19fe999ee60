/**
 * A file system of its own for a node: ext4 in a file, mounted by loop. It can be frozen, copied as it stands on the
 * disk, and lose its power. What a machine lacks for that is told in words, so that a test can be skipped with its reason.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { temporaryDirectory } from "../processes.ts";

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: the disk is gone, with all that was not written to it. */
const SHUTDOWN = "open(F, $ARGV[0]) or die $!; my $flags = pack('L', 2); ioctl(F, 0x8004587d, $flags) or die $!";

/** Unmounts with some patience: the last process may only be ending. */
const UNMOUNT = 'for i in 1 2 3 4 5 6 7 8 9 10; do umount "$1" && exit 0; sleep 0.2; done; exit 1';

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, [...args], { stdio: "pipe" });
}

export class FileSystem implements Disposable {
  /** Where it is mounted. */
  readonly path: string;
  readonly #image: string;
  readonly #keeper: ReturnType<typeof spawn>;

  private constructor(directory: string, image: string) {
    this.#image = image;
    this.path = join(directory, "mounted");
    mkdirSync(this.path, { recursive: true });
    run("mount", "-o", "loop", image, this.path);
    // Ends when its input does, however we end; not in our process group, which a test runner may kill.
    const script = `cat > /dev/null; fsfreeze -u "$1"; (${UNMOUNT}) || umount -l "$1"; rm -rf "$2"`;
    this.#keeper = spawn("sh", ["-c", script, "sh", this.path, directory], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  }

  /** @param size as `truncate` takes it: `8M` */
  static make(size: string): FileSystem {
    const directory = temporaryDirectory();
    const image = join(directory, "image");
    run("truncate", "-s", size, image);
    // No blocks for root alone, as whom the test runs; a journal as small as there is.
    run("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=1", "-b", "1024", image);
    return new FileSystem(directory, image);
  }

  /** Writes stand still from now on, until {@link thaw}. */
  freeze(): void {
    run("fsfreeze", "-f", this.path);
  }

  thaw(): void {
    run("fsfreeze", "-u", this.path);
  }

  /** Another one, which holds what this one's disk holds now. */
  copy(): FileSystem {
    const directory = temporaryDirectory();
    const image = join(directory, "image");
    copyFileSync(this.#image, image);
    return new FileSystem(directory, image);
  }

  /** The power is cut: what no sync has brought to the disk is lost; every call fails from now on. */
  cutPower(): void {
    run("perl", "-e", SHUTDOWN, this.path);
  }

  /** The power is back: what is on the disk is read anew. Nobody may have a file of it open. */
  restorePower(): void {
    run("sh", "-c", UNMOUNT, "sh", this.path);
    run("mount", "-o", "loop", this.#image, this.path);
  }

  [Symbol.dispose](): void {
    this.#keeper.stdin?.end();
    this.#keeper.unref();
  }
}

/** Why no file system of one's own can be made here; empty if one can. */
export function whyNoFileSystem(): string {
  if (process.platform !== "linux") return `ext4 by loop wants Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "to mount wants root";
  for (const tool of ["mkfs.ext4", "mount", "fsfreeze"]) if (isMissing(tool)) return `${tool} is not installed`;
  try {
    using disk = FileSystem.make("8M");
    disk.freeze();
    disk.thaw();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message.trim().split("\n").join(" ") : String(error);
  }
}

/** Why no power can be cut here; empty if it can. */
export function whyNoPowerCut(): string {
  const why = whyNoFileSystem();
  if (why !== "") return why;
  if (isMissing("perl")) return "perl is not installed";
  try {
    using disk = FileSystem.make("8M");
    disk.cutPower();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message.trim().split("\n").join(" ") : String(error);
  }
}

/** Why strace cannot inject faults here; empty if it can. */
export function whyNoStrace(): string {
  if (isMissing("strace")) return "strace is not installed";
  const { status, stderr } = spawnSync("strace", ["-f", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO", "true"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? "" : `strace cannot trace: ${stderr.trim()}`;
}

function isMissing(tool: string): boolean {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", tool]).status !== 0;
}

/**
 * What runs draft under strace, which does `injection` to one of its calls: `fdatasync:error=EIO:when=40`.
 *
 * @param path only calls on this file count
 */
export function underStrace(program: string, injection: string, path: string | null = null): string[] {
  const call = injection.slice(0, injection.indexOf(":"));
  return ["strace", "-f", "-qq", "-o", "/dev/null", ...(path === null ? [] : ["-P", path]), "-e", `trace=${call}`, "-e", `inject=${injection}`, program];
}

/** Prints why something is not tried, if it is not. @returns whether it can be */
export function canTry(what: string, why: string): boolean {
  if (why !== "") console.log(`\nskipped: ${what}: ${why}`);
  return why === "";
}
