/** What may befall the files of a directory: every case is told by its kind, and where it strikes. */
import { nextInRange, nextU32, type RandomState } from "../../src/base/random.ts";
import { type Files, isSegment, lastRecord, type Part, partsOf } from "./parts.ts";
import { type Directory, type FuzzWorld, leftSnapshot, type Moment } from "./world.ts";

/** One damage. */
export interface Damage {
  readonly kind: string;
  /** File and place. */
  readonly where: string;
  /** The files afterwards. */
  readonly strike: (files: Files) => Files;
}

/** Bytes of a long part that are tried. */
const PLACES_MAX = 256;

const RUNS = 300;
const RUN_BYTES_MAX = 9_000;

/** All that is tried on a directory; the draws of `random` say which bits. */
export function damagesOf(directory: Directory, moment: Moment, world: FuzzWorld, other: FuzzWorld, random: RandomState): Damage[] {
  const { files } = directory;
  return [
    ...cuts(files),
    ...flips(files, random),
    ...runs(files, random),
    ...misplaced(directory, random),
    ...foreign(directory, moment, world, other),
    ...beside(directory, random),
  ];
}

/** The last record, ended at each of its bytes: the file, or what of it is not zero. */
function cuts(files: Files): Damage[] {
  const { path, from, end } = lastRecord(files);
  const damages: Damage[] = [];
  for (let at = from; at < end; at++) {
    const where = `${path}, ${at - from} of ${end - from} bytes left`;
    damages.push({ kind: "last record cut", where, strike: (all) => changed(all, path, (bytes) => bytes.slice(0, at)) });
    damages.push({ kind: "last record torn", where, strike: (all) => changed(all, path, (bytes) => bytes.fill(0, at, end)) });
  }
  return damages;
}

/** A bit in each byte of each kind of field, in one of those that are there. */
function flips(files: Files, random: RandomState): Damage[] {
  const byName = new Map<string, Part[]>();
  for (const part of partsOf(files)) byName.set(part.name, [...(byName.get(part.name) ?? []), part]);
  return [...byName].flatMap(([name, parts]) => {
    const longest = Math.max(...parts.map(({ from, end }) => end - from));
    const step = Math.max(1, Math.ceil(longest / PLACES_MAX));
    const damages: Damage[] = [];
    for (let place = 0; place < longest; place += step) {
      const long = parts.filter(({ from, end }) => place < end - from);
      const { path, from, end } = long[nextInRange(random, 0, long.length - 1)] as Part;
      const at = Math.min(end - 1, from + place + nextInRange(random, 0, step - 1));
      const bit = nextInRange(random, 0, 7);
      damages.push({ kind: `bit: ${name}`, where: `${path}, offset ${at}, bit ${bit}`, strike: (all) => changed(all, path, (bytes) => flipped(bytes, at, bit)) });
    }
    return damages;
  });
}

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  bytes[at]! ^= 1 << bit;
  return bytes;
}

/** Runs of zeros, or of anything, anywhere. */
function runs(files: Files, random: RandomState): Damage[] {
  const paths = [...files].filter(([, bytes]) => bytes.length > 0).map(([path]) => path);
  return Array.from({ length: RUNS }, (_, nth) => {
    const path = paths[nth % paths.length] as string;
    const { length } = files.get(path) as Uint8Array;
    const from = nextInRange(random, 0, length - 1);
    const end = Math.min(length, from + nextInRange(random, 1, nth % 2 === 0 ? 64 : RUN_BYTES_MAX));
    const isZero = nth % 3 !== 0;
    const noise = Uint8Array.from({ length: end - from }, () => nextU32(random) & 0xff);
    return {
      kind: isZero ? "run of zeros" : "run of noise", where: `${path}, ${from} to ${end}`,
      strike: (all: Files) => changed(all, path, (bytes) => {
        if (isZero) bytes.fill(0, from, end);
        else bytes.set(noise, from);
        return bytes;
      }),
    };
  });
}

/** A payload that rots beside the snapshot of a drop that never was. */
function beside(directory: Directory, random: RandomState): Damage[] {
  const left = leftSnapshot(directory);
  return partsOf(directory.files).filter(({ path, name }) => isSegment(path) && name.endsWith("payload")).map(({ path, from, end }): Damage => {
    const at = nextInRange(random, from, end - 1);
    return { kind: "bit beside a left snapshot", where: `${path}, offset ${at}, beside ${[...left.keys()].join()}`, strike: (all) => new Map([...changed(all, path, (bytes) => flipped(bytes, at, at % 8)), ...left]) };
  });
}

