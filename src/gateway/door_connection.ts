/**
 * One client's connection, as the node sees it.
 */
import { hexOf } from "../base/bytes.ts";
import { DraftError, type LeaderHint } from "../base/errors.ts";
import { heldBytes } from "../base/held_bytes.ts";
import type { Clock, Log, Socket } from "../host/host.ts";
import { FrameParser, PREFACE_BYTES } from "../net/frame.ts";
import type { ClientRequest, CloseRequest, OpenRequest, ReadRequest, SessionAsk, WriteRequest } from "../net/client_protocol.ts";
import { RequestReader } from "../net/client_request_reader.ts";
import type { Answer, AnswerDone, NodeApi } from "../node/node_api.ts";
import { askNode } from "./ask_node.ts";
import { Audits } from "./auth/audits.ts";
import { whyNotRequest } from "./auth/request_rule.ts";
import type { DoorCounts } from "./door_counts.ts";
import { DoorGreeting, type DoorRules } from "./door_greeting.ts";
import { DoorReplies } from "./door_replies.ts";
import { askLeader } from "./at_leader.ts";
import { DoorWatches } from "./door_watches.ts";
import type { Forwarder, ForwardRequest } from "./forward.ts";
import { type TimesOf, timedAnswer } from "./write_timings.ts";
import { OtherLeader } from "./other_leader.ts";
import { PacedReads } from "./paced_reads.ts";

const BUSY_RETRY_MS = 20;
const STOPPING_WORDS = "this node stops: another one answers";

/** What a connection needs of its door. */
export interface DoorConnectionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: DoorCounts;
  readonly timesOf: TimesOf;
  readonly rules: DoorRules;
}

/** Reads requests, asks the node, writes replies. */
export class DoorConnection {
  readonly #ports: DoorConnectionPorts;
  readonly #api: NodeApi;
  readonly #forwarder: Forwarder;
  readonly #socket: Socket;
  readonly #onClosed: () => void;
  readonly #frames: FrameParser;
  readonly #requests: RequestReader = new RequestReader();
  readonly #replies: DoorReplies;
  readonly #inflightMax: number;
  readonly #watches: DoorWatches;
  readonly #reads: PacedReads;
  readonly #leader: OtherLeader;
  readonly #greeting: DoorGreeting;
  readonly #audits: Audits;
  #prefaceLeft = PREFACE_BYTES;
  #inflight = 0;
  #stopping = false;
  #closed = false;

