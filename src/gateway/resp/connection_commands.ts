/** How a connection begins and ends: what client libraries send before anything else. */
import { DraftError } from "../../base/errors.ts";
import type { Credentials } from "./credentials.ts";
import type { Shape } from "./reply_queue.ts";
import type { Protocol } from "./reply_writer.ts";
import type { Argument } from "./request_parser.ts";
import { SYNTAX, textOf } from "./resp_errors.ts";
import { roleOf } from "./server_info.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";

const ok: Shape = (writer) => writer.simple("OK");

/** Names that a client gives itself hold neither blanks nor what cannot be seen. */
export const NAME: RegExp = /^[!-~]*$/;

/** What HELLO asks for. */
interface Greeting {
  readonly protocol: Protocol | null;
  readonly credentials: Credentials | null;
  readonly name: string | null;
}

/** Reads the arguments of HELLO; the line of an error if they are none. */
function greetingOf([version, ...options]: readonly string[]): Greeting | string {
  if (version !== undefined && !/^-?\d+$/.test(version)) return "ERR Protocol version is not an integer or out of range";
  if (version !== undefined && version !== "2" && version !== "3") return "NOPROTO unsupported protocol version";
  let credentials: Credentials | null = null;
  let name: string | null = null;
  for (let at = 0; at < options.length; at++) {
    const word = options[at]?.toLowerCase();
    const [one, two] = [options[at + 1], options[at + 2]];
    if (word === "auth" && one !== undefined && two !== undefined) credentials = { user: one, password: two };
    else if (word === "setname" && one !== undefined) name = one;
    else return `ERR Syntax error in HELLO option '${options[at] ?? ""}'`;
    at += word === "auth" ? 2 : 1;
  }
  return { protocol: version === undefined ? null : (Number(version) as Protocol), credentials, name };
}

function unproved({ login }: Talk): string {
  if (!(login.principal instanceof DraftError)) return "";
  return "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
}

function hello(talk: Talk, args: readonly Argument[]): void {
  const greeting = greetingOf(args.map(textOf));
  if (typeof greeting === "string") return talk.replies.refuse(greeting);
  const { protocol, credentials, name } = greeting;
  const refusal = credentials === null ? unproved(talk) : talk.login.prove(credentials);
  if (refusal !== "") return talk.replies.refuse(refusal);
  if (name !== null && !NAME.test(name)) return talk.replies.refuse("ERR Client names cannot contain spaces, newlines or special characters.");
  talk.state.user = talk.login.name;
  if (name !== null) talk.state.name = name;
  talk.replies.answer((writer) => {
    // From its own reply on.
    writer.protocol = protocol ?? writer.protocol;
    writer.value(new Map<string, unknown>([
      ["server", "draft"], ["version", talk.door.api.identity().version], ["proto", writer.protocol], ["id", talk.state.id],
      ["mode", talk.state.asksCluster ? "cluster" : "standalone"], ["role", roleOf(talk) === "master" ? "master" : "replica"], ["modules", []],
    ]));
  });
}

function auth(talk: Talk, args: readonly Argument[]): void {
  const [one = "", two] = args.map(textOf);
  const refusal = args.length > 2 ? SYNTAX : talk.login.prove(two === undefined ? { user: null, password: one } : { user: one, password: two });
  if (refusal !== "") return talk.replies.refuse(refusal);
  talk.state.user = talk.login.name;
  talk.replies.answer(ok);
}

function ping(talk: Talk, [message]: readonly Argument[]): void {
  const { replies, subscriptions } = talk;
  // Who hears messages in RESP2 could not tell another reply from one.
  const isHearing = replies.writer.protocol === 2 && subscriptions.size > 0;
  replies.answer((writer) => {
    if (isHearing) writer.value(["pong", message ?? ""]);
    else if (message === undefined) writer.simple("PONG");
    else writer.bulk(message);
  });
}

function select(talk: Talk, [index = ""]: readonly Argument[]): void {
  const { replies } = talk;
  if (index === "0") replies.answer(ok);
  else replies.refuse(/^\d+$/.test(textOf(index)) ? "ERR DB index is out of range" : "ERR value is not an integer or out of range");
}

export const CONNECTION_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  hello: { count: [0, MANY], waits: "all", run: hello },
  auth: { count: [1, MANY], waits: "nothing", run: auth },
  ping: { count: [0, 1], waits: "nothing", run: ping },
  echo: { count: [1, 1], waits: "nothing", run: (talk, [message = ""]) => talk.replies.answer((writer) => writer.bulk(message)) },
  select: { count: [1, 1], waits: "nothing", run: select },
  quit: {
    count: [0, MANY], waits: "nothing", endsTransaction: true,
    run: (talk) => {
      talk.replies.answer(ok);
      talk.hangUp();
    },
  },
  reset: {
    count: [0, 0], waits: "all", endsTransaction: true,
    run: (talk) => {
      talk.reset();
      talk.replies.answer((writer) => writer.simple("RESET"));
    },
  },
};
