/**
 * One Redis client's connection: bytes in, bytes out, and how much of either is held. Commands are read as they can be
 * taken: while one has to wait, or too many are under way, the rest stays with the client.
 */
import type { Clock, Log, Socket, Timer } from "../../host/host.ts";
import type { Access } from "../auth/access.ts";
import { COMMAND_MS, Conversation } from "./conversation.ts";
import { RespLogin } from "./credentials.ts";
import type { OrderedSessions } from "./ordered_session.ts";
import { ReplyQueue } from "./reply_queue.ts";
import { ReplyWriter } from "./reply_writer.ts";
import { type Argument, ARGUMENT_BYTES, RequestParser } from "./request_parser.ts";
import type { RespRoom } from "./resp_room.ts";
import type { ClientState, DoorFacts } from "./talk.ts";

/** Commands of a connection whose replies are not written yet, at most: fewer than a session remembers. */
const UNDER_WAY_MAX = 1000;

/** Bytes of commands of a connection that are under way; one that is larger is alone. */
const UNDER_WAY_BYTES_MAX = 4 * 1024 * 1024;

/** While this much of our replies is not read, the client's commands are not read either. */
const UNREAD_PAUSE_BYTES = 1024 * 1024;

/** A client that lets replies to what it asked already pile up beyond this is dropped. */
const UNREAD_MAX_BYTES = 256 * 1024 * 1024;

/** While there is no room in all, a connection that holds no more than this of a command waits; one that holds more is closed. */
const WAITING_BYTES_MAX = 64 * 1024;

const UNRESOLVED = "NO_LEADER nobody can say yet what became of an earlier write of this connection";

/** What a connection needs of its door. */
export interface ConnectionDoor extends DoorFacts {
  readonly clock: Clock;
  readonly log: Log;
  readonly access: Access;
  readonly sessions: OrderedSessions;
  readonly room: RespRoom;
  left(connection: RespConnection): void;
}

/** Reads commands, has them taken, writes replies. */
export class RespConnection {
  readonly state: ClientState;
  readonly #door: ConnectionDoor;
  readonly #socket: Socket;
  readonly #parser: RequestParser;
  readonly #replies: ReplyQueue;
  readonly #conversation: Conversation;
  /** Use: a command that has to wait. */
  #held: Argument[] | null = null;
  #giveUp: Timer | null = null;
  /** Use: what the room knows that this connection holds. */
  #counted = 0;
  readonly #wake: () => void = () => this.#pump();
  #isPumping = false;
  #isPaused = false;
  #isFlushPlanned = false;
  /** Use: no more commands are taken. */
  #isEnding = false;
  #isClosed = false;