/** Files that are not there, empty, shorter, longer, under another's name. */
function misplaced({ files }: Directory, random: RandomState): Damage[] {
  const paths = [...files.keys()].filter((path) => path !== "lock");
  const folders = [...new Set(paths.map((path) => path.slice(0, path.indexOf("/") + 1)))];
  return [
    ...paths.flatMap((path): Damage[] => [
      { kind: "file missing", where: path, strike: (all) => without(all, (each) => each === path) },
      { kind: "file empty", where: path, strike: (all) => changed(all, path, () => new Uint8Array()) },
      { kind: "file longer", where: path, strike: (all) => changed(all, path, (bytes) => Uint8Array.from([...bytes, ...Array.from({ length: 100 }, () => 165)])) },
      ...Array.from({ length: 8 }, (): Damage => {
        const at = nextInRange(random, 0, (files.get(path) as Uint8Array).length);
        return { kind: "file shorter", where: `${path} ends at ${at}`, strike: (all) => changed(all, path, (bytes) => bytes.slice(0, at)) };
      }),
    ]),
    ...folders.map((folder): Damage => ({ kind: "folder missing", where: folder === "" ? "all but folders" : folder, strike: (all) => without(all, (path) => folder === "" ? !path.includes("/") : path.startsWith(folder)) })),
    { kind: "all missing", where: "the directory", strike: () => new Map() },
    ...pairsOf(paths).flatMap(([one, two]): Damage[] => [
      { kind: "files swapped", where: `${one} and ${two}`, strike: (all) => new Map([...all, [one, all.get(two) as Uint8Array], [two, all.get(one) as Uint8Array]]) },
      { kind: "file doubled", where: `${one} also as ${two}`, strike: (all) => new Map([...all, [two, all.get(one) as Uint8Array]]) },
    ]),
    ...paths.filter(isSegment).flatMap((path): Damage[] => [1, 2].map((ahead) => {
      const next = path.replace(/\d{12}/, (digits) => String(Number(digits) + ahead).padStart(12, "0"));
      return { kind: "segment doubled", where: `${path} also as ${next}`, strike: (all) => new Map([...all, [next, all.get(path) as Uint8Array]]) };
    })),
  ];
}

/** Files of another node, of another cluster, and of an earlier time. */
function foreign({ id, files }: Directory, moment: Moment, world: FuzzWorld, other: FuzzWorld): Damage[] {
  const elsewhere = [...moment.others.values()].filter((each) => each.id !== id).map((each): [string, Files] => ["of another node", each.files]);
  const strangers = [...other.quiet.directories.values()].map((each): [string, Files] => ["of another cluster", each.files]);
  const earlier: [string, Files] = ["of an earlier time", world.before.directories.get(id)!.files];
  // A whole log that is put back in time tells of nothing that came later: the others do, and are asked (docs/operations.md).
  const folders = [...elsewhere, ...strangers].flatMap(([whose, theirs]) => ["wal/", "snapshots/"].map((folder): Damage => ({
    kind: `folder ${whose}`, where: folder,
    strike: (all) => new Map([...without(all, (path) => path.startsWith(folder)), ...[...theirs].filter(([path]) => path.startsWith(folder))]),
  })));
  return [...folders, ...[...elsewhere, ...strangers, earlier].flatMap(([whose, theirs]) => [...theirs].filter(([path]) => path !== "lock").map(([path, bytes]): Damage => ({
    kind: `file ${whose}`, where: files.has(path) ? path : `${path}, which was not there`, strike: (all) => new Map([...all, [path, bytes]]),
  })))];
}

function pairsOf(paths: readonly string[]): [string, string][] {
  return paths.flatMap((one) => paths.filter((two) => two !== one).map((two): [string, string] => [one, two]));
}

function changed(files: Files, path: string, change: (bytes: Uint8Array) => Uint8Array): Files {
  return new Map([...files, [path, change((files.get(path) as Uint8Array).slice())]]);
}

function without(files: Files, isGone: (path: string) => boolean): Files {
  return new Map([...files].filter(([path]) => !isGone(path)));
}
