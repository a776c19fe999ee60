/** What a metric is: the one place that says its name, what it means, and where its values are read. */
import type { NodeStatus } from "../../net/client_answers.ts";
import type { Node } from "../../node/node.ts";
import type { DiskSizes } from "./disk_sizes.ts";
import type { Meters } from "./meters.ts";

/** What the process says of itself. */
export interface ProcessReading {
  readonly startedSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
}

/** All that is known at one moment. */
export interface Reading {
  readonly status: NodeStatus;
  readonly node: Node;
  readonly meters: Meters;
  readonly sizes: DiskSizes;
  readonly process: ProcessReading;
  /** Connections that are open, by door. */
  readonly connections: Readonly<Record<string, number>>;
  /** Answers over HTTP whose end is open. */
  readonly streams: number;
  /** Bytes of HTTP bodies that are held. */
  readonly bodyBytes: number;
}

export type Labels = Readonly<Record<string, string>>;

/** A value of each series. */
export type Values<T> = readonly (readonly [labels: Labels, value: T])[];

/** How often durations fell between bounds, as `Buckets` count them. */
interface Durations {
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
  readonly sumMs: number;
}

interface Named {
  /** By the conventions of Prometheus: with its unit, and `_total` of what only grows. */
  readonly name: string;
  readonly help: string;
}

/** One metric. */
export type Row =
  | Named & { readonly type: "gauge" | "counter"; readonly read: (reading: Reading) => Values<number> }
  | Named & { readonly type: "histogram"; readonly read: (reading: Reading) => Values<Durations> };

/** A value without labels. */
export function single(value: number): Values<number> {
  return [[{}, value]];
}

/** One value for each name. */
export function byName(label: string, values: Readonly<Record<string, number>>, labels: Labels = {}): Values<number> {
  return Object.entries(values).map(([name, value]) => [{ ...labels, [label]: name }, value]);
}

/** 1 for the state that it is in, 0 for those that it might be in. */
export function oneOf(label: string, states: readonly string[], state: string, labels: Labels = {}): Values<number> {
  return states.map((each) => [{ ...labels, [label]: each }, each === state ? 1 : 0]);
}
