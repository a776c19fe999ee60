/** Tells in words how a run ended: the same script once more, and the last that happened line by line. */
import { DraftError } from "../base/errors.ts";
import type { Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { ClientOperation, Property } from "./property.ts";
import { type RunOptions, worldOf } from "./run_seed.ts";
import type { Script } from "./script.ts";
import type { World } from "./world.ts";

/** Lines that are told, at most. */
const LINES_MAX = 200;

/**
 * The last lines of a run.
 *
 * @param fromEvent what happened before this event is passed over
 */
export async function tellStory(script: Script, options: RunOptions, fromEvent: number): Promise<string[]> {
  const lines: string[] = [];
  const teller: Teller = { world: null, fromEvent, lines };
  const clients: Property = { name: "teller", answered: (operation) => note(teller, () => answerWords(operation)) };
  const world = worldOf(script, options, [clients]);
  teller.world = world;
  listen(teller, world);
  await world.run();
  return lines.slice(-LINES_MAX);
}

interface Teller {
  world: World | null;
  readonly fromEvent: number;
  readonly lines: string[];
}

function note({ world, fromEvent, lines }: Teller, words: () => string): void {
  if (world === null || world.cluster.scheduler.events < fromEvent) return;
  lines.push(`${world.cluster.scheduler.nowMs.toFixed(2).padStart(10)} ${words()}`);
}

function listen(teller: Teller, world: World): void {
  const { watch } = world.cluster;
  world.cluster.watch = {
    ...watch,
    stepped: (machine, state, event) => {
      note(teller, () => `${machine.id}: ${eventWords(event)}; ${stateWords(state)}`);
      watch.stepped?.(machine, state, event);
    },
    sent: (machine, message) => {
      note(teller, () => `${machine.id}: sends ${messageWords(message)} to ${message.to}`);
      watch.sent?.(machine, message);
    },
    said: (machine, level, message, fields) => {
      note(teller, () => `${machine.id}: says ${message}`);
      watch.said?.(machine, level, message, fields);
    },
  };
  world.teller = {
    fault: (fault, what) => note(teller, () => `** ${fault.id}: ${what}`),
    ended: (machine, error) => note(teller, () => `${machine.id}: ended, ${error.message}`),
    phase: (what) => note(teller, () => `== ${what}`),
  };
}

function stateWords({ role, term, votedFor, trail, commitIndex, durableIndex }: RaftState): string {
  return `${role} of term ${term}, vote ${votedFor}, log to ${trail.lastIndex}@${trail.lastTerm}, durable ${durableIndex}, commit ${commitIndex}`;
}

function eventWords(event: Event): string {
  switch (event.type) {
    case "receive": return `hears ${messageWords(event.message)} from ${event.message.from}`;
    case "stored": return `store ${event.store} is durable`;
    case "applied": return `applied to ${event.index}`;
    case "propose": return `takes ${event.entries.length} proposals`;
    case "transfer": return `is to hand over to ${event.to}`;
    case "linkUp":
    case "linkDown": return `${event.type} ${event.peer}`;
    default: return event.type;
  }
}

function messageWords(message: Message): string {
  const { term } = message;
  switch (message.type) {
    case "voteRequest": return `${message.preVote ? "pre-vote" : "vote"} request t${term}, log ${message.lastLogIndex}@${message.lastLogTerm}`;
    case "voteReply": return `${message.preVote ? "pre-vote" : "vote"} t${term} ${message.granted ? "yes" : "no"} for t${message.requestTerm}`;
    case "appendRequest": return `append t${term} ${message.prevLogIndex + 1}..${message.lastIndex} behind @${message.prevLogTerm}, commit ${message.leaderCommit}`;
    case "appendReply": return message.success ? `append ok t${term} match ${message.matchIndex}` : `append no t${term} at ${message.rejectedIndex}`;
    case "heartbeat": return `heartbeat t${term} round ${message.round} commit ${message.leaderCommit}`;
    case "heartbeatReply": return `heartbeat reply t${term} round ${message.round}`;
    case "readIndexReply": return `read index ${message.index} t${term}`;
    default: return `${message.type} t${term}`;
  }
}

function answerWords({ client, member, command, read, answer }: ClientOperation): string {
  const asked = `client ${client} asked ${member} ${read === null ? "" : `(${read.level}) `}${command.join(" ").slice(0, 80)}`;
  if (answer instanceof DraftError) return `${asked}: ${answer.code}, ${answer.outcome}`;
  return `${asked}: ${JSON.stringify(answer?.reply ?? null)?.slice(0, 80)} at ${answer?.index}`;
}
