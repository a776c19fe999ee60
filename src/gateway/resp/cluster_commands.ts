/** CLUSTER and SENTINEL: how Redis's clients ask where to go. */
import { DraftError } from "../../base/errors.ts";
import { type ClusterNode, clusterNodes, SLOTS, slotOf } from "./cluster_map.ts";
import type { Shape } from "./reply_queue.ts";
import type { ReplyWriter } from "./reply_writer.ts";
import type { Argument } from "./request_parser.ts";
import { textOf, unknownSubcommand, wrongCount } from "./resp_errors.ts";
import { MANY, type OwnCommand, type Talk } from "./talk.ts";

/** What CLUSTER and SENTINEL show of the nodes. */
type NodesShape = (writer: ReplyWriter, nodes: readonly ClusterNode[]) => void;

/** Subcommands of CLUSTER that show how slots lie. */
const CLUSTER_SHAPES: ReadonlyMap<string, NodesShape> = new Map<string, NodesShape>([
  ["slots", (writer, nodes) => {
    writer.array(1);
    writer.array(2 + nodes.length);
    writer.integer(0);
    writer.integer(SLOTS - 1);
    for (const { host, port, id } of nodes) {
      writer.array(4);
      writer.bulk(host);
      writer.integer(port);
      writer.bulk(id);
      writer.array(0);
    }
  }],
  ["shards", (writer, nodes) => {
    writer.array(1);
    writer.value(new Map<string, unknown>([["slots", [0, SLOTS - 1]], ["nodes", nodes.map(shardNode)]]));
  }],
  ["nodes", (writer, nodes) => writer.bulk(nodes.map((node) => `${nodeLine(node, nodes[0]?.id ?? "")}\n`).join(""))],
  ["info", (writer, nodes) => writer.bulk(clusterInfo(nodes))],
]);

function shardNode({ id, host, port, isLeader, isReachable }: ClusterNode): Map<string, unknown> {
  return new Map<string, unknown>([
    ["id", id], ["port", port], ["ip", host], ["endpoint", host], ["role", isLeader ? "master" : "replica"], ["replication-offset", 0], ["health", isReachable ? "online" : "fail"],
  ]);
}

function nodeLine({ id, host, port, isLeader, isReachable, isHere }: ClusterNode, leaderId: string): string {
  const flags = [...(isHere ? ["myself"] : []), isLeader ? "master" : "slave", ...(isReachable ? [] : ["fail"])].join(",");
  return `${id} ${host}:${port}@${port} ${flags} ${isLeader ? "-" : leaderId} 0 0 1 ${isReachable ? "connected" : "disconnected"}${isLeader ? ` 0-${SLOTS - 1}` : ""}`;
}

function clusterInfo(nodes: readonly ClusterNode[]): string {
  const fields = {
    cluster_enabled: 1, cluster_state: "ok", cluster_slots_assigned: SLOTS, cluster_slots_ok: SLOTS, cluster_slots_pfail: 0, cluster_slots_fail: 0,
    cluster_known_nodes: nodes.length, cluster_size: 1, cluster_current_epoch: 1, cluster_my_epoch: 1,
  };
  return Object.entries(fields).map(([name, value]) => `${name}:${value}\r\n`).join("");
}

/** Answers with the nodes, once they are known. */
function tellNodes(talk: Talk, shape: NodesShape): void {
  let known: readonly ClusterNode[] = [];
  const place = talk.replies.open((writer) => shape(writer, known));
  clusterNodes(talk.door, talk.state.group, (nodes) => {
    if (!(nodes instanceof DraftError)) known = nodes;
    const isDown = nodes instanceof DraftError && nodes.code === "NO_LEADER";
    if (isDown) place.shape = (writer) => writer.error("CLUSTERDOWN The cluster is down: nobody leads, for now");
    talk.replies.settle(place, nodes instanceof DraftError && !isDown ? nodes : null);
  });
}

