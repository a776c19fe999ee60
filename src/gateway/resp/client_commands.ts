/** CLIENT: what a client says of itself, and who is connected. */
import { NAME } from "./connection_commands.ts";
import type { Shape } from "./reply_queue.ts";
import type { Argument } from "./request_parser.ts";
import { SYNTAX, textOf, unknownSubcommand, wrongCount } from "./resp_errors.ts";
import { type ClientState, MANY, type OwnCommand, type Talk } from "./talk.ts";

const ok: Shape = (writer) => writer.simple("OK");

/** One subcommand: how many arguments it has, and what it does. */
interface Subcommand {
  readonly count: readonly [from: number, to: number];
  readonly run: (talk: Talk, args: readonly string[]) => void;
}

function setName({ state, replies }: Talk, [name = ""]: readonly string[]): void {
  if (!NAME.test(name)) return replies.refuse("ERR Client names cannot contain spaces, newlines or special characters.");
  state.name = name;
  replies.answer(ok);
}

function setInfo({ state, replies }: Talk, [attribute = "", value = ""]: readonly string[]): void {
  const field = ({ "lib-name": "libraryName", "lib-ver": "libraryVersion" } as const)[attribute.toLowerCase() as "lib-name"];
  if (field === undefined) return replies.refuse(`ERR Unrecognized option '${attribute.slice(0, 64)}'`);
  if (!NAME.test(value)) return replies.refuse(`ERR ${attribute.toLowerCase()} cannot contain spaces, newlines or special characters.`);
  state[field] = value;
  replies.answer(ok);
}

/** What the door has no use for and clients may say all the same: ON or OFF. */
function switchOf({ replies }: Talk, [word = ""]: readonly string[]): void {
  if (/^(?:on|off)$/i.test(word)) replies.answer(ok);
  else replies.refuse(SYNTAX);
}

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  ["id", { count: [0, 0], run: ({ state, replies }) => replies.answer((writer) => writer.integer(state.id)) }],
  ["getname", { count: [0, 0], run: ({ state, replies }) => replies.answer((writer) => (state.name === "" ? writer.null() : writer.bulk(state.name))) }],
  ["setname", { count: [1, 1], run: setName }],
  ["setinfo", { count: [2, 2], run: setInfo }],
  ["info", { count: [0, 0], run: (talk) => talk.replies.answer((writer) => writer.bulk(`${clientLine(talk, talk.state)}\n`)) }],
  ["list", { count: [0, MANY], run: (talk) => talk.replies.answer((writer) => writer.bulk(talk.door.clients().map((each) => `${clientLine(talk, each)}\n`).join(""))) }],
  ["no-evict", { count: [1, 1], run: switchOf }],
  ["no-touch", { count: [1, 1], run: switchOf }],
]);

function client(talk: Talk, [word = "", ...args]: readonly Argument[]): void {
  const name = textOf(word).toLowerCase();
  const subcommand = SUBCOMMANDS.get(name);
  if (subcommand === undefined) return talk.replies.refuse(unknownSubcommand("client", textOf(word)));
  const [from, to] = subcommand.count;
  if (args.length < from || args.length > to) talk.replies.refuse(wrongCount(`client|${name}`));
  else subcommand.run(talk, args.map(textOf));
}

function clientLine({ door, replies }: Talk, state: ClientState): string {
  const nowMs = door.clock.monotonicMs();
  const seconds = (sinceMs: number): number => Math.floor((nowMs - sinceMs) / 1000);
  const fields = {
    id: state.id, addr: state.remote, laddr: door.api.identity().address, name: state.name, age: seconds(state.connectedMs), idle: seconds(state.lastCommandMs),
    flags: "N", db: 0, sub: 0, psub: 0, multi: -1, cmd: state.lastCommand || "NULL", user: state.user || "default", resp: replies.writer.protocol,
    "lib-name": state.libraryName, "lib-ver": state.libraryVersion, group: state.group,
  };
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ");
}

export const CLIENT_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  client: { count: [1, MANY], waits: "nothing", run: client },
};
