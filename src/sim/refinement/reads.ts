/**
 * The rule of reads (dissertation 6.4): an index that is answered covers what was committed anywhere when the read was
 * asked, and a majority has answered a round that its leader began after that; or, where a lease will do, nobody has led
 * a later term (LeaseRead). The log time that goes with it is not behind that leader's log.
 */
import type { AbstractCluster, AbstractNode, AbstractRead } from "./abstract.ts";
import { isQuorumToRead } from "./configurations.ts";
import type { Rule, Step } from "./step.ts";

/** Notes what is asked in this step; before it is looked at. */
export function noteReads(step: Step): void {
  const { cluster, node, before, event, message } = step;
  const required = cluster.committed.length;
  if (event.type === "read") {
    node.ownReads.set(event.readId, required);
    if (before.role === "leader") register(node, `${node.number} ${event.readId}`, { required, round: before.round, mayLease: event.lease && isNewest(cluster, before.term) });
  } else if (message?.type === "readIndexRequest" && before.role === "leader" && message.term === before.term) {
    const mayLease = message.lease && isNewest(cluster, before.term);
    register(node, `${message.from} ${message.bootId} ${message.readId}`, { required, round: before.round, mayLease });
  } else if ((message?.type === "appendReply" || message?.type === "heartbeatReply" || message?.type === "installSnapshotReply") && before.role === "leader" && message.term === before.term) {
    const seat = cluster.seats.of(message.from, message.fromIncarnation);
    const heard = node.rounds.get(seat) ?? 0;
    if (message.round <= heard) return;
    node.rounds.set(seat, message.round);
    for (const reads of node.leaderReads.values()) {
      for (const read of reads) if (read.round >= heard && isQuorumToRead(step, confirming(node, read))) read.isConfirmed = true;
    }
  }
}

/** Whether somebody has answered a round that began after the read was asked. */
function confirming(node: AbstractNode, { round }: AbstractRead): (seat: number) => boolean {
  return (seat) => seat === node.seat || (node.rounds.get(seat) ?? 0) > round;
}

/** Whether nobody has led a later term. */
function isNewest({ leaders }: AbstractCluster, term: number): boolean {
  for (const led of leaders.keys()) if (led > term) return false;
  return true;
}

/**
 * A request that arrives twice is answered twice, in any order where a lease answers one of them; it is one read, asked
 * when it arrived first.
 */
function register(node: AbstractNode, key: string, read: AbstractRead): void {
  const asked = node.leaderReads.get(key);
  const first = asked?.[0];
  if (asked === undefined || first === undefined) node.leaderReads.set(key, [read]);
  else asked.push({ ...read, required: first.required, round: first.round });
}

/** Looks at the reads that a step answers, and forgets those that are over. */
export const whyRead: Rule = (step) => {
  const { node, effects, before, after } = step;
  for (const effect of effects) {
    if (effect.type === "answerRead") {
      const why = before.role === "leader" ? whyAnswered(step, `${node.number} ${effect.readId}`, effect) : whyForwarded(step, effect.readId, effect);
      node.ownReads.delete(effect.readId);
      if (why !== null) return why;
    } else if (effect.type === "failPending") for (const readId of effect.readIds) node.ownReads.delete(readId);
    else if (effect.type === "send" && effect.message.type === "readIndexReply" && effect.message.index > 0) {
      const { to, bootId, readId } = effect.message;
      const why = whyAnswered(step, `${to} ${bootId} ${readId}`, effect.message);
      if (why !== null) return why;
    }
  }
  if (after.role !== "leader" || after.term !== before.term) {
    node.leaderReads.clear();
    node.rounds.clear();
  }
  return null;
};

/** What a read is answered with. */
interface Told {
  readonly index: number;
  readonly timeMs: number;
}

function whyForwarded({ node, message }: Step, readId: number, { index, timeMs }: Told): string | null {
  const isTold = message?.type === "readIndexReply" && message.readId === readId && message.index === index && message.timeMs === timeMs;
  if (!isTold) return `it answers read ${readId}, of which no leader told it`;
  const required = node.ownReads.get(readId);
  if (required === undefined) return `it answers read ${readId}, which nobody waits for`;
  return index >= required ? null : `it answers read ${readId} at ${index}, ${required} were committed when it was asked`;
}

function whyAnswered(step: Step, key: string, { index, timeMs }: Told): string | null {
  const { node, state } = step;
  const asked = node.leaderReads.get(key);
  const read = asked?.shift();
  if (read === undefined) return `it answers read ${key}, which it was not asked as a leader`;
  if (asked?.length === 0) node.leaderReads.delete(key);
  if (index < read.required) return `it answers a read at ${index}, ${read.required} were committed when it was asked`;
  if (timeMs < state.trail.timeMs) return `it answers a read for log time ${timeMs}, its log is at ${state.trail.timeMs}`;
  if (read.mayLease || read.isConfirmed === true) return null;
  return isQuorumToRead(step, confirming(node, read)) ? null : `it answers a read of round ${read.round + 1} on, which no majority has heard`;
}
