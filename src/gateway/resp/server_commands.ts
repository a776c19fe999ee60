/** What tools ask of a server: INFO, COMMAND, CONFIG, TIME, ROLE. */
import { parseAddress } from "../../base/address.ts";
import { DraftError } from "../../base/errors.ts";
import type { OperationInfo } from "../../net/client_answers.ts";
import { clusterNodes } from "./cluster_map.ts";
import { globOf } from "./glob.ts";
import type { ReplyWriter } from "./reply_writer.ts";
import type { Argument } from "./request_parser.ts";
import { textOf, unknownSubcommand } from "./resp_errors.ts";
import { infoText, roleOf } from "./server_info.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";

/** What CONFIG GET says, which tools ask for: how draft is, in Redis's words. */
function settings(talk: Talk): Readonly<Record<string, string>> {
  const { valueBytesMax } = talk.door.api.limits();
  return {
    appendfsync: "always", appendonly: "yes", databases: "1", maxmemory: "0", "maxmemory-policy": "noeviction",
    "proto-max-bulk-len": String(valueBytesMax), save: "", timeout: "0",
  };
}

function config(talk: Talk, [word = "", ...patterns]: readonly Argument[]): void {
  if (textOf(word).toLowerCase() !== "get") return talk.replies.refuse(unknownSubcommand("config", textOf(word)));
  const wanted = patterns.map((pattern) => globOf(textOf(pattern).toLowerCase()));
  const found = Object.entries(settings(talk)).filter(([name]) => wanted.some((pattern) => pattern.test(name)));
  talk.replies.answer((writer) => writer.value(new Map(found)));
}

function operationsOf({ door, state }: Talk): readonly OperationInfo[] {
  const operations = door.api.operations(state.group);
  return operations instanceof DraftError ? [] : operations;
}

/** One row of COMMAND: where keys stand is not known of a machine's operations. */
function commandRow(writer: ReplyWriter, operation: OperationInfo | undefined): void {
  if (operation === undefined) return writer.nullArray();
  const flags = [operation.kind === "read" ? "readonly" : "write"];
  writer.array(10);
  writer.bulk(operation.name);
  for (const each of [-1, flags, 0, 0, 0, [], [], [], []]) writer.value(each);
}

function commandDocs(writer: ReplyWriter, operations: readonly OperationInfo[]): void {
  writer.map(operations.length);
  for (const { name, summary, args } of operations) {
    writer.bulk(name);
    writer.value(new Map([["summary", summary], ["since", "1.0.0"], ["group", "generic"], ["complexity", ""], ["syntax", args]]));
  }
}

function command(talk: Talk, [word, ...rest]: readonly Argument[]): void {
  const { replies } = talk;
  const operations = operationsOf(talk);
  const names = rest.map((each) => textOf(each).toLowerCase());
  const named = (name: string): OperationInfo | undefined => operations.find((each) => each.name === name);
  switch (textOf(word ?? "").toLowerCase()) {
    case "count": return replies.answer((writer) => writer.integer(operations.length));
    case "list": return replies.answer((writer) => writer.value(operations.map(({ name }) => name)));
    case "docs": return replies.answer((writer) => commandDocs(writer, names.length === 0 ? operations : operations.filter(({ name }) => names.includes(name))));
    case "":
    case "info": return replies.answer((writer) => {
      const wanted = names.length === 0 ? operations : names.map(named);
      writer.array(wanted.length);
      for (const each of wanted) commandRow(writer, each);
    });
    default: return replies.refuse(unknownSubcommand("command", textOf(word ?? "")));
  }
}

function time({ door, replies }: Talk): void {
  const wallMs = door.clock.wallMs();
  replies.answer((writer) => writer.value([String(Math.floor(wallMs / 1000)), String(1000 * (wallMs % 1000))]));
}

function role(talk: Talk): void {
  const { replies, door, state } = talk;
  if (roleOf(talk) === "master") {
    const place = replies.open();
    return clusterNodes(door, state.group, (nodes) => {
      replies.settle(place, nodes instanceof DraftError ? nodes : ["master", 0, nodes.filter(({ isLeader }) => !isLeader).map(({ host, port }) => [host, String(port), "0"])]);
    });
  }
  const leader = door.api.leaderOf(state.group);
  const { host, port } = leader === null ? { host: "", port: 0 } : parseAddress(leader.address);
  replies.answer((writer) => writer.value(["slave", host, port, leader === null ? "connect" : "connected", 0]));
}

export const SERVER_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  info: { count: [0, MANY], waits: "nothing", run: (talk, sections) => talk.replies.answer((writer) => writer.bulk(infoText(talk, sections.map(textOf)))) },
  config: { count: [1, MANY], waits: "nothing", run: config },
  command: { count: [0, MANY], waits: "nothing", run: command },
  time: { count: [0, 0], waits: "nothing", run: time },
  role: { count: [0, 0], waits: "nothing", run: role },
};
