/**
 * What draft takes when there is much of everything, and what a read of each level costs beside a write, HTTP beside
 * draft's own protocol, watchers beside none: pauses and
 * latencies while a snapshot is taken, memory and disk while a follower catches up or keys are overwritten for long, the time of a start with a long log. Real nodes on
 * fresh directories, with the client library as load; figures of one run compare, those of two runs on a shared machine
 * little.
 *
 *   npm run weigh -- snapshot  [--keys 1000000] [--value-bytes 100] [--rate 2000] [--seconds 20] [--rounds 3]
 *   npm run weigh -- catch-up  [--bytes 2GiB] [--keys 65536] [--value-bytes 4096] [--rate 500]
 *   npm run weigh -- restart   [--bytes 1GiB] [--keys 200000] [--value-bytes 4096] [--rounds 3]
 *   npm run weigh -- reads     [--keys 40000] [--value-bytes 100] [--rounds 5]; so many operations, each on its own key
 *   npm run weigh -- redis     [--keys 20000] [--value-bytes 100] [--rounds 3]; beside redis-server and etcd, so many sets
 *   npm run weigh -- tools     [--bytes 1GiB] [--keys 100000] [--value-bytes 4096] [--rounds 5]; draft log on a stopped node
 *   npm run weigh -- overwrite [--bytes 128MiB] [--keys 100000] [--value-bytes 1000] [--rate 2000] [--seconds 600]
 *   npm run weigh -- http      [--keys 20000] [--value-bytes 100] [--rounds 5]; so many operations
 *   npm run weigh -- watch     [--keys 1000] [--rate 200] [--seconds 10]; so many watchers
 *
 * --program runs the nodes (`bun src/cli/main.ts` if nothing is said), --json prints the figures as one line. Ends with 1
 * if anything but the figures is not as it must be.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { weighCatchUp } from "./weigh/catch_up.ts";
import { weighHttp } from "./weigh/http.ts";
import { weighOverwrite } from "./weigh/overwrite.ts";
import { weighReads } from "./weigh/reads.ts";
import { weighRedis } from "./weigh/redis.ts";
import { weighRestart } from "./weigh/restart.ts";
import { weighSnapshot } from "./weigh/snapshot.ts";
import { weighWatch } from "./weigh/watch.ts";
import { weighTools } from "./weigh/tools.ts";
import type { Outcome, Say, WeighOptions } from "./weigh/weigh.ts";

type Defaults = Omit<WeighOptions, "program">;

const UNUSED: Defaults = { keys: 0, valueBytes: 0, rate: 0, seconds: 0, rounds: 1, bytes: 0 };
const MIB = 1_048_576;

interface Measure {
  readonly run: (options: WeighOptions, say: Say) => Promise<Outcome>;
  readonly defaults: Defaults;
}

const MEASURES: Readonly<Record<string, Measure>> = {
  snapshot: { run: weighSnapshot, defaults: { ...UNUSED, keys: 1_000_000, valueBytes: 100, rate: 2000, seconds: 20, rounds: 3 } },
  "catch-up": { run: weighCatchUp, defaults: { ...UNUSED, bytes: 2048 * MIB, keys: 65_536, valueBytes: 4096, rate: 500 } },
  restart: { run: weighRestart, defaults: { ...UNUSED, bytes: 1024 * MIB, keys: 200_000, valueBytes: 4096, rounds: 3 } },
  redis: { run: weighRedis, defaults: { ...UNUSED, keys: 20_000, valueBytes: 100, rounds: 3 } },
  reads: { run: weighReads, defaults: { ...UNUSED, keys: 40_000, valueBytes: 100, rounds: 5 } },
  http: { run: weighHttp, defaults: { ...UNUSED, keys: 20_000, valueBytes: 100, rounds: 5 } },
  watch: { run: weighWatch, defaults: { ...UNUSED, keys: 1000, rate: 200, seconds: 10 } },
  tools: { run: weighTools, defaults: { ...UNUSED, bytes: 1024 * MIB, keys: 100_000, valueBytes: 4096, rounds: 5 } },
  overwrite: { run: weighOverwrite, defaults: { ...UNUSED, bytes: 128 * MIB, keys: 100_000, valueBytes: 1000, rate: 2000, seconds: 600 } },
};

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: MIB, GiB: 1024 * MIB };

/** A count, or a size with its unit. */
function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const match = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)?$/.exec(text);
  if (match === null) throw new TypeError(`--${name} ${text}: a number, with KiB, MiB or GiB behind it if it is a size`);
  return Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1);
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals: [name = ""] } = parseArgs({
    allowPositionals: true,
    options: {
      keys: text, "value-bytes": text, rate: text, seconds: text, rounds: text, bytes: text,
      program: { type: "string", default: "bun src/cli/main.ts" }, json: { type: "boolean", default: false },
    },
  });
  const measure = MEASURES[name];
  if (measure === undefined) throw new TypeError(`weigh what: ${Object.keys(MEASURES).join(", ")}?`);
  const { defaults } = measure;
  const options: WeighOptions = {
    keys: numberOf("keys", values.keys, defaults.keys), valueBytes: numberOf("value-bytes", values["value-bytes"], defaults.valueBytes),
    rate: numberOf("rate", values.rate, defaults.rate), seconds: numberOf("seconds", values.seconds, defaults.seconds),
    rounds: numberOf("rounds", values.rounds, defaults.rounds), bytes: numberOf("bytes", values.bytes, defaults.bytes),
    program: values.program.split(" "),
  };
  const beganMs = performance.now();
  const { isSound, figures } = await measure.run(options, (line) => {
    process.stderr.write(`${((performance.now() - beganMs) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  });
  if (values.json) process.stdout.write(`${JSON.stringify({ measure: name, isSound, ...figures })}\n`);
  else for (const [field, figure] of Object.entries(figures)) process.stdout.write(`${field.padEnd(20)} ${shown(field, figure)}\n`);
  return isSound ? 0 : 1;
}

function shown(field: string, figure: number | string): string {
  if (typeof figure === "string") return figure;
  return field.endsWith("Bytes") ? `${Math.round(figure / MIB)} MiB` : String(Math.round(figure * 100) / 100);
}

process.exitCode = await main();
