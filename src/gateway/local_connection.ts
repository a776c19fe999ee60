/**
 * A client's way to the node of its own process: no socket, no frames. It never forwards: a node that does not lead says
 * who does, and the client goes there.
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { NodeConnection, ReadAsk, RequestDone } from "../client/node_connection.ts";
import { CLIENT_PROTOCOL, type NodeHello } from "../net/client_hello.ts";
import type { AskRequest, CommandTuple, SessionAsk, UnsentRequest } from "../net/client_protocol.ts";
import type { MemberAsk } from "../net/member_wish.ts";
import type { AnswerDone, NodeApi } from "../node/node_api.ts";
import { askNode } from "./ask_node.ts";
import { DoorWatches } from "./door_watches.ts";

/** Answers may come within the call that asks. */
export class LocalConnection implements NodeConnection {
  readonly address: string;
  onClosed: (() => void) | null = null;
  onSilent: (() => void) | null = null;
  readonly #api: NodeApi;
  readonly #watches: DoorWatches;

  constructor(api: NodeApi, address: string) {
    this.#api = api;
    this.#watches = new DoorWatches(api);
    this.address = address;
  }

  get hello(): NodeHello {
    const { clusterId, nodeId, address, version } = this.#api.identity();
    return { protocol: CLIENT_PROTOCOL, clusterId, nodeId, address, version, ...this.#api.limits(), leader: this.#api.leaderOf("main") };
  }

  write(group: string, envelope: Uint8Array, timeoutMs: number, done: RequestDone): void {
    this.#api.propose(group, envelope, timeoutMs, answering(done));
  }

  read(group: string, command: CommandTuple, options: ReadAsk, done: RequestDone): void {
    this.#api.read(group, command, options, answering(done));
  }

  ask(kind: AskRequest["kind"], group: string, _timeoutMs: number, done: RequestDone): void {
    askNode(this.#api, kind, group, (value) => {
      if (value instanceof DraftError) done(value, 0, null);
      else done(null, 0, value);
    });
  }

  transfer(group: string, to: string, timeoutMs: number, done: RequestDone): void {
    this.#api.transfer(group, to, timeoutMs, answering(done));
  }

  changeMembers(kind: "change" | "rehearse", group: string, { wishes, force }: MemberAsk, timeoutMs: number, done: RequestDone): void {
    this.#api.changeMembers(group, { kind, wishes, force, timeoutMs }, answering(done));
  }

  submit(request: UnsentRequest, _timeoutMs: number, _changes: boolean, done: RequestDone): void {
    const told = (value: unknown): void => (value instanceof DraftError ? done(value, 0, null) : done(null, 0, value));
    if (request.kind === "watch") this.#watches.ask(request, answering(done));
    else if (request.kind === "backup") this.#api.backup(request.group, request.ask, told);
    else if (request.kind === "log-level") told(this.#api.setLogLevel(request.level));
    else told(new DraftError("BAD_REQUEST", `a ${request.kind} is not asked for so`));
  }

  changeSession(group: string, ask: SessionAsk, timeoutMs: number, done: RequestDone): void {
    this.#api.changeSession(group, ask, timeoutMs, answering(done));
  }

  close(): void {
    this.#watches.end(new DraftError("UNREACHABLE", "the connection was closed here"));
    this.onClosed?.();
  }
}

/** Passes an answer on as it would come over a socket. */
export function answering(done: RequestDone): AnswerDone {
  return (result) => {
    if (result instanceof DraftError) done(result, 0, null);
    else done(null, result.index, ownedReply(result.reply));
  };
}

/** What a machine answers may be its live state, which the next entry changes: who keeps it needs a copy. */
export function ownedReply(reply: unknown): unknown {
  return typeof reply === "object" && reply !== null ? decode(encode(reply)) : reply;
}
