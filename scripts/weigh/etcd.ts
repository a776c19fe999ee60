/**
 * An etcd of three nodes, and a client of its own kind: puts over gRPC as etcd's own clients send them, many streams on
 * few connections. It is written out here, a frame and two fields, since no library would be smaller. What it takes of the
 * processors is told, for client and nodes share them.
 */
import { connect, type ClientHttp2Session } from "node:http2";
import process from "node:process";
import { join } from "node:path";
import { freePorts, run, Running, sleep, temporaryDirectory } from "../../test/e2e/processes.ts";

const PUT_PATH = "/etcdserverpb.KV/Put";
const CONNECTIONS = 16;

/** Three nodes. */
export interface Etcd {
  /** `host:port` of the one that leads. */
  readonly leader: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

export async function startEtcd(): Promise<Etcd> {
  const first = await freePorts(6);
  const directory = temporaryDirectory();
  const url = (at: number): string => `http://127.0.0.1:${first + at}`;
  const names = ["a", "b", "c"];
  const initial = names.map((name, at) => `${name}=${url(2 * at + 1)}`).join(",");
  const nodes = names.map((name, at) => new Running([
    "etcd", "--name", name, "--data-dir", join(directory, name), "--listen-client-urls", url(2 * at), "--advertise-client-urls", url(2 * at),
    "--listen-peer-urls", url(2 * at + 1), "--initial-advertise-peer-urls", url(2 * at + 1), "--initial-cluster", initial, "--log-level", "error",
  ]));
  const endpoints = names.map((_, at) => url(2 * at)).join(",");
  const leader = await leaderOf(endpoints);
  return {
    leader,
    pids: nodes.map(({ pid }) => pid),
    stop: async () => {
      for (const node of nodes) node.kill("SIGKILL");
      await Promise.all(nodes.map((node) => node.end()));
    },
  };
}

async function leaderOf(endpoints: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const { out } = await run(["etcdctl", "--endpoints", endpoints, "endpoint", "status"]);
    const row = out.split("\n").map((line) => line.split(", ")).find((cells) => cells[4] === "true");
    if (row?.[0] !== undefined) return row[0].replace(/^https?:\/\//, "");
    await sleep(100);
  }
  throw new Error("no etcd leads");
}

/** A field of bytes in protobuf. */
function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** A PutRequest in the frame of gRPC: not compressed, its length, its fields. */
function putMessage(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([field(1, Buffer.from(key)), field(2, value)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** What one load measured. */
export interface Puts {
  readonly perSecond: number;
  /** Processor time of this client for one put. */
  readonly clientMicros: number;
}

/** Puts of `inflight` callers at once, each sending the next when the last was answered. */
export async function putsPerSecond(address: string, { inflight, requests, keys, valueBytes }: { inflight: number; requests: number; keys: number; valueBytes: number }): Promise<Puts> {
  const sessions = Array.from({ length: Math.min(CONNECTIONS, inflight) }, () => connect(`http://${address}`));
  const value = Buffer.alloc(valueBytes, "v");
  let left = requests;
  const caller = async (session: ClientHttp2Session): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await put(session, putMessage(`key-${String(left % keys).padStart(12, "0")}`, value));
    }
  };
  const [beganMs, began] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: inflight }, (_, at) => caller(sessions[at % sessions.length] as ClientHttp2Session)));
  const { user, system } = process.cpuUsage(began);
  const elapsedMs = performance.now() - beganMs;
  for (const session of sessions) session.destroy();
  return { perSecond: requests / elapsedMs * 1000, clientMicros: (user + system) / requests };
}

function put(session: ClientHttp2Session, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": PUT_PATH, "content-type": "application/grpc", "te": "trailers" });
    let status = "";
    stream.on("response", (headers) => (status = String(headers["grpc-status"] ?? "0")));
    stream.on("trailers", (headers: Readonly<Record<string, unknown>>) => (status = String(headers["grpc-status"] ?? status)));
    stream.on("error", reject);
    stream.on("end", () => (status === "0" ? resolve() : reject(new Error(`etcd answered a put with gRPC status ${status}`))));
    stream.resume();
    stream.end(message);
  });
}