function cluster(talk: Talk, [word = "", key]: readonly Argument[]): void {
  const subcommand = textOf(word).toLowerCase();
  const shape = CLUSTER_SHAPES.get(subcommand);
  if (shape !== undefined) {
    // From now on this client wants to be told where to go: it knows what to do with that.
    if (subcommand !== "info") talk.state.asksCluster = true;
    return tellNodes(talk, shape);
  }
  if (subcommand === "myid") return tellNodes(talk, (writer, nodes) => writer.bulk(nodes.find(({ isHere }) => isHere)?.id ?? ""));
  if (subcommand !== "keyslot") return talk.replies.refuse(unknownSubcommand("cluster", textOf(word)));
  if (key === undefined) return talk.replies.refuse(wrongCount("cluster|keyslot"));
  talk.replies.answer((writer) => writer.integer(slotOf(typeof key === "string" ? new TextEncoder().encode(key) : key)));
}

/** What a sentinel says of a node: pairs of names and texts. */
function sentinelRow(writer: ReplyWriter, { name, host, port, id, isReachable }: ClusterNode, flags: string, more: Readonly<Record<string, string>> = {}): void {
  const shown = isReachable ? flags : `${flags},s_down,disconnected`;
  const fields = Object.entries({ name, ip: host, port: String(port), runid: id, flags: shown, ...more });
  writer.map(fields.length);
  for (const [field, value] of fields) {
    writer.bulk(field);
    writer.bulk(value);
  }
}

function rows(choose: (nodes: readonly ClusterNode[]) => readonly ClusterNode[], row: (writer: ReplyWriter, node: ClusterNode, nodes: readonly ClusterNode[]) => void): NodesShape {
  return (writer, nodes) => {
    const chosen = choose(nodes);
    writer.array(chosen.length);
    for (const node of chosen) row(writer, node, nodes);
  };
}

function masterRow(name: string): (writer: ReplyWriter, node: ClusterNode, nodes: readonly ClusterNode[]) => void {
  return (writer, node, nodes) => sentinelRow(writer, { ...node, name }, "master", {
    "num-slaves": String(nodes.length - 1), "num-other-sentinels": String(nodes.length - 1), quorum: String(Math.floor(nodes.length / 2) + 1),
  });
}

/** Subcommands of SENTINEL. The name of a master stands for the connection's group, whatever it is. */
function sentinelShape(subcommand: string, name: string): NodesShape | null {
  const leader = (nodes: readonly ClusterNode[]): readonly ClusterNode[] => nodes.filter(({ isLeader }) => isLeader);
  const others = (nodes: readonly ClusterNode[]): readonly ClusterNode[] => nodes.filter(({ isLeader }) => !isLeader);
  switch (subcommand) {
    case "get-master-addr-by-name": return (writer, nodes) => {
      const [first] = leader(nodes);
      if (first === undefined) writer.nullArray();
      else writer.value([first.host, String(first.port)]);
    };
    case "master": return (writer, nodes) => {
      const [first] = leader(nodes);
      if (first === undefined) writer.nullArray();
      else masterRow(name)(writer, first, nodes);
    };
    case "masters": return rows(leader, masterRow(name === "" ? "main" : name));
    case "replicas":
    case "slaves": return rows(others, (writer, node, nodes) => sentinelRow(writer, { ...node, name: `${node.host}:${node.port}` }, "slave", {
      "master-host": nodes[0]?.host ?? "", "master-port": String(nodes[0]?.port ?? 0), "master-link-status": node.isReachable ? "ok" : "err",
    }));
    case "sentinels": return rows((nodes) => nodes.filter(({ isHere }) => !isHere), (writer, node) => sentinelRow(writer, node, "sentinel"));
    default: return null;
  }
}

function sentinel(talk: Talk, [word = "", name = ""]: readonly Argument[]): void {
  const subcommand = textOf(word).toLowerCase();
  const shape = sentinelShape(subcommand, textOf(name));
  if (shape === null) talk.replies.refuse(unknownSubcommand("sentinel", textOf(word)));
  else if (name === "" && subcommand !== "masters") talk.replies.refuse(wrongCount(`sentinel|${subcommand}`));
  else tellNodes(talk, shape);
}

const ok: Shape = (writer) => writer.simple("OK");

function readAnywhere(isWanted: boolean): OwnCommand["run"] {
  return (talk) => {
    talk.state.readsAnywhere = isWanted;
    talk.replies.answer(ok);
  };
}

export const CLUSTER_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  cluster: { count: [1, MANY], waits: "nothing", run: cluster },
  sentinel: { count: [1, MANY], waits: "nothing", run: sentinel },
  readonly: { count: [0, 0], waits: "all", run: readAnywhere(true) },
  readwrite: { count: [0, 0], waits: "all", run: readAnywhere(false) },
};
