/**
 * Makes a failing script small, as long as the same rule is broken and within a number of runs: without any fault or
 * request, with fewer nodes, within a shorter time, without each lossy way, without each thing that it need not be set up
 * with, and then fault by fault and request by request.
 */
import { minimize } from "../base/minimize.ts";
import { type RunOptions, runScript } from "./run_seed.ts";
import type { Fault, LossyWay, PlannedOperation, Script, Settings, Who } from "./script.ts";

/** When to give up. */
export interface ShrinkLimits {
  readonly runsMax: number;
  /** Asked before each run: false ends it. */
  readonly goOn: () => boolean;
}

/** What came of it. */
export interface Shrunk {
  readonly script: Script;
  readonly runs: number;
}

/** Nobody wants to know it better. */
const SAFETY_STEP_MS = 200;

type Part = { readonly fault: Fault } | { readonly operation: PlannedOperation };

/**
 * The smallest script that was found in which `property` is broken as well.
 *
 * @param script in which it is broken
 */
export async function shrink(script: Script, property: string, options: RunOptions, limits: ShrinkLimits): Promise<Shrunk> {
  let runs = 0;
  const mayRun = (): boolean => runs < limits.runsMax && limits.goOn();
  const fails: Fails = async (candidate) => {
    if (!mayRun()) return false;
    runs += 1;
    return (await runScript(candidate, options)).violation?.property === property;
  };
  const empty = { ...script, faults: [], operations: [] };
  const bare = await fails(empty) ? empty : script;
  const few = await withFewerNodes(bare, fails);
  const short = await withinLessTime(few, fails);
  const sound = await withFewerWays(short, fails);
  const plain = await withFewerSettings(sound, fails);
  const small = await withFewerParts(plain, fails, mayRun);
  return { script: small, runs };
}

type Fails = (candidate: Script) => Promise<boolean>;

/** The fewest nodes come first: these are the quickest runs. */
async function withFewerNodes(script: Script, fails: Fails): Promise<Script> {
  for (let nodes = 1; nodes < script.settings.nodes; nodes++) {
    const candidate = withNodes(script, nodes);
    if (await fails(candidate)) return candidate;
  }
  return script;
}

/** What happens to those who are not there any more is left out; what they were asked, another one is. */
function withNodes(script: Script, nodes: number): Script {
  const { settings } = script;
  const { membership } = settings;
  const library = settings.library?.map(({ client, knows }) => ({ client, knows: knows.map((place) => (place - 1) % nodes + 1) }));
  return {
    ...script,
    settings: withWays({
      ...settings, ...(library === undefined ? {} : { library }), nodes,
      ...(membership === undefined ? {} : { membership: { ...membership, founders: Math.min(membership.founders, nodes) } }),
      drift: settings.drift.slice(0, nodes), wallOffsetMs: settings.wallOffsetMs.slice(0, nodes),
    }, (settings.ways ?? []).filter(({ from, to }) => from <= nodes && to <= nodes)),
    faults: script.faults.filter((fault) => placesOf(fault).every((place) => place <= nodes)).map((fault) => withinPlaces(fault, nodes)),
    operations: script.operations.map((operation) => ({ ...operation, member: (operation.member - 1) % nodes + 1 })),
  };
}

function placesOf(fault: Fault): Who[] {
  const { who = 0, from = 0, to = 0, a = 0, b = 0, via = 0 } = fault as { [name in "who" | "from" | "to" | "a" | "b" | "via"]?: Who };
  return [who, from, to, a, b, via];
}

/** Of what is wanted of several members, another one is meant. */
function withinPlaces(fault: Fault, nodes: number): Fault {
  if (fault.kind !== "change") return fault;
  return { ...fault, wishes: fault.wishes.map(({ what, who, by }) => ({ what, who: who % (nodes + 1), by: by % (nodes + 1) })) };
}

/** Halves the interval in which the shortest time lies. */
async function withinLessTime(script: Script, fails: Fails): Promise<Script> {
  let shortest = script;
  let tooShortMs = 0;
  while (shortest.settings.safetyMs - tooShortMs > SAFETY_STEP_MS) {
    const safetyMs = Math.round((shortest.settings.safetyMs + tooShortMs) / 2);
    const candidate = { ...shortest, settings: { ...shortest.settings, safetyMs } };
    if (await fails(candidate)) shortest = candidate;
    else tooShortMs = safetyMs;
  }
  // Later faults do not come any more. Requests wait for each other: which ones do is left to be tried.
  const faults = shortest.faults.filter(({ atMs }) => atMs <= shortest.settings.safetyMs);
  const candidate = { ...shortest, faults };
  return faults.length < shortest.faults.length && await fails(candidate) ? candidate : shortest;
}

/** All at once, or one by one: there are at most 42. */
async function withFewerWays(script: Script, fails: Fails): Promise<Script> {
  const ways = script.settings.ways ?? [];
  const without = (some: readonly LossyWay[]): Script => ({ ...script, settings: withWays(script.settings, some) });
  if (ways.length === 0 || await fails(without([]))) return without([]);
  let left = ways;
  for (const way of ways) {
    const rest = left.filter((each) => each !== way);
    if (await fails(without(rest))) left = rest;
  }
  return without(left);
}

/**
 * Settings that may be left out, each with those that mean nothing without it. Not those that say who has to live in the
 * end, or how long that may take: without them a run may fail for another reason.
 */
const OPTIONAL: readonly (readonly (keyof Settings)[])[] = [
  ["versions"], ["astray"], ["verdicts", "astray"], ["engines"], ["library"],
  ["ordered"], ["sessionLimits"], ["sessions", "ordered", "sessionLimits"], ["queueBytesMax"],
];

/** Nothing special about clocks, and pieces that come as they were sent. */
const PLAINER: readonly ((settings: Settings) => Partial<Settings>)[] = [
  ({ drift }) => ({ drift: drift.map(() => 0) }),
  ({ wallOffsetMs }) => ({ wallOffsetMs: wallOffsetMs.map(() => 0) }),
  () => ({ netCutOneIn: 0 }),
  () => ({ calmStart: true }),
];

async function withFewerSettings(script: Script, fails: Fails): Promise<Script> {
  let plainest = script;
  const changes = [
    ...OPTIONAL.map((names) => (settings: Settings) => Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name as keyof Settings))) as unknown as Settings),
    ...PLAINER.map((plainer) => (settings: Settings) => ({ ...settings, ...plainer(settings) })),
  ];
  for (const change of changes) {
    const settings = change(plainest.settings);
    const isOther = JSON.stringify(settings) !== JSON.stringify(plainest.settings);
    const candidate = { ...plainest, settings };
    if (isOther && await fails(candidate)) plainest = candidate;
  }
  return plainest;
}

async function withFewerParts(script: Script, fails: Fails, mayRun: () => boolean): Promise<Script> {
  const parts: Part[] = [...script.operations.map((operation) => ({ operation })), ...script.faults.map((fault) => ({ fault }))];
  return scriptOf(script, await minimize(parts, (rest) => fails(scriptOf(script, rest)), mayRun));
}

function scriptOf(script: Script, parts: readonly Part[]): Script {
  return {
    ...script,
    faults: parts.flatMap((part) => "fault" in part ? [part.fault] : []),
    operations: parts.flatMap((part) => "operation" in part ? [part.operation] : []),
  };
}

function withWays({ ways: _, ...settings }: Settings, ways: readonly LossyWay[]): Settings {
  return ways.length === 0 ? settings : { ...settings, ways };
}
