/**
 * What becomes of the commands of one connection: the door's own are answered here, all others are operations of the
 * machine. They take effect in their order: a read waits for the writes ahead of it and a write for the reads, while runs
 * of one kind are under way together. Whoever has to wait is held, and those behind him stay where they are.
 */
import { DraftError } from "../../base/errors.ts";
import type { Command } from "../../machine/machine.ts";
import type { Answer, AnswerDone } from "../../node/node_api.ts";
import { whyNotRun, whyNotWatch } from "../auth/request_rule.ts";
import { movedLine } from "./cluster_map.ts";
import type { RespLogin } from "./credentials.ts";
import type { OrderedSessions } from "./ordered_session.ts";
import { OrderedReads } from "./ordered_reads.ts";
import { OrderedWrites } from "./ordered_writes.ts";
import { OWN_COMMANDS } from "./own_commands.ts";
import { plain, type ReplyQueue, type Shape } from "./reply_queue.ts";
import type { Argument } from "./request_parser.ts";
import { errorLine, textOf, unknownCommand, wrongCount } from "./resp_errors.ts";
import { spell } from "./spellings.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { ClientState, DoorFacts, OwnCommand, Talk, Waits } from "./talk.ts";
import { QUEUED_MAX, type Transaction } from "./transaction.ts";
import { WatchPush } from "./watch_push.ts";

/** How long a command may take. */
export const COMMAND_MS = 5000;

/** What the conversation needs of the door. */
export interface ConversationDoor extends DoorFacts {
  readonly sessions: OrderedSessions;
}

/** What the conversation needs of its connection. */
export interface ConversationEnds {
  readonly replies: ReplyQueue;
  /** Whether the client reads what it is sent. */
  hasRoom(): boolean;
  /** Something goes out that is no reply. */
  pushed(): void;
  /** What was held may be able to go on. */
  wake(): void;
  hangUp(): void;
}

/** How an operation is run, or why it is not. */
interface Found {
  readonly command: Command;
  readonly shape: Shape;
  readonly kind: "read" | "write";
}

/** One connection's commands. */
export class Conversation implements Talk {
  readonly door: DoorFacts;
  readonly state: ClientState;
  readonly login: RespLogin;
  readonly replies: ReplyQueue;
  readonly subscriptions: Subscriptions;
  transaction: Transaction | null = null;
  watched: Map<Argument, number> = new Map();
  readonly #sessions: OrderedSessions;
  readonly #ends: ConversationEnds;
  readonly #pushes: WatchPush;
  #reads: OrderedReads;
  #writes: OrderedWrites;

