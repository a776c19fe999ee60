/** A load over HTTP/1.1 that costs its sender little: connections that each have one request under way, answers told by their ends. */
import { connect, type Socket } from "node:net";

const HEAD_END = "\r\n\r\n";

/** What is asked, again and again. */
export interface HttpLoad {
  readonly address: string;
  readonly connections: number;
  readonly ops: number;
  /** The bytes of request number `at`. */
  readonly request: (at: number) => string;
}

/** What came of it. */
export interface HttpLoaded {
  readonly done: number;
  /** Answers that were not 200. */
  readonly errors: number;
  readonly elapsedMs: number;
}

/** Runs a load to its end. */
export async function runHttpLoad(load: HttpLoad): Promise<HttpLoaded> {
  let next = 0;
  let errors = 0;
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: load.connections }, () => new Promise<void>((resolve, reject) => {
    const socket = dial(load.address);
    let text = "";
    const ask = (): void => {
      if (next >= load.ops) {
        socket.destroy();
        return resolve();
      }
      socket.write(load.request(next));
      next += 1;
    };
    socket.setNoDelay(true).setEncoding("latin1").on("connect", ask).on("error", reject).on("close", resolve);
    socket.on("data", (part: string) => {
      text += part;
      const head = text.indexOf(HEAD_END);
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < head + HEAD_END.length + length) return;
      if (!text.startsWith("HTTP/1.1 200")) errors += 1;
      text = "";
      ask();
    });
  })));
  return { done: next, errors, elapsedMs: performance.now() - beganMs };
}

/** A connection to `host:port`. */
export function dial(address: string): Socket {
  const at = address.lastIndexOf(":");
  return connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
}