  constructor(ports: DoorConnectionPorts, api: NodeApi, forwarder: Forwarder, socket: Socket, onClosed: () => void) {
    this.#ports = ports;
    this.#api = api;
    this.#forwarder = forwarder;
    this.#socket = socket;
    this.#onClosed = onClosed;
    const { frameBytesMax, inflightMax } = api.limits();
    this.#frames = new FrameParser(frameBytesMax);
    this.#inflightMax = inflightMax;
    this.#watches = new DoorWatches(api);
    this.#replies = new DoorReplies({
      clock: ports.clock,
      log: ports.log,
      socket,
      flushed: () => {
        this.#reads.more();
        this.#endIfDone();
      },
      dropped: () => this.destroy(),
    });
    this.#reads = new PacedReads({
      clock: ports.clock,
      hasRoom: () => this.#replies.hasRoom,
      ask: (request, done) => this.#read(request, done),
      answer: (id, result) => this.#answer(id, result, false),
    });
    this.#greeting = new DoorGreeting(api, ports.rules, socket.peer ?? null);
    this.#audits = new Audits(ports.log, socket.remote);
    this.#leader = new OtherLeader(api, () => this.#greeting.isForwarded);
    socket.open({
      data: (bytes) => this.#data(bytes),
      drained: () => {
        this.#replies.drained();
        if (!this.#closed) this.#reads.more();
      },
      closed: () => this.#end(),
    });
  }

  /** Refuses what comes from now on, and closes once the last reply went out. */
  stop(): void {
    this.#stopping = true;
    this.#watches.end(new DraftError("STOPPING", STOPPING_WORDS));
    this.#endIfDone();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#replies.close();
    this.#watches.close();
    this.#onClosed();
  }

  #data(bytes: Uint8Array): void {
    if (this.#closed) return;
    const skip = Math.min(this.#prefaceLeft, bytes.length);
    this.#prefaceLeft -= skip;
    const frames = this.#frames;
    frames.feed(skip === 0 ? bytes : bytes.subarray(skip));
    try {
      for (let body = frames.next(); body !== null && !this.#closed; body = frames.next()) this.#frame(body);
      if (frames.fault !== null) throw new DraftError("BAD_REQUEST", `frame is broken: ${frames.fault}`);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#refuse(error);
    }
  }

  #frame(body: Uint8Array): void {
    if (!this.#greeting.isOver) return this.#replies.add(this.#greeting.take(body));
    const request = this.#requests.read(body);
    this.#ports.counts.requests += 1;
    if (this.#stopping) {
      this.#fail(request.id, new DraftError("STOPPING", STOPPING_WORDS));
    } else if (this.#inflight >= this.#inflightMax) {
      this.#fail(request.id, new DraftError("BUSY", `${this.#inflightMax} requests of this connection wait already`, { retryAfterMs: BUSY_RETRY_MS }));
    } else {
      this.#inflight += 1;
      this.#ask(request);
    }
  }

  /** Asks whether who asks may. */
  #ask(request: ClientRequest): void {
    const { principal } = this.#greeting.login;
    const refusal = principal instanceof DraftError ? principal : whyNotRequest(principal, this.#api, request);
    this.#audits.begin(request, principal);
    if (refusal === null) this.#handle(request);
    else this.#answer(request.id, refusal, false);
  }

  /** The connection cannot go on: says why, to the client and in the log. */
  #refuse(error: DraftError): void {
    this.#ports.log.write("warn", `closed a client's connection: ${error.message}`, { remote: this.#socket.remote });
    this.#replies.addError(0, error);
    this.#replies.flush();
    this.#socket.end();
    this.#end();
  }

  #handle(request: ClientRequest): void {
    const { id, group } = request;
    const api = this.#api;
    switch (request.kind) {
      case "write":
        return this.#write(request);
      case "read":
        return this.#reads.add(request);
      case "operations":
      case "status":
      case "members":
      case "record":
      case "story":
      case "snapshot":
        return askNode(api, request.kind, group, (value) => this.#answerValue(id, value));
      case "restore":
        return this.#atLeader(request, (done) => api.restore(group, request.ask, request.timeoutMs, done), (connection, passOn) =>
          connection.submit({ kind: "restore", group, ask: request.ask }, request.timeoutMs, true, passOn));
      case "backup":
        return api.backup(group, request.ask, (reply) => this.#answerValue(id, reply));
      case "transfer":
        return this.#atLeader(request, (done) => api.transfer(group, request.to, request.timeoutMs, done), (connection, passOn) =>
          connection.transfer(group, request.to, request.timeoutMs, passOn));
      case "change":
      case "rehearse":
        return this.#atLeader(request, (done) => api.changeMembers(group, request, done), (connection, passOn) =>
          connection.changeMembers(request.kind, group, request, request.timeoutMs, passOn));
      case "log-level":
        return this.#answerValue(id, api.setLogLevel(request.level));
      case "watch":
        return this.#watches.ask(request, (result) => this.#answer(id, result, false));
      case "open":
      case "close":
        return this.#changeSession(request);
      case "unknown":
        this.#answer(id, new DraftError("BAD_REQUEST", "this node does not know that request: upgrade it"), false);
    }
  }

  /** Every node answers reads itself, but a witness, which has nothing to answer from. */
  #read(request: ReadRequest, done: AnswerDone): void {
    const { group, command } = request;
    if (this.#api.holdsState(group)) return this.#api.read(group, command, request, done);
    askLeader({ leader: this.#leader, forwarder: this.#forwarder }, {
      group,
      here: (told) => this.#api.read(group, command, request, told),
      elsewhere: (connection, told) => connection.read(group, command, request, told),
      bytes: heldBytes(command),
    }, done);
  }

  /** Asks this node, unless another one leads; that it leads no longer may also be its answer. One function a write. */
  #write(request: WriteRequest): void {
    const { group, envelope, timeoutMs } = request;
    const leader = this.#leader.of(group);
    if (leader !== null) this.#forwardWrite(leader, request);
    else this.#api.propose(group, envelope, timeoutMs, (result) => this.#written(request, result));
  }

  #written(request: WriteRequest, result: Answer | DraftError): void {
    const leader = this.#leader.in(result);
    if (leader !== null) return this.#forwardWrite(leader, request);
    this.#answer(request.id, this.#greeting.isTimed ? timedAnswer(this.#ports, request.group, result) : result, true);
  }

  #forwardWrite(leader: LeaderHint, { id, group, envelope, timeoutMs }: WriteRequest): void {
    const elsewhere: ForwardRequest = (connection, passOn) => connection.write(group, envelope, timeoutMs, passOn);
    this.#forwarder.forward(leader, elsewhere, (result) => this.#answer(id, result, true), envelope.length);
  }

  #changeSession(request: OpenRequest | CloseRequest): void {
    const { group, timeoutMs } = request;
    const ask: SessionAsk = request.kind === "open" ? { type: "open", ordered: request.ordered } : { type: "close", session: hexOf(request.session) };
    this.#atLeader(request, (done) => this.#api.changeSession(group, ask, timeoutMs, done), (connection, passOn) =>
      connection.changeSession(group, ask, timeoutMs, passOn));
  }

  /** Asks this node, or the one that leads: what is asked seldom. */
  #atLeader(request: ClientRequest, here: (done: AnswerDone) => void, elsewhere: ForwardRequest): void {
    const { id, group } = request;
    askLeader({ leader: this.#leader, forwarder: this.#forwarder }, { group, here, elsewhere, bytes: heldBytes(request) }, (result) => this.#answer(id, result, true));
  }

  #answerValue(id: number, value: unknown): void {
    this.#answer(id, value instanceof DraftError ? value : { index: 0, reply: value }, false);
  }

  #answer(id: number, result: Parameters<AnswerDone>[0], changes: boolean): void {
    this.#inflight -= 1;
    this.#audits.end(id, result);
    if (this.#closed) return;
    if (result instanceof DraftError) this.#fail(id, result);
    else this.#replies.addResult(id, result, changes);
  }

  #fail(id: number, error: DraftError): void {
    this.#ports.counts.refused(error);
    this.#replies.addError(id, error);
  }

  #endIfDone(): void {
    if (!this.#stopping || this.#inflight > 0 || !this.#replies.isEmpty || this.#closed) return;
    // Last words: all that was taken has been answered, and what is still on its way here is not taken.
    this.#replies.addError(0, new DraftError("STOPPING", STOPPING_WORDS));
    this.#replies.flush();
    this.#socket.end();
    this.#end();
  }
}
