/** What can happen to the explored cluster next, as a number: what, to which member, and with which message or value. */
import type { Message } from "../../raft/message.ts";
import { byNumber, logWords, messageWords, standingWords } from "../../raft/words.ts";
import type { Budget } from "./bounds.ts";
import {
  campaigned, crashed, delivered, heartbeatDue, type Local, type Outcome, proposed, readAsked, storeCompleted, timedOut, transferAsked, transferTimedOut,
} from "./local.ts";

export const ACTIONS = [
  "deliver", "deliver late", "duplicate", "drop", "timeout", "heartbeat", "silence", "stored", "propose", "read", "transfer",
  "transfer timeout", "crash", "campaign",
] as const;

export type ActionName = typeof ACTIONS[number];

/** What an action takes from, if it is bounded. */
export const BUDGET_OF: Readonly<Partial<Record<ActionName, Budget>>> = {
  duplicate: "duplicates", drop: "drops", timeout: "timeouts", silence: "timeouts", heartbeat: "heartbeats", propose: "entries",
  read: "reads", transfer: "transfers", crash: "crashes",
  campaign: "timeouts",
};

const KIND_BITS = 4;
const SLOW = 1 << KIND_BITS;
const MEMBER_SHIFT = KIND_BITS + 1;
const WHAT_SHIFT = MEMBER_SHIFT + 2;

export interface Action {
  readonly name: ActionName;
  readonly member: number;
  /** The message's number, the entry's value, or the member that shall lead. */
  readonly what: number;
  /** What it stores is not durable at once. */
  readonly slow: boolean;
}

export function packAction(name: ActionName, member: number, what: number = 0): number {
  return ACTIONS.indexOf(name) | (member << MEMBER_SHIFT) | (what << WHAT_SHIFT);
}

/** The same action, of which the disk is slow to store what it has to. */
export function slowly(action: number): number {
  return action | SLOW;
}

export function unpackAction(action: number): Action {
  return {
    name: ACTIONS[action & (SLOW - 1)] as ActionName,
    slow: (action & SLOW) !== 0,
    member: (action >> MEMBER_SHIFT) & 3,
    what: action >> WHAT_SHIFT,
  };
}

/** A read's number and the committed index at its moment, in one. */
export function packRead(readId: number, committed: number): number {
  return (readId << 8) | committed;
}

/** Performs an action on a member. Unless its disk is slow already, or now, all that is stored is durable at once. */
export function act(local: Local, action: Action, message: Message | null): Outcome {
  let outcome = actOnce(local, action, message);
  if (action.slow || (local.stores.length > 0 && action.name !== "crash")) return outcome;
  while (outcome.violation === null && outcome.local.stores.length > 0) {
    const { sent } = outcome;
    outcome = storeCompleted(outcome.local);
    outcome = { ...outcome, sent: [...sent, ...outcome.sent] };
  }
  return outcome;
}

function actOnce(local: Local, { name, what }: Action, message: Message | null): Outcome {
  switch (name) {
    case "timeout": return timedOut(local);
    case "campaign": return campaigned(local);
    case "heartbeat": return heartbeatDue(local, false);
    case "silence": return heartbeatDue(local, true);
    case "stored": return storeCompleted(local);
    case "propose": return proposed(local, what);
    case "read": return readAsked(local, { readId: what >> 8, committed: what & 255 });
    case "transfer": return transferAsked(local, what);
    case "transfer timeout": return transferTimedOut(local);
    case "crash": return crashed(local);
    case "deliver":
    case "deliver late":
    case "duplicate":
      if (message === null) throw new TypeError("a delivery has a message");
      return delivered(local, message, name === "deliver late");
    case "drop": throw new TypeError("a dropped message comes to nobody");
  }
}

/** An action in words. */
export function actionWords(action: Action, message: Message | null): string {
  return `${plainWords(action, message)}${action.slow ? "; its disk takes its time" : ""}`;
}

function plainWords({ name, member, what }: Action, message: Message | null): string {
  if (message !== null) {
    const words = `${messageWords(message)} from ${byNumber(message.from)} to ${byNumber(message.to)}`;
    if (name === "drop") return `${words} is lost`;
    return `${words} arrives${name === "duplicate" ? ", and will arrive again" : name === "deliver late" ? ", an election timeout later" : ""}`;
  }
  switch (name) {
    case "timeout": return `member ${member}'s election timeout passes`;
    case "campaign": return `member ${member}'s election timeout passes, and pre-votes are granted`;
    case "heartbeat": return `member ${member}'s heartbeat is due`;
    case "silence": return `member ${member} has heard nobody for an election timeout`;
    case "stored": return `member ${member}'s oldest store is durable`;
    case "propose": return `member ${member} is given the entry with value ${what}`;
    case "read": return `member ${member} is asked for a read; ${what & 255} entries are committed`;
    case "transfer": return `member ${member} is asked to hand over to ${byNumber(what)}`;
    case "transfer timeout": return `member ${member}'s transfer is out of time`;
    case "crash": return `member ${member} dies and starts again on what is durable`;
    default: return `member ${member}: ${name}`;
  }
}

/** A member in words. */
export function localWords({ state, log, durable }: Local): string {
  const { term, votedFor } = durable.hardState;
  return `${byNumber(state.config.self)}: ${standingWords(state, byNumber).join(", ")}; log [${logWords(log)}]; ` +
    `on disk term ${term}, vote ${byNumber(votedFor)}, [${logWords(durable.entries)}]`;
}
