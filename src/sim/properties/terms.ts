/**
 * The term rule (dissertation 3.3): who hears of a higher term takes it and follows, whatever message tells it. Except
 * before an election (9.6, 4.2.3): a pre-vote moves no term and no vote, and neither does a vote that is refused because
 * a leader was heard within an election timeout. Nobody raises its term to campaign unless a quorum promised its votes
 * for that term, or a leader hands over (3.10).
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import type { MemberNumber, Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { MemberModel } from "./member_model.ts";
import { isQuorum } from "./voters.ts";

export class Terms implements Property {
  readonly name: string = "terms";
  readonly #model: ClusterModel;
  /** When each process last heard a leader that had heard a quorum, by its own clock. */
  readonly #heardMs: WeakMap<RaftState, number> = new WeakMap();
  /** By candidate: the last term that it asked for, and who promised a vote in it. */
  readonly #promises: Map<MemberNumber, { readonly term: Term; readonly voters: Set<MemberNumber> }> = new Map();

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    const model = this.#model.of(state);
    const { was, is } = model;
    if (is.role === "pre-candidate" && is.term !== was.term) {
      throw new Violation(this.name, `${member.id} asks for pre-votes and raised its term from ${was.term} to ${is.term}`);
    }
    if (is.role === "candidate" && is.term !== was.term) this.#checkPromised(member, model, event);
    if (event.type !== "receive" || !isAddressed(state, event.message)) return;
    const { message } = event;
    if ((message.type === "appendRequest" || message.type === "heartbeat") && message.heardQuorum && message.term === is.term) {
      this.#heardMs.set(state, event.nowMs);
    }
    if (message.type === "voteRequest") return this.#voteAsked(member, model, event, effects);
    const isPromise = message.type === "voteReply" && message.preVote && message.granted;
    if (message.term > is.term && !isPromise) {
      throw new Violation(this.name, `${member.id} stays in term ${is.term} though a ${message.type} of term ${message.term} came`);
    }
  }

  sent(member: SimMember, message: Message): void {
    if (message.type !== "voteReply" || !message.preVote || !message.granted) return;
    let promise = this.#promises.get(message.to);
    if (promise === undefined || promise.term < message.requestTerm) {
      promise = { term: message.requestTerm, voters: new Set() };
      this.#promises.set(message.to, promise);
    }
    if (promise.term === message.requestTerm) promise.voters.add(this.#model.of(member.state!).seat);
  }

  #checkPromised(member: SimMember, { is, number, seat, voters }: MemberModel, event: Event): void {
    if (event.type === "receive" && event.message.type === "timeoutNow") return;
    const promise = this.#promises.get(number);
    const promised = (voter: MemberNumber): boolean => voter === seat || (promise?.term === is.term && promise.voters.has(voter));
    if (isQuorum(voters, promised)) return;
    const list = voters.incoming.filter(promised).join(", ");
    throw new Violation(this.name, `${member.id} campaigns in term ${is.term} by the promises of [${list}] among [${voters.incoming.join(", ")}]`);
  }

  #voteAsked(member: SimMember, model: MemberModel, event: Event, effects: readonly Effect[]): void {
    if (event.type !== "receive" || event.message.type !== "voteRequest") return;
    const { message } = event;
    const { was, is } = model;
    if (message.preVote && (is.term !== was.term || is.votedFor !== was.votedFor)) {
      throw new Violation(this.name, `a pre-vote moves ${member.id} from term ${was.term}, vote ${was.votedFor} to term ${is.term}, vote ${is.votedFor}`);
    }
    if (was.leaderId === 0 || was.leaderId === message.from || was.role === "leader" || message.forcedLeader !== 0) return;
    const heardMs = this.#heardMs.get(member.state!) ?? Number.NEGATIVE_INFINITY;
    if (event.nowMs - heardMs >= member.state!.config.electionMinMs) return;
    if (is.term !== was.term || effects.some((effect) => grantsTo(effect, message.from))) {
      throw new Violation(this.name, `${member.id} heard its leader ${event.nowMs - heardMs} ms ago and moves for the candidate ${message.from}`);
    }
  }
}

/** Whether the core has to look at the message at all. */
function isAddressed({ config, configurations }: RaftState, message: Message): boolean {
  if (message.group !== config.group || message.to !== config.self || message.from === config.self) return false;
  const sender = configurations.at(-1)!.members.find(({ number }) => number === message.from);
  return sender === undefined || sender.incarnation === message.fromIncarnation;
}

function grantsTo(effect: Effect, to: MemberNumber): boolean {
  if (effect.type === "send") return isGrant(effect.message, to);
  return effect.type === "store" && effect.messages.some((message) => isGrant(message, to));
}

function isGrant(message: Message, to: MemberNumber): boolean {
  return message.type === "voteReply" && message.granted && message.to === to;
}
