/**
 * HTTP beside draft's own protocol, in the same rounds on the same three nodes, the leader asked, one request under way on
 * each of as many connections: how many a second, and how long the node is on a processor for one, which says what a
 * request costs whatever its sender takes.
 */
import { runLoad } from "../../src/cli/bench_load.ts";
import { TestCluster } from "../../test/e2e/processes.ts";
import { runHttpLoad } from "./http_load.ts";
import { busyMs } from "./usage.ts";
import { median, type Outcome, programOf, type Say, type WeighOptions } from "./weigh.ts";

const CONNECTIONS = 64;

interface Measured {
  readonly perSecond: number;
  readonly micros: number;
}

/** @returns medians over the rounds, and of the ratios to what was measured in the same round */
export async function weighHttp(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys: ops, valueBytes, rounds } = options;
  await using cluster = await TestCluster.start(programOf(options));
  const { address, running } = await cluster.leader();
  const keys = Array.from({ length: ops }, (_, at) => `key-${String(at).padStart(12, "0")}`);
  const value = "v".repeat(valueBytes);
  const own = (operation: "write" | "read") => runLoad({
    addresses: [address], spread: false, operation, level: "linearizable", sessions: operation === "write", connections: CONNECTIONS, inflight: 1, ops, keys, value, measured: () => {},
  });
  const http = (request: (key: string) => string) => runHttpLoad({ address, connections: CONNECTIONS, ops, request: (at) => request(keys[at] ?? "") });
  const loads = {
    write: () => own("write"),
    put: () => http((key) => `PUT /v1/kv/${key} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${value.length}\r\n\r\n${value}`),
    read: () => own("read"),
    get: () => http((key) => `GET /v1/kv/${key} HTTP/1.1\r\nhost: localhost\r\n\r\n`),
  };
  const all: Record<keyof typeof loads, Measured[]> = { write: [], put: [], read: [], get: [] };
  let errors = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const [name, load] of Object.entries(loads) as [keyof typeof loads, typeof loads.put][]) {
      const beforeMs = busyMs(running?.pid ?? 0);
      const { done, errors: failed, elapsedMs } = await load();
      const measured = { perSecond: done / elapsedMs * 1000, micros: (busyMs(running?.pid ?? 0) - beforeMs) / done * 1000 };
      errors += failed;
      say(`${name}: ${Math.round(measured.perSecond)} a second, ${measured.micros.toFixed(1)} µs at the leader`);
      // The first round warms up.
      if (round > 0) all[name].push(measured);
    }
  }
  const told = (name: keyof typeof loads, beside: keyof typeof loads): string => {
    const ratio = (of: (each: Measured) => number): string => median(all[name].map((each, at) => of(each) / of(all[beside][at] ?? each))).toFixed(2);
    return `${Math.round(median(all[name].map(({ perSecond }) => perSecond)))} a second, ${ratio(({ perSecond }) => perSecond)} of the client's; ` +
      `${median(all[name].map(({ micros }) => micros)).toFixed(1)} µs each at the leader, ${ratio(({ micros }) => micros)} of the client's`;
  };
  return { isSound: errors === 0, figures: { "PUT": told("put", "write"), "GET": told("get", "read") } };
}
