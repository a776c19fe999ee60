/** Whether a healed cluster serves: each of its nodes takes a write and answers a read. And whether all hold the same. */
import { DraftError } from "../base/errors.ts";
import { firstCommand } from "../machine/draw_command.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import { isKnown } from "./known_machine.ts";
import { type ClientOperation, Violation } from "./property.ts";
import type { SimClient } from "./sim_client.ts";
import type { SimMachine } from "./sim_machine.ts";
import { streamOf } from "./streams.ts";

const TIMEOUT_MS = 2000;
const AGAIN_MS = 20;

/** What a machine refuses it has heard. */
const MACHINE_SAID: ReadonlySet<string> = new Set(["REJECTED", "CONFLICT", "BAD_REQUEST", "NOT_FOUND", "MACHINE_FAULT"]);

/** What is asked; null where the machine has no such operation. */
export interface Probes {
  readonly write: (member: string) => Command | null;
  readonly read: (member: string) => Command | null;
}

/** A write and a read that the machine understands. */
export function probesOf(plugin: AnyPlugin, seed: number): Probes {
  if (isKnown(plugin)) return { write: (member) => ["set", `live-${member}`, "1"], read: (member) => ["get", `live-${member}`] };
  const random = streamOf(seed, "probe");
  const write = firstCommand(plugin, "write", random);
  const read = firstCommand(plugin, "read", random);
  return { write: () => write, read: () => read };
}

/** Writes through one member, then reads there, again and again until both are done. */
export function probe(
  client: SimClient,
  member: string,
  probes: Probes,
  after: (ms: number, act: () => void) => void,
  served: () => void,
): void {
  const ask = (command: Command | null, isRead: boolean, then: () => void): void => {
    if (command === null) return then();
    const read = isRead ? { level: "linearizable", minIndex: 0, timeoutMs: TIMEOUT_MS } as const : null;
    client.ask({ member, command, read, timeoutMs: TIMEOUT_MS, patienceMs: 0 }, ({ answer }) => {
      if (isServed(answer)) then();
      else after(AGAIN_MS, () => ask(command, isRead, then));
    });
  };
  ask(probes.write(member), false, () => ask(probes.read(member), true, served));
}

function isServed(answer: ClientOperation["answer"]): boolean {
  return answer !== null && (!(answer instanceof DraftError) || MACHINE_SAID.has(answer.code));
}

/**
 * Whether all have applied and stored the same, to the end of the leader's log, and, if nobody else is left, the version
 * in force is the highest that all can run.
 *
 * @param of how many the cluster has
 * @throws Violation if they have, and hold different states
 */
export function agree(core: readonly SimMachine[], of: number): boolean {
  const leader = core.find(({ state }) => state?.role === "leader");
  if (leader?.state === null || leader?.state === undefined) return false;
  const { lastIndex } = leader.state.trail;
  const data = core.filter(({ state }) => state?.config.witness !== true);
  if (data.some(({ applier }) => applier?.lastApplied.index !== lastIndex)) return false;
  for (const { state } of core) if (state === null || state.durableIndex < lastIndex) return false;
  const [first] = data;
  if (first === undefined) return false;
  for (const machine of data) {
    // Those that are led astray are found by verdicts, or have not differed yet.
    if (machine.isAstray || first.isAstray) continue;
    const [one, other] = [first.applier?.stateHash(), machine.applier?.stateHash()];
    if (one !== other) throw new Violation("equal-states", `${first.id} holds ${one} at ${lastIndex}, ${machine.id} holds ${other}`);
  }
  const able = Math.min(...data.map(({ applier }) => applier?.plugin.version ?? 0));
  return core.length < of || data.every(({ applier }) => applier?.view().version === able);
}
