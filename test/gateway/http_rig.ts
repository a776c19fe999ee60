/** A node of this process, and ways to ask it over HTTP: a request as bytes, for what no client of a runtime would send. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeOptions, type RunningNode, startNode } from "../../mod.ts";

/** An answer, its body as text and, if it is JSON, as a value. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: unknown;
}

export class HttpRig {
  readonly node: RunningNode;
  readonly port: number;
  readonly #directory: string;

  private constructor(node: RunningNode, directory: string) {
    this.node = node;
    this.port = Number(node.listen.split(":").at(-1));
    this.#directory = directory;
  }

  /** A node alone, that leads. */
  static async start(options: NodeOptions = {}): Promise<HttpRig> {
    const directory = mkdtempSync(join(tmpdir(), "draft-http-"));
    const node = await startNode({
      id: "a", data: join(directory, "a"), listen: "127.0.0.1:0", bootstrap: true, segmentBytes: 1024 * 1024, heartbeatMs: 20, electionMs: "100-200", ...options,
    });
    await node.client.run(["set", "first", "1"]);
    return new HttpRig(node, directory);
  }

  async stop(): Promise<void> {
    await this.node.stop();
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** One request on a connection of its own. */
  async ask(method: string, path: string, { headers = {}, body = "" }: { headers?: Record<string, string>; body?: string } = {}): Promise<Answered> {
    const lines = Object.entries({ "host": "localhost", "connection": "close", ...headers, ...(body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) }) });
    const [answer] = answersIn(await this.raw([`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`]), method);
    if (answer === undefined) throw new Error(`no answer to ${method} ${path}`);
    return answer;
  }

  run(command: readonly unknown[], rest: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask("POST", "/v1/run", { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify({ command, ...rest }) });
  }

  dial(): Socket {
    return connect({ host: "127.0.0.1", port: this.port });
  }

  /** Sends `parts` one after the other, and tells all that came when the node has closed the connection. */
  raw(parts: readonly (string | Uint8Array)[], until: (text: string) => boolean = () => false): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.dial();
      let text = "";
      const end = (): void => {
        socket.destroy();
        resolve(text);
      };
      socket.setEncoding("latin1").on("data", (part: string) => {
        text += part;
        if (until(text)) end();
      });
      socket.on("close", end);
      // Whoever is thrown out in the middle of a request may hear of it by a reset.
      socket.on("error", (error: Error & { code?: string }) => (error.code === "ECONNREFUSED" ? reject(error) : end()));
      for (const part of parts) socket.write(part);
    });
  }
}

/** The answers in what came over a connection. Their bodies are as long as they say; none has to `method` HEAD. */
export function answersIn(text: string, method: string = "GET"): Answered[] {
  const answers: Answered[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`no head in ${JSON.stringify(rest.slice(0, 100))}`);
    const [first = "", ...lines] = rest.slice(0, end).split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
    const length = method === "HEAD" ? 0 : Number(headers["content-length"] ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    if (body.length < length) throw new Error(`a body of ${body.length} bytes, ${length} announced`);
    rest = rest.slice(end + 4 + length);
    const isJson = length > 0 && headers["content-type"]?.startsWith("application/json") === true;
    answers.push({ status: Number(first.split(" ")[1]), headers, text: body, json: isJson ? JSON.parse(Buffer.from(body, "latin1").toString()) as unknown : null });
  }
  return answers;
}

/** Code and outcome of an answer that is an error. */
export function errorIn({ json }: Answered): string {
  const { error } = json as { error: { code: string; outcome: string } };
  return `${error.code} ${error.outcome}`;
}