  constructor(door: ConnectionDoor, socket: Socket, state: ClientState) {
    this.#door = door;
    this.#socket = socket;
    this.state = state;
    const { valueBytesMax, frameBytesMax } = door.api.limits();
    this.#parser = new RequestParser({ bulkBytesMax: valueBytesMax, requestBytesMax: frameBytesMax });
    this.#replies = new ReplyQueue(new ReplyWriter(), () => this.#planFlush());
    this.#conversation = new Conversation(door, new RespLogin(door.access.login(socket.peer ?? null), () => door.access.isRequired), state, {
      replies: this.#replies,
      hasRoom: () => !this.#isClosed && socket.queuedBytes + this.#replies.writer.length < UNREAD_PAUSE_BYTES,
      pushed: () => this.#planFlush(),
      wake: () => this.#pump(),
      hangUp: () => this.stop(),
    });
    socket.open({ data: (bytes) => this.#data(bytes), drained: () => this.#drained(), closed: () => this.#end() });
  }

  /** Takes no more commands, and closes once the last reply went out. */
  stop(): void {
    this.#isEnding = true;
    this.#held = null;
    this.#conversation.endPushes();
    this.#endIfDone();
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isEnding = true;
    this.#giveUp?.cancel();
    this.#conversation.close();
    this.#door.room.leave(this.#wake);
    this.#door.room.change(-this.#counted);
    this.#counted = 0;
    this.#door.left(this);
  }

  #data(bytes: Uint8Array): void {
    if (this.#isEnding) return;
    this.#parser.feed(bytes);
    this.#pump();
  }

  /** Takes commands, as many as can be. */
  #pump(): void {
    if (this.#isPumping || this.#isEnding) return;
    this.#isPumping = true;
    while (!this.#isEnding && this.#hasRoom()) {
      this.#parser.isTrusted = this.#conversation.login.isProved;
      const request = this.#held ?? this.#parser.next();
      this.#held = request;
      if (request === null || !this.#conversation.take(request)) break;
      this.#replies.charge(bytesOf(request));
      this.#held = null;
    }
    this.#isPumping = false;
    if (this.#isEnding) return;
    if (this.#parser.fault !== "") this.#refuse(`ERR ${this.#parser.fault}`);
    else this.#settle();
  }

  #hasRoom(): boolean {
    return this.#replies.length < UNDER_WAY_MAX && this.#replies.bytes < UNDER_WAY_BYTES_MAX && this.#socket.queuedBytes < UNREAD_PAUSE_BYTES;
  }

  /** Behind the last command that could be taken: counts what is held, and reads on or does not. */
  #settle(): void {
    const isStuck = this.#held !== null && this.#conversation.isUnresolved;
    if (!isStuck) this.#giveUp?.cancel();
    this.#giveUp = isStuck ? this.#giveUp ?? this.#door.clock.setTimer(COMMAND_MS, () => this.#giveUpHeld()) : null;
    const isFull = this.#count();
    if (isFull && this.#parser.heldBytes > WAITING_BYTES_MAX) return this.#refuse("BUSY too many bytes of commands are under way here: try again");
    const mayRead = !isFull && this.#held === null && this.#hasRoom() && this.#parser.isUsedUp;
    if (mayRead !== this.#isPaused) return;
    this.#isPaused = !mayRead;
    if (mayRead) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Tells the room what is held; whether there is none left. */
  #count(): boolean {
    const { room } = this.#door;
    const held = this.#parser.heldBytes + this.#replies.bytes + (this.#held === null ? 0 : bytesOf(this.#held));
    const more = held - this.#counted;
    this.#counted = held;
    if (more !== 0) room.change(more);
    if (!room.isFull) return false;
    room.wait(this.#wake);
    return true;
  }

  /** The command that waits has waited long enough to be told why. */
  #giveUpHeld(): void {
    this.#giveUp = null;
    this.#held = null;
    this.#replies.refuse(UNRESOLVED);
    this.#pump();
  }

  /** What cannot be read on: said behind the replies to all before it. */
  #refuse(line: string): void {
    this.#door.log.write("warn", `closed a Redis client's connection: ${line}`, { remote: this.#socket.remote });
    this.#replies.refuse(line);
    this.stop();
  }

  #planFlush(): void {
    if (this.#replies.writer.length > UNREAD_PAUSE_BYTES) this.#flush();
    if (this.#isFlushPlanned || this.#isClosed) return;
    this.#isFlushPlanned = true;
    this.#door.clock.soon(() => {
      this.#isFlushPlanned = false;
      this.#flush();
      // What the door answers itself makes room as well.
      if (this.#isPaused) this.#pump();
      this.#endIfDone();
    });
  }

  #flush(): void {
    const bytes = this.#replies.writer.take();
    if (bytes === null || this.#isClosed) return;
    this.#socket.write([bytes]);
    if (this.#socket.queuedBytes > UNREAD_MAX_BYTES) {
      this.#door.log.write("warn", "dropped a Redis client that does not read its replies", { remote: this.#socket.remote, unread: this.#socket.queuedBytes });
      this.destroy();
    } else if (!this.#hasRoom()) this.#settle();
  }

  #drained(): void {
    this.#conversation.pushes.more();
    this.#pump();
  }

  #endIfDone(): void {
    if (!this.#isEnding || this.#isClosed || this.#replies.length > 0 || this.#replies.writer.length > 0) return;
    this.#socket.end();
    this.#end();
  }
}

/** Memory that a command takes, about. */
function bytesOf(request: readonly Argument[]): number {
  let bytes = 0;
  for (const argument of request) bytes += argument.length + ARGUMENT_BYTES;
  return bytes;
}
