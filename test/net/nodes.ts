/** Nodes that have a transport and nothing else, on a simulated or a real network. */
import type { Host, Listener, Net, Socket } from "../../src/host/host.ts";
import { silentLog } from "../../src/host/node_host.ts";
import type { Hello } from "../../src/net/hello.ts";
import type { Peer } from "../../src/net/link.ts";
import { Transport, type TransportHandlers } from "../../src/net/transport.ts";
import type { Message } from "../../src/raft/message.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimNet, type SimNetOptions } from "../../src/sim/sim_net.ts";
import { helloOf } from "./samples.ts";

/** A node: what it says of itself, and what it heard. */
export interface TestNode {
  readonly host: Host;
  readonly transport: Transport;
  readonly heard: Message[];
  readonly from: Hello[];
  /** `up 2`, `down 2`. */
  readonly links: string[];
  hello: Hello;
  admit: (hello: Hello, lane: number) => string | null;
  listener: Listener | null;
}

export const FRAME_BYTES_MAX: number = 1 << 24;

/** A node on `host` that says `hello`. */
export function nodeOn(host: Host, hello: Hello, handlers: Partial<TransportHandlers> = {}): TestNode {
  const transport = new Transport(host, {
    hello: () => node.hello,
    admit: (other, lane) => node.admit(other, lane),
    message: (from, message) => {
      node.from.push(from);
      node.heard.push(message);
    },
    probe: (_from, request, answer) => answer(request[0] === "no" ? null : ["answer", ...request]),
    snapshot: (_from, question, answer) => answer(question[0] === "no" ? "not here" : ["answer", ...question]),
    linkUp: (number) => node.links.push(`up ${number}`),
    linkDown: (number) => node.links.push(`down ${number}`),
    ...handlers,
  }, { frameBytesMax: FRAME_BYTES_MAX, bulkBytesMax: 1 << 20, snapshotsMax: 2 });
  const node: TestNode = { host, transport, heard: [], from: [], links: [], hello, admit: () => null, listener: null };
  return node;
}

/** Gives each connection to the node's transport, as a gateway would after a look at its first bytes. */
export function acceptor(node: TestNode): (socket: Socket) => void {
  return (socket) => {
    let taken = false;
    socket.open({
      data: (bytes) => {
        if (!taken) node.transport.acceptPeer(socket, bytes);
        taken = true;
      },
      drained: () => undefined,
      closed: () => undefined,
    });
  };
}

/** A simulated network with nodes `a`, `b`, … that are members 1, 2, … and listen on their name, port 7100. */
export interface SimWorld {
  readonly scheduler: Scheduler;
  readonly net: SimNet;
  readonly nodes: TestNode[];
  run(ms: number): void;
}

export function simWorld(count: number, options: Partial<SimNetOptions> = {}): SimWorld {
  const scheduler = new Scheduler();
  const net = new SimNet(scheduler, options);
  const nodes = Array.from({ length: count }, (_, i) => startSimNode(scheduler, net, helloOf("abcdefg".charAt(i), i + 1)));
  scheduler.runUntil(1);
  return { scheduler, net, nodes, run: (ms) => scheduler.runUntil(scheduler.nowMs + ms) };
}

/** A node that listens where its hello says. */
export function startSimNode(scheduler: Scheduler, net: SimNet, hello: Hello, handlers: Partial<TransportHandlers> = {}): TestNode {
  const node = nodeOn(simHost(scheduler, net.host(hello.nodeId), hello.memberNumber), hello, handlers);
  node.host.net.listen({ host: hello.nodeId, port: 7100 }, acceptor(node), (...[error, listener]) => {
    if (error !== null) throw error;
    node.listener = listener;
  });
  return node;
}

function simHost(scheduler: Scheduler, net: Net, seed: number): Host {
  let drawn = seed;
  return {
    clock: scheduler.clock(1_700_000_000_000),
    net,
    random: { u32: () => drawn++ },
    log: silentLog,
    get disk(): never {
      throw new Error("no disk here");
    },
  };
}

/** The peer that `node` is to others. */
export function peerOf({ hello }: TestNode): Peer {
  return { number: hello.memberNumber, incarnation: hello.incarnation, id: hello.nodeId, address: hello.address };
}

/** Links every node to every other. */
export function linkAll(nodes: readonly TestNode[]): void {
  for (const node of nodes) node.transport.setPeers(nodes.filter((other) => other !== node).map(peerOf));
}

/** A heartbeat between two nodes. */
export function heartbeat(from: TestNode, to: TestNode, round: number): Message {
  return {
    type: "heartbeat",
    group: 1,
    from: from.hello.memberNumber,
    fromIncarnation: from.hello.incarnation,
    to: to.hello.memberNumber,
    term: 1,
    leaderCommit: 0,
    round,
    heardQuorum: true,
  };
}
