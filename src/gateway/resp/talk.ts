/** One connection, as the commands that the door answers itself see it. */
import type { Clock } from "../../host/host.ts";
import type { Command } from "../../machine/machine.ts";
import type { AnswerDone, NodeApi } from "../../node/node_api.ts";
import type { RespLogin } from "./credentials.ts";
import type { ReplyQueue } from "./reply_queue.ts";
import type { Argument } from "./request_parser.ts";
import type { SentinelEvents } from "./sentinel_events.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Transaction } from "./transaction.ts";

/** What a client said of itself, and what is remembered of it. */
export interface ClientState {
  readonly id: number;
  /** `host:port` of the other side. */
  readonly remote: string;
  readonly connectedMs: number;
  lastCommand: string;
  lastCommandMs: number;
  name: string;
  libraryName: string;
  libraryVersion: string;
  /** Who it proved to be; "" while nobody has to. */
  user: string;
  /** The group that its commands are for. */
  group: string;
  /** It asked how the slots of a cluster lie: from then on it wants to be told where to go. */
  asksCluster: boolean;
  /** It asked to read wherever it is connected. */
  readsAnywhere: boolean;
}

/** What all connections of a node share. */
export interface DoorFacts {
  readonly api: NodeApi;
  readonly clock: Clock;
  readonly startedMs: number;
  /** Who leads, for those who want to hear of it. */
  readonly events: SentinelEvents;
  /** Clients that are connected. */
  clients(): readonly ClientState[];
}

/** One connection. */
export interface Talk {
  readonly door: DoorFacts;
  readonly state: ClientState;
  readonly login: RespLogin;
  readonly replies: ReplyQueue;
  readonly subscriptions: Subscriptions;
  /** Whether no read or write of it is under way. */
  readonly isQuiet: boolean;
  /** What stands since MULTI; null outside. */
  transaction: Transaction | null;
  /** Revisions of keys that EXEC compares. */
  watched: Map<Argument, number>;
  /** Runs a read behind the reads before it, `done` in their order; the writes before it must be over. */
  read(command: Command, done: AnswerDone): void;
  /** Runs a write behind the writes before it, `done` in their order; the reads before it must be over. */
  write(command: Command, done: AnswerDone): void;
  /** Lets the commands from now on be for another group; all before must be over. */
  use(group: string): void;
  /** Runs an operation of the machine, whatever else has its name; false: not before those ahead are over. */
  operate(command: Command): boolean;
  /** Answers, and from then on pushes what changes of keys that begin with `prefix`, from the changes of entry `from` on; null: from now on. */
  watchChanges(prefix: string, from: number | null): void;
  /** Forgets all that the client said. */
  reset(): void;
  /** Takes no more commands, and closes once all replies went out. */
  hangUp(): void;
}

/** What must be over before a command may begin: reads ahead of it, writes, all, or nothing. */
export type Waits = "reads" | "writes" | "all" | "nothing";

/** A command that the door answers, whatever the machine is. */
export interface OwnCommand {
  /** Arguments behind its name, at least and at most. */
  readonly count: readonly [from: number, to: number];
  readonly waits: Waits;
  /** Whether it is run, not queued, between MULTI and EXEC. */
  readonly endsTransaction?: true;
  /** Answers; false: not before those ahead are over. */
  readonly run: (talk: Talk, args: readonly Argument[]) => boolean | void;
}

/** As many arguments as one likes. */
export const MANY: number = Number.MAX_SAFE_INTEGER;
