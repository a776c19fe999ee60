/**
 * Every order in which a small cluster can live: breadth first, so that the first violation is also the shortest way to
 * one. The members are the real core; messages wait in a bag and arrive in any order, or never; stores complete when
 * they are told to.
 */
import { leftOf, type Bounds, checkBounds, packBudgets, spend, UNLIMITED } from "./bounds.ts";
import { act, type ActionName, BUDGET_OF, packAction, packRead, slowly, unpackAction } from "./actions.ts";
import { Histories, whyWrong, withLeader } from "./cluster.ts";
import { comesTooLate } from "./dead_letters.ts";
import { firstStart, type Local, mayBeLate } from "./local.ts";
import { AT, DEPTH, HISTORY, LEADERS, leastSum, LEFT, MEMBERS } from "./state_numbers.ts";
import { storyOf } from "./story.ts";
import { type MemberRecord, type MessageRecord, type Result, Tables } from "./tables.ts";
import { StateQueue, Visited } from "./visited.ts";

/** When to end although there is more. */
export interface Limits {
  readonly statesMax: number;
  readonly depthMax: number;
  /** Asked now and then; true ends the exploration. */
  readonly enough: () => boolean;
}

/** What was found. */
export interface Exploration {
  /** Everything within the bounds was seen. */
  readonly complete: boolean;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** States in which nothing can happen any more. */
  readonly terminal: number;
  readonly byAction: ReadonlyMap<ActionName, number>;
  readonly memberStates: number;
  readonly messages: number;
  /** Steps that the core took. */
  readonly steps: number;
  /** The most that anybody reached in any state. */
  readonly reached: { readonly term: number; readonly committed: number };
  /** The first violation: what, and the shortest way to it in words. */
  readonly violation: { readonly what: string; readonly way: readonly string[] } | null;
}

/** One step that is tried. */
interface Step {
  readonly name: ActionName;
  readonly member: number;
  readonly action: number;
  /** Where the message stands that is used up; -1: none. */
  readonly taken: number;
  /** The budgets behind it. */
  readonly left: number;
}

/** Explores all that `bounds` allow. */
export function explore(bounds: Bounds, limits: Limits): Exploration {
  checkBounds(bounds);
  const explorer = new Explorer(bounds);
  explorer.run(limits);
  return explorer.found();
}

class Explorer {
  readonly #bounds: Bounds;
  readonly #tables: Tables;
  readonly #histories: Histories = new Histories();
  readonly #visited: Visited = new Visited();
  readonly #queue: StateQueue = new StateQueue();
  readonly #byAction: Map<ActionName, number> = new Map();
  readonly #reached = { term: 0, committed: 0 };
  readonly #state: number[] = [];
  readonly #next: number[] = [];
  readonly #sum: [number, number] = [0, 0];
  #transitions = 0;
  #terminal = 0;
  #depth = 0;
  #hasActed = false;
  #violation: Exploration["violation"] = null;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#tables = new Tables(bounds.members);
    const members = Array.from({ length: bounds.members }, (_, i) => this.#tables.member(firstStart(i + 1, bounds)));
    this.#next.push(0, 0, packBudgets(bounds), 0, 0, ...members);
    this.#note(0);
  }

  run({ statesMax, depthMax, enough }: Limits): void {
    for (let count = 1; this.#violation === null && this.#queue.shift(this.#state); count++) {
      this.#depth = Math.max(this.#depth, this.#state[DEPTH] as number);
      if (this.#depth >= depthMax || this.#visited.size >= statesMax || (count % 1024 === 0 && enough())) {
        this.#queue.push(this.#state);
        return;
      }
      this.#expand();
    }
  }

  found(): Exploration {
    return {
      complete: this.#violation === null && this.#queue.length === 0,
      states: this.#visited.size, transitions: this.#transitions, depth: this.#depth, terminal: this.#terminal,
      byAction: this.#byAction, memberStates: this.#tables.members.length, messages: this.#tables.messages.length,
      steps: this.#tables.steps, reached: this.#reached, violation: this.#violation,
    };
  }

