/**
 * What a client asks of one node: over a socket ({@link Connection}), or, where client and node share a process, without
 * one.
 */
import type { DraftError } from "../base/errors.ts";
import type { NodeHello } from "../net/client_hello.ts";
import type { AskRequest, CommandTuple, Level, SessionAsk, UnsentRequest } from "../net/client_protocol.ts";
import type { MemberAsk } from "../net/member_wish.ts";

/** How a request ends: with an error, or with an index and a result. Called once. */
export type RequestDone = (error: DraftError | null, index: number, result: unknown) => void;

/** How a read is to be served, and for how long it may wait. */
export interface ReadAsk {
  readonly level: Level;
  /** Answer from a state at or past this index; 0 for any. */
  readonly minIndex: number;
  readonly timeoutMs: number;
}

/** A way to one node that is open. */
export interface NodeConnection {
  /** `host:port` under which it was asked for. */
  readonly address: string;
  /** What the node said of itself. */
  readonly hello: NodeHello;
  /** Called once when no more requests can be sent. */
  onClosed: (() => void) | null;
  /** Called when requests have no answer within their time: the node may be gone without a word. */
  onSilent: (() => void) | null;
  /** Sends a command envelope to be proposed. */
  write(group: string, envelope: Uint8Array, timeoutMs: number, done: RequestDone): void;
  /** Sends a command that only reads. */
  read(group: string, command: CommandTuple, options: ReadAsk, done: RequestDone): void;
  /** Asks about the node or the group. */
  ask(kind: AskRequest["kind"], group: string, timeoutMs: number, done: RequestDone): void;
  /** Asks the leader to hand leadership to member `to`. */
  transfer(group: string, to: string, timeoutMs: number, done: RequestDone): void;
  /** Asks the leader to change the members, or to rehearse that. */
  changeMembers(kind: "change" | "rehearse", group: string, ask: MemberAsk, timeoutMs: number, done: RequestDone): void;
  /** Asks the leader to open a session or to close one. */
  changeSession(group: string, ask: SessionAsk, timeoutMs: number, done: RequestDone): void;
  /** Sends any request. @param changes whether one that is lost on the way may have been done */
  submit(request: UnsentRequest, timeoutMs: number, changes: boolean, done: RequestDone): void;
  /** Sends what was asked in this turn, then closes. */
  close(): void;
}
