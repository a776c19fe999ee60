/**
 * What the offline tools take of a long log: `draft log show` of a few entries in its middle, and `draft log check` of
 * all of it; beside a floor, a program that reads the same files and sums up their bytes, and does nothing else.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { makeLog } from "./made_log.ts";
import { bytesBelow, filesBelow, MIB } from "./usage.ts";
import { median, type Outcome, type Say, type WeighOptions } from "./weigh.ts";

/** How many entries are shown besides the first. */
const SHOWN = 10;

const LOOK_MS = 5;

/** Reads each file in pieces and sums it up. */
const FLOOR = `
  import { closeSync, openSync, readSync } from "node:fs";
  import { crc32 } from "node:zlib";
  const piece = new Uint8Array(${4 * MIB});
  let sum = 0;
  for (const path of process.argv.slice(1)) {
    const file = openSync(path);
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece)) sum = crc32(piece.subarray(0, count), sum);
    closeSync(file);
  }
  console.log(sum);
`;

/** What one run of a program took. */
interface Ran {
  readonly ms: number;
  readonly memoryBytes: number;
  readonly lines: readonly string[];
}

/** @returns medians over the rounds; times from the start of a process to its end */
export async function weighTools(options: WeighOptions, say: Say): Promise<Outcome> {
  const { bytes, keys, valueBytes, rounds, program } = options;
  const directory = mkdtempSync(join(tmpdir(), "draft-weigh-tools-"));
  try {
    const lastIndex = await makeLog({ directory, bytes, valueBytes, keys });
    const files = filesBelow(join(directory, "wal")).filter((name) => name.endsWith(".seg"));
    const logBytes = bytesBelow(join(directory, "wal"));
    say(`${lastIndex} entries of ${valueBytes} bytes, ${Math.round(logBytes / MIB)} MiB of log`);
    const from = Math.floor(lastIndex / 2);
    const shows: Ran[] = [];
    const checks: Ran[] = [];
    const floors: Ran[] = [];
    for (let round = 0; round < rounds; round++) {
      floors.push(await ran(["bun", "-e", FLOOR, ...files]));
      shows.push(await ran([...program, "log", "show", "--data", directory, "--from", String(from), "--to", String(from + SHOWN), "--json"]));
      checks.push(await ran([...program, "log", "check", "--data", directory, "--json"]));
      say(`floor ${Math.round(floors.at(-1)?.ms ?? 0)} ms, show ${Math.round(shows.at(-1)?.ms ?? 0)} ms, check ${Math.round(checks.at(-1)?.ms ?? 0)} ms`);
    }
    const isShown = shows.every(({ lines }) => lines.length === SHOWN + 1 && lines.every((line, at) => (JSON.parse(line) as { index: number }).index === from + at));
    const isChecked = checks.every(({ lines }) => lines.length === 1 && (JSON.parse(lines[0] ?? "") as { ok: boolean }).ok);
    const [floorMs, showMs, checkMs] = [floors, shows, checks].map((all) => median(all.map(({ ms }) => ms))) as [number, number, number];
    return {
      isSound: isShown && isChecked,
      figures: {
        entries: lastIndex, logBytes, floorMs, showMs, checkMs, checkMBPerSecond: logBytes / 1000 / checkMs, floorMBPerSecond: logBytes / 1000 / floorMs,
        showMemoryBytes: Math.max(...shows.map(({ memoryBytes }) => memoryBytes)), checkMemoryBytes: Math.max(...checks.map(({ memoryBytes }) => memoryBytes)),
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function ran([program = "", ...words]: readonly string[]): Promise<Ran> {
  const beganMs = performance.now();
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  let memoryBytes = 0;
  child.stdout.on("data", (bytes: Buffer) => void (out += bytes.toString()));
  const timer = setInterval(() => memoryBytes = Math.max(memoryBytes, mostBytes(child.pid ?? 0)), LOOK_MS);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(timer);
      if (code === 0) resolve({ ms: performance.now() - beganMs, memoryBytes, lines: out.trim().split("\n") });
      else reject(new Error(`${program} ${words.slice(0, 4).join(" ")} ended with ${String(code)}`));
    });
  });
}

/** The most memory that the process took so far; 0 where the system does not tell (only Linux does, in /proc). */
function mostBytes(pid: number): number {
  if (process.platform !== "linux") return 0;
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
