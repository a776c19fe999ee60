import { FlightRecorder } from "./src/node/flight_recorder.ts";
import { EventReader } from "./src/raft/event_reader.ts";
import { imageOf, stateOf } from "./src/raft/image.ts";
import { step } from "./src/raft/step.ts";
import { EffectDigest, Outline } from "./src/raft/effect_digest.ts";
import { Cores } from "./test/raft/cores.ts";
import type { Event, EventBody, Effect } from "./src/raft/event.ts";

const perPropose = Number(process.argv[2] ?? 1);
const recs = new Map<number, FlightRecorder>();
class C extends Cores {
  override event(core: any, body: EventBody): readonly Effect[] {
    if (!core.up) return [];
    const log = (this as any).log2 ?? [];
    (this as any).log2 = log;
    log.push([core.number, structuredClone({ ...body, nowMs: this.scheduler.nowMs, wallMs: 1_700_000_000_000 + Math.floor(this.scheduler.nowMs) })]);
    return super.event(core, body);
  }
}
const cores = new C({ members: 3, seed: 3, config: { uncommittedBytesMax: 1 << 28 } });
const leader = cores.awaitLeader();
(cores as any).log2 = [];
const images = new Map(cores.cores.map((c) => [c.number, imageOf(c.state)]));
for (let i = 0; i < 4000; i++) { cores.propose(leader, perPropose); cores.run(2); }
const log = (cores as any).log2 as [number, Event][];
const only = (n: number) => log.filter(([m]) => m === n).map(([, e]) => e);
for (const [who, n] of [["leader", leader.number], ["follower", leader.number === 1 ? 2 : 1]] as const) {
  const events = only(n);
  const run = (recorder: FlightRecorder | null): number => {
    const state = stateOf(images.get(n)!);
    recorder?.opened(state);
    const copies = events.map((e) => e.type === "propose" ? { ...e, entries: e.entries.map((x) => ({ ...x, index: 0 })) } : e);
    const t = performance.now();
    for (const e of copies) { const fx = step(state, e); recorder?.stepped(state, e, fx); }
    return performance.now() - t;
  };
  for (let i = 0; i < 6; i++) { run(null); run(new FlightRecorder()); }
  const a: number[] = [], b: number[] = [];
  for (let i = 0; i < 21; i++) { a.push(run(null)); b.push(run(new FlightRecorder())); }
  const min = (x: number[]) => Math.min(...x), med = (x: number[]) => x.sort((p, q) => p - q)[10]!;
  const r = new FlightRecorder(); run(r);
  const bytes = r.halves().reduce((s, h) => s + h.bytes.length, 0), steps = r.halves().reduce((s, h) => s + h.steps, 0);
  console.log(who, "n=" + perPropose, events.length, "events; step", (min(a) / events.length * 1000).toFixed(3), "µs; recording adds", ((min(b) - min(a)) / events.length * 1000).toFixed(3), "µs (median", ((med(b) - med(a)) / events.length * 1000).toFixed(3), ");", (bytes / steps).toFixed(1), "bytes an event");
}
