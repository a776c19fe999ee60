/**
 * The text that Prometheus reads, by its client library: loaded when somebody asks for the first time, for a node that
 * nobody asks has no use for it. What is counted is read at that moment; the library's own counters stay unused, since
 * they take one value at a time, and look its labels up for each.
 */
import type { Metric } from "prom-client";
import type { Reading, Row } from "./row.ts";

/** One line of a metric, as the registry writes it. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What the registry asks of a metric. */
interface Told {
  readonly name: string;
  readonly help: string;
  readonly type: Row["type"];
  readonly values: readonly Sample[];
}

const MS_A_SECOND = 1000;

/** What `rows` tell of one moment, in the exposition format 0.0.4. */
export async function metricsText(rows: readonly Row[], reading: Reading): Promise<string> {
  const { Registry } = await import("prom-client");
  const registry = new Registry();
  for (const row of rows) {
    const told: Told = { name: row.name, help: row.help, type: row.type, values: samplesOf(row, reading) };
    registry.registerMetric({ name: row.name, get: () => Promise.resolve(told) } as unknown as Metric);
  }
  return registry.metrics();
}

function samplesOf(row: Row, reading: Reading): Sample[] {
  if (row.type !== "histogram") return row.read(reading).map(([labels, value]) => ({ labels, value }));
  return row.read(reading).flatMap(([labels, { boundsMs, counts, sumMs }]) => {
    let count = 0;
    const buckets = counts.map((each, at): Sample => {
      count += each;
      const bound = boundsMs[at];
      return { metricName: `${row.name}_bucket`, labels: { ...labels, le: bound === undefined ? "+Inf" : String(bound / MS_A_SECOND) }, value: count };
    });
    return [...buckets, { metricName: `${row.name}_sum`, labels, value: sumMs / MS_A_SECOND }, { metricName: `${row.name}_count`, labels, value: count }];
  });
}
