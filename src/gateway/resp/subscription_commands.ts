/** SUBSCRIBE and PSUBSCRIBE (subscriptions.ts). */
import type { Argument } from "./request_parser.ts";
import { textOf } from "./resp_errors.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";

function adding(kind: "subscribe" | "psubscribe"): OwnCommand {
  return { count: [1, MANY], waits: "nothing", run: (talk: Talk, names: readonly Argument[]) => talk.subscriptions.add(kind, names.map(textOf)) };
}

function removing(kind: "unsubscribe" | "punsubscribe"): OwnCommand {
  return { count: [0, MANY], waits: "nothing", run: (talk: Talk, names: readonly Argument[]) => talk.subscriptions.remove(kind, names.map(textOf)) };
}

export const SUBSCRIPTION_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  subscribe: adding("subscribe"),
  psubscribe: adding("psubscribe"),
  unsubscribe: removing("unsubscribe"),
  punsubscribe: removing("punsubscribe"),
};