  #expand(): void {
    this.#hasActed = false;
    for (let member = 1; member <= this.#bounds.members; member++) this.#expandMember(member);
    this.#expandMessages();
    if (!this.#hasActed) this.#terminal += 1;
  }

  #expandMember(member: number): void {
    const { state, stores } = this.#local(member);
    const left = this.#state[LEFT] as number;
    if (stores.length > 0) this.#try("stored", member);
    this.#try("crash", member);
    if (state.role !== "leader") {
      this.#try(this.#bounds.preVotes ? "timeout" : "campaign", member);
    } else {
      this.#try("heartbeat", member);
      this.#try("silence", member);
      // Values count down with what is left, so no two entries are alike.
      this.#try("propose", member, leftOf(left, "entries"));
      for (let to = 1; to <= this.#bounds.members; to++) if (to !== member) this.#try("transfer", member, to);
    }
    if (state.leaderId !== 0) {
      this.#try("read", member, packRead(leftOf(left, "reads"), this.#histories.committed(this.#state[HISTORY] as number).length));
    }
    if (state.transfer !== null) this.#try("transfer timeout", member);
  }

  #expandMessages(): void {
    const state = this.#state;
    for (let at = MEMBERS + this.#bounds.members; at < state.length; at++) {
      const number = state[at] as number;
      if (number === state[at - 1] && at > MEMBERS + this.#bounds.members) continue;
      const { message } = this.#tables.messages[number] as MessageRecord;
      this.#try("deliver", message.to, number, at);
      if (mayBeLate(this.#local(message.to), message)) this.#try("deliver late", message.to, number, at);
      this.#try("duplicate", message.to, number);
      this.#try("drop", message.to, number, at);
    }
  }

  #local(member: number): Local {
    return (this.#tables.members[this.#state[MEMBERS + member - 1] as number] as MemberRecord).local;
  }

  /** Goes one step, if there is room for it; `taken` is where the message stands that is used up. */
  #try(name: ActionName, member: number, what: number = 0, taken: number = -1): void {
    const left = this.#state[LEFT] as number;
    const budget = BUDGET_OF[name];
    if (budget !== undefined && leftOf(left, budget) === 0) return;
    const rest = budget === undefined ? left : spend(left, budget);
    const action = packAction(name, member, what);
    const mayBeSlow = name !== "stored" && name !== "drop" && leftOf(rest, "slowStores") > 0 && this.#local(member).stores.length === 0;
    if (mayBeSlow && this.#bounds.slowStores === UNLIMITED) {
      this.#go({ name, member, action: slowly(action), taken, left: rest });
      return;
    }
    this.#go({ name, member, action, taken, left: rest });
    if (mayBeSlow) this.#go({ name, member, action: slowly(action), taken, left: spend(rest, "slowStores") });
  }

  #go({ name, member, action, taken, left }: Step): void {
    const state = this.#state;
    const before = state[MEMBERS + member - 1] as number;
    let after = before;
    let sent: readonly number[] = [];
    if (name !== "drop") {
      const result = this.#result(before, action);
      if (result.violation !== null) return void this.#found(`member ${member}: ${result.violation}`, action);
      // What changes nothing and says nothing that counts may as well never happen: the message stays lost.
      if (result.member === before && this.#countsNothing(result.sent)) return;
      ({ member: after, sent } = result);
      const { local } = this.#tables.members[after] as MemberRecord;
      if (local.state.term > this.#bounds.terms) return;
      // A slow disk that has nothing to store is no case of its own.
      if (this.#bounds.slowStores !== UNLIMITED && unpackAction(action).slow && local.stores.length === 0) return;
    }
    this.#transitions += 1;
    this.#hasActed = true;
    this.#byAction.set(name, (this.#byAction.get(name) ?? 0) + 1);
    const next = this.#next;
    next.length = 0;
    for (let i = 0; i < state.length; i++) if (i !== taken) next.push(state[i] as number);
    next[MEMBERS + member - 1] = after;
    next[DEPTH] = (state[DEPTH] as number) + 1;
    next[LEFT] = left;
    if (after !== before) this.#dropDead(member);
    for (const message of sent) if (!this.#isDead(message, next)) this.#insert(message);
    if (after !== before && !this.#noteHistory({ before, after, action })) return;
    this.#note(action);
  }

  #result(member: number, action: number): Result {
    return this.#tables.result(member, action, (local) => {
      const unpacked = unpackAction(action);
      return act(local, unpacked, this.#tables.messageOf(unpacked));
    });
  }

  /** Takes messages out of the bag of the next state that this member will never act on. */
  #dropDead(member: number): void {
    const next = this.#next;
    let kept = MEMBERS + this.#bounds.members;
    for (let at = kept; at < next.length; at++) {
      const number = next[at] as number;
      const { to } = (this.#tables.messages[number] as MessageRecord).message;
      if (to !== member || !this.#isDead(number, next)) next[kept++] = number;
    }
    next.length = kept;
  }

  #countsNothing(sent: readonly number[]): boolean {
    for (const message of sent) if (!this.#isDead(message, this.#state)) return false;
    return true;
  }

  #isDead(number: number, state: readonly number[]): boolean {
    const { message } = this.#tables.messages[number] as MessageRecord;
    const receiver = state[MEMBERS + message.to - 1] as number;
    if (!comesTooLate(message, (this.#tables.members[receiver] as MemberRecord).local)) return false;
    const result = this.#result(receiver, packAction("deliver", message.to, number));
    return result.violation === null && result.member === receiver && result.sent.length === 0;
  }

  /** Puts a message into the bag, which is kept in ascending order. */
  #insert(message: number): void {
    const next = this.#next;
    const first = MEMBERS + this.#bounds.members;
    let at = next.length;
    next.push(message);
    for (; at > first && (next[at - 1] as number) > message; at--) next[at] = next[at - 1] as number;
    next[at] = message;
  }

  /** What a member's step means for the history; false if it cannot be. */
  #noteHistory({ before, after, action }: { before: number; after: number; action: number }): boolean {
    const next = this.#next;
    const from = (this.#tables.members[before] as MemberRecord).local.state;
    const { local } = this.#tables.members[after] as MemberRecord;
    const { state } = local;
    if (state.role === "leader" && from.role !== "leader") {
      const leaders = withLeader(next[LEADERS] as number, local);
      if (leaders === null) return this.#found(`two leaders in term ${state.term}`, action);
      next[LEADERS] = leaders;
    }
    if (state.commitIndex > from.commitIndex || state.term > this.#reached.term) {
      const history = this.#histories.afterCommit(next[HISTORY] as number, local);
      if (typeof history === "string") return this.#found(history, action);
      next[HISTORY] = history;
      this.#reached.term = Math.max(this.#reached.term, state.term);
      this.#reached.committed = Math.max(this.#reached.committed, state.commitIndex);
    }
    return true;
  }

  /** Notes the state in `#next`, checks it if it is new, and queues it. */
  #note(action: number): void {
    const next = this.#next;
    const { members } = this.#bounds;
    if (!this.#isNew(action)) return;
    const numbers = next.slice(MEMBERS, MEMBERS + members);
    const records = numbers.map((number) => this.#tables.members[number] as MemberRecord);
    const wrong = whyWrong(records, numbers, this.#histories.committed(next[HISTORY] as number));
    if (wrong !== null) return void this.#found(wrong, action);
    next[AT] = this.#visited.size - 1;
    this.#queue.push(next);
  }

  #isNew(action: number): boolean {
    leastSum(this.#next, { tables: this.#tables, histories: this.#histories, members: this.#bounds.members }, this.#sum);
    return this.#visited.add(this.#sum[0], this.#sum[1], { parent: this.#state[AT] ?? -1, action });
  }

  /** A violation by this action in the present state. */
  #found(what: string, action: number): false {
    if (this.#violation !== null) return false;
    const actions = [...this.#visited.wayTo(this.#state[AT] as number), action];
    this.#violation = { what, way: storyOf(this.#tables, this.#bounds, actions) };
    return false;
  }
}
