/** Properties that look on at the rigs of bare cores and of whole nodes. */
import { DraftError } from "../../../src/base/errors.ts";
import type { Applier } from "../../../src/machine/applier.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { GroupObserver } from "../../../src/node/group_observer.ts";
import type { ReadOptions } from "../../../src/node/node_api.ts";
import type { RaftState } from "../../../src/raft/state.ts";
import { allProperties } from "../../../src/sim/properties/index.ts";
import type { ClientOperation, Property, SimMember } from "../../../src/sim/property.ts";
import type { SimNode, SimNodes } from "../../node/sim_nodes.ts";
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

/** Tells all properties what whole nodes do, and what their clients see. */
export class NodesWatch {
  readonly properties: readonly Property[];
  readonly members: Map<string, Watched> = new Map();
  nodes: SimNodes | null = null;
  events = 0;
  operations = 0;
  /** The highest index that a client was told. */
  highest = 0;
  violation: Error | null = null;

  constructor(properties: readonly Property[] = allProperties()) {
    this.properties = properties;
  }

  #of(id: string): Watched {
    let member = this.members.get(id);
    if (member === undefined) {
      member = memberOf(id);
      this.members.set(id, member);
    }
    return member;
  }

  #tell(tell: (property: Property) => void): void {
    // The node would take what is thrown for its own: it is kept, and thrown by whoever runs the cluster.
    if (this.violation !== null) return;
    try {
      for (const property of this.properties) tell(property);
    } catch (error) {
      this.violation = error as Error;
    }
  }

  readonly started = (node: SimNode): readonly GroupObserver[] => {
    const member = this.#of(node.id);
    const { gate } = node;
    member.boots += 1;
    const note = (state: RaftState): void => {
      member.state = state;
      member.number = state.config.self;
      member.applier = (node.server?.node.groups.get("main")?.applier ?? null) as Applier | null;
    };
    return [{
      opened: (state) => {
        if (!gate.open) return;
        note(state);
        this.#tell((property) => property.opened?.(member));
      },
      stepped: (state, event, effects) => {
        if (!gate.open) return;
        note(state);
        this.events += 1;
        this.#tell((property) => property.stepped?.(member, event, effects));
      },
      durable: (_, store) => {
        if (gate.open) this.#tell((property) => property.durable?.(member, store));
      },
      sent: (_, message) => {
        if (gate.open) this.#tell((property) => property.sent?.(member, message));
      },
    }];
  };

  readonly ended = (node: SimNode): void => {
    const member = this.#of(node.id);
    if (member.state === null) return;
    this.#tell((property) => property.ended?.(member));
    member.state = null;
    member.applier = null;
  };

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
    const members = [...this.members.values()];
    this.#tell((property) => property.finished?.(members));
    this.check();
  }

  check(): void {
    if (this.violation !== null) throw this.violation;
  }
}
