/** Runs what a seed stands for, and says what came of it. */
import type { Guard } from "../host/guard.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { Astray } from "./astray.ts";
import { newestBuild } from "./builds.ts";
import { isKnown } from "./known_machine.ts";
import { ForbiddenGlobals } from "./properties/forbidden_globals.ts";
import { allProperties } from "./properties/index.ts";
import type { Property, Violation } from "./property.ts";
import type { Script } from "./script.ts";
import { withStateHash } from "./state_hash.ts";
import { drawScript, type SwarmOptions } from "./swarm.ts";
import { World } from "./world.ts";
import { NAMES } from "./world_cluster.ts";

/** How a seed is run. */
export interface RunOptions extends SwarmOptions {
  readonly plugin: AnyPlugin;
  /** Made anew for each run; all there are if nothing is said. */
  readonly properties?: () => readonly Property[];
  /** Machines run under it, and what it refuses breaks a rule. */
  readonly guard?: Guard;
  readonly eventsMax?: number;
}

/** What came of a run. */
export interface Outcome {
  readonly seed: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly operations: number;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
  readonly traceHash: string;
  readonly violation: Violation | null;
}

const EVENTS_MAX = 5_000_000;

/** Runs one seed. */
export function runSeed(seed: number, options: RunOptions): Promise<Outcome> {
  return runScript(drawScript(seed, options), options);
}

/** Runs one script: at once, unless clients of the library take part. */
export async function runScript(script: Script, options: RunOptions): Promise<Outcome> {
  const world = worldOf(script, options);
  await world.run();
  return outcomeOf(world);
}

/** The world of a script, not yet run; `more` hear of it besides. */
export function worldOf(script: Script, options: RunOptions, more: readonly Property[] = []): World {
  const { guard, eventsMax = EVENTS_MAX } = options;
  const { versions } = script.settings;
  const plugin = versions === undefined ? options.plugin : newestBuild(options.plugin, versions.newest);
  const forbidden = guard === undefined ? null : new ForbiddenGlobals(guard);
  const { astray: settings } = script.settings;
  const astray = settings === undefined ? null : new Astray(settings, NAMES[settings.who - 1] as string);
  const properties: Property[] = [...(forbidden === null ? [] : [forbidden]), ...(astray === null ? [] : [astray]), ...(options.properties ?? (() => allProperties({ engines: script.settings.engines === true })))(), ...more];
  const guarded = forbidden === null ? plugin : forbidden.around(plugin);
  const compared = isKnown(plugin) ? guarded : withStateHash(guarded);
  const watched = properties.reduce((last, property) => property.watched?.(last) ?? last, compared);
  return new World(script, { plugin: watched, properties, eventsMax, astray });
}

function outcomeOf(world: World): Outcome {
  const { scheduler } = world.cluster;
  return {
    seed: world.script.seed,
    events: scheduler.events,
    simulatedMs: scheduler.nowMs,
    operations: world.operations,
    faults: Object.fromEntries([...world.nemesis.counts, ...world.cluster.net.ways.counts]),
    marks: Object.fromEntries(world.marks.counts),
    traceHash: world.hash.text,
    violation: world.violation,
  };
}