  constructor(door: ConversationDoor, login: RespLogin, state: ClientState, ends: ConversationEnds) {
    const { sessions } = door;
    this.door = door;
    this.login = login;
    this.state = state;
    this.replies = ends.replies;
    this.#ends = ends;
    this.#sessions = sessions;
    const heard = { get isTrusted() { return login.isProved; }, pushed: () => ends.pushed() };
    this.subscriptions = new Subscriptions(door.events, ends.replies, heard);
    this.#pushes = new WatchPush(door.api, ends.replies, {
      hasRoom: () => ends.hasRoom(),
      pushed: () => ends.pushed(),
      whyNot: (prefix) => (login.principal instanceof DraftError ? login.principal : whyNotWatch(login.principal, prefix)),
    });
    this.#reads = new OrderedReads(sessions.way, state.group);
    this.#writes = new OrderedWrites(sessions, state.group, () => ends.wake());
  }

  /** Watches, which push what they hear. */
  get pushes(): WatchPush {
    return this.#pushes;
  }

  /** Whether a command waits for nothing but to know what became of a write that was given up. */
  get isUnresolved(): boolean {
    return this.replies.length === 0 && !this.#writes.isQuiet;
  }

  get isQuiet(): boolean {
    return this.#mayBegin("all");
  }

  /** Takes a command; false if it has to wait for those ahead: then it is to be offered again. */
  take(request: Argument[]): boolean {
    const name = textOf(request[0] ?? "").toLowerCase();
    request[0] = name;
    const own = OWN_COMMANDS.get(name);
    const refusal = this.login.refusalOf(name);
    const isTaken = refusal !== "" ? this.#refuse(refusal) : own === undefined || (this.transaction !== null && own.endsTransaction !== true) ? this.#takeOperation(name, request, own) : this.#takeOwn(name, own, request.slice(1));
    if (!isTaken) return false;
    this.state.lastCommand = name;
    this.state.lastCommandMs = this.door.clock.monotonicMs();
    return true;
  }

  /** Nobody hears the replies any more. */
  close(): void {
    this.#reads.close();
    this.#writes.close();
    this.endPushes();
  }

  /** Tells nothing any more that nobody asked for just then. */
  endPushes(): void {
    this.#pushes.close();
    this.subscriptions.close();
  }

  read(command: Command, done: AnswerDone): void {
    const refusal = this.#whyNot("read", command);
    if (refusal === null) this.#read(command, done);
    else done(refusal);
  }

  write(command: Command, done: AnswerDone): void {
    const refusal = this.#whyNot("write", command);
    if (refusal === null) this.#write(command, done);
    else done(refusal);
  }

  #read(command: Command, done: AnswerDone): void {
    this.#reads.run(command, COMMAND_MS, (result) => this.#over(result, done));
  }

  #write(command: Command, done: AnswerDone): void {
    this.#writes.run(command, COMMAND_MS, (result) => this.#over(result, done));
  }

  use(group: string): void {
    if (group === this.state.group) return;
    this.#writes.close();
    this.#reads.close();
    this.state.group = group;
    this.#reads = new OrderedReads(this.#sessions.way, group);
    this.#writes = new OrderedWrites(this.#sessions, group, () => this.#ends.wake());
  }

  operate(command: Command): boolean {
    const found = this.#look(command, plain);
    if (!(found instanceof DraftError)) return this.#run(found);
    this.replies.refuse(errorLine(found));
    return true;
  }

  watchChanges(prefix: string, from: number | null): void {
    this.#pushes.open(this.state.group, prefix, from);
  }

  reset(): void {
    this.transaction = null;
    this.watched = new Map();
    this.endPushes();
    this.use("main");
    this.login.forget();
    Object.assign(this.state, { name: "", user: "", asksCluster: false, readsAnywhere: false });
    this.replies.writer.protocol = 2;
  }

  hangUp(): void {
    this.#ends.hangUp();
  }

  #over(result: Answer | DraftError, done: AnswerDone): void {
    done(result);
    this.#ends.wake();
  }

  #mayBegin(waits: Waits): boolean {
    const readsMatter = waits === "reads" || waits === "all";
    const writesMatter = waits === "writes" || waits === "all";
    return (!readsMatter || this.#reads.isQuiet) && (!writesMatter || this.#writes.isQuiet);
  }

  #takeOwn(name: string, { count, waits, run }: OwnCommand, args: readonly Argument[]): boolean {
    if (args.length < count[0] || args.length > count[1]) {
      this.replies.refuse(wrongCount(name));
      return true;
    }
    return this.#mayBegin(waits) && run(this, args) !== false;
  }

  #takeOperation(name: string, request: readonly Argument[], own: OwnCommand | undefined): boolean {
    const found = own === undefined ? this.#find(name, request) : `ERR '${name}' cannot stand between MULTI and EXEC here`;
    const { transaction } = this;
    if (transaction !== null) this.#queue(transaction, found);
    else if (typeof found === "string") this.replies.refuse(found);
    else return this.#run(found);
    return true;
  }

  #queue(transaction: Transaction, found: Found | string): void {
    const refusal = typeof found === "string" ? found : transaction.queued.length >= QUEUED_MAX ? `ERR at most ${QUEUED_MAX} commands stand between MULTI and EXEC` : "";
    if (typeof found !== "string" && refusal === "") {
      transaction.queued.push(found);
      return this.replies.answer((writer) => writer.simple("QUEUED"));
    }
    transaction.isSpoilt = true;
    this.replies.refuse(refusal);
  }

  /** The operation that `request` means; else the line of an error. */
  #find(name: string, request: readonly Argument[]): Found | string {
    const found = this.#look(request as unknown as Command, plain);
    if (!(found instanceof DraftError)) return found;
    if (found.code !== "UNKNOWN_OPERATION") return errorLine(found);
    const spelled = spell(request);
    if (spelled === "count") return wrongCount(name);
    const again = spelled === null ? found : this.#look(spelled.command, spelled.shape);
    if (!(again instanceof DraftError)) return again;
    return again.code === "UNKNOWN_OPERATION" ? unknownCommand(request) : errorLine(again);
  }

  #look(command: Command, shape: Shape): Found | DraftError {
    const kind = this.door.api.kindOf(this.state.group, command);
    if (kind instanceof DraftError) return kind;
    return this.#whyNot(kind, command) ?? { command, shape, kind };
  }

  /** Why whoever this is may not run it; null if they may. */
  #whyNot(kind: "read" | "write", command: Command): DraftError | null {
    const { principal } = this.login;
    return principal instanceof DraftError ? principal : whyNotRun(principal, this.door.api, this.state.group, kind, () => command);
  }

  #refuse(line: string): true {
    if (this.transaction !== null) this.transaction.isSpoilt = true;
    this.replies.refuse(line);
    return true;
  }

  #run({ command, shape, kind }: Found): boolean {
    if (!this.#mayBegin(kind === "read" ? "writes" : "reads")) return false;
    const moved = this.state.asksCluster && !(kind === "read" && this.state.readsAnywhere) ? movedLine(this.door.api, this.state.group, command[1]) : null;
    if (moved !== null) {
      this.replies.refuse(moved);
      return true;
    }
    const place = this.replies.open(shape);
    const done: AnswerDone = (result) => this.replies.settle(place, result instanceof DraftError ? result : result.reply);
    if (kind === "read") this.#read(command, done);
    else this.#write(command, done);
    return true;
  }
}
