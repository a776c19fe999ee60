/** Properties that look on at the rigs of bare cores and of whole nodes. */
import { DraftError } from "../../../src/base/errors.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { ReadOptions } from "../../../src/node/node_api.ts";
import { allProperties } from "../../../src/sim/properties/index.ts";
import type { ClientOperation, Property, SimMember } from "../../../src/sim/property.ts";
import type { SimNodes } from "../../node/sim_nodes.ts";
import type { Core, CoresObserver } from "../../raft/cores.ts";

/** A member that can be changed. */
export type Watched = { -readonly [K in keyof SimMember]: SimMember[K] };

export function memberOf(id: string): Watched {
  return { id, number: 0, boots: 0, state: null, applier: null, forgiven: false };
}

/** Tells all properties what bare cores do. */
export class CoresWatch implements CoresObserver {
  readonly properties: readonly Property[];
  readonly members: Watched[] = [];
  events = 0;

  constructor(properties: readonly Property[] = allProperties()) {
    this.properties = properties;
  }

  #of({ number, state, boot }: Core): Watched {
    const member = (this.members[number - 1] ??= memberOf(`n${number}`));
    member.number = number;
    member.state = state;
    member.boots = boot;
    return member;
  }

  readonly opened: CoresObserver["opened"] = (core) => {
    const member = this.#of(core);
    for (const property of this.properties) property.opened?.(member);
  };

  readonly stepped: CoresObserver["stepped"] = (core, event, effects) => {
    this.events += 1;
    const member = this.#of(core);
    for (const property of this.properties) property.stepped?.(member, event, effects);
  };

  readonly durable: CoresObserver["durable"] = (core, store) => {
    const member = this.#of(core);
    for (const property of this.properties) property.durable?.(member, store);
  };

  readonly sent: CoresObserver["sent"] = (core, message) => {
    const member = this.#of(core);
    for (const property of this.properties) property.sent?.(member, message);
  };

  readonly ended: CoresObserver["ended"] = (core) => {
    const member = this.#of(core);
    for (const property of this.properties) property.ended?.(member);
    member.state = null;
  };
}

/** What whole nodes do is told by their cluster; what their clients see, from here. */
export class NodesWatch {
  readonly properties: readonly Property[];
  nodes: SimNodes | null = null;
  events = 0;
  operations = 0;
  /** The highest index that a client was told. */
  highest = 0;

  constructor(properties: readonly Property[] = allProperties()) {
    this.properties = [...properties, { name: "events are counted", stepped: () => (this.events += 1) }];
  }

  #tell(tell: (property: Property) => void): void {
    this.nodes?.tell(tell);
  }

  /** Calls, and tells of the call and of its answer. */
  request(client: number, id: string, command: Command, read: ReadOptions | null = null, timeoutMs: number = 3000): void {
    const nodes = this.nodes!;
    const server = nodes.node(id).server;
    if (server === null) return;
    const called: ClientOperation = {
      id: ++this.operations, client, member: id, command, read, calledAtMs: nodes.scheduler.nowMs,
      answeredAtMs: Number.POSITIVE_INFINITY, answer: null,
    };
    this.#tell((property) => property.called?.(called));
    const done = (answer: ClientOperation["answer"]): void => {
      const kept = answer instanceof DraftError || answer === null ? answer : { index: answer.index, reply: structuredClone(answer.reply) };
      if (kept !== null && !(kept instanceof DraftError)) this.highest = Math.max(this.highest, kept.index);
      const answered = { ...called, answer: kept, answeredAtMs: nodes.scheduler.nowMs };
      this.#tell((property) => property.answered?.(answered));
    };
    if (read === null) server.requests.propose("main", encodeCommand(command), timeoutMs, done);
    else server.requests.read("main", command, read, done);
  }

  finish(): void {
    const members = [...this.nodes!.machines.values()];
    this.#tell((property) => property.finished?.(members));
    this.check();
  }

  /** A rule that is broken within a node may be taken by it for an error of its own. */
  check(): void {
    const broken = this.nodes?.broken ?? null;
    if (broken !== null) throw broken;
  }
}
