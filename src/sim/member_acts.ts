/** How members come and go in a run, what befalls a change while it is under way, and how a directory is lost. */
import type { MemberWish } from "../net/member_wish.ts";
import { isRising } from "../raft/configuration_change.ts";
import { votes } from "../raft/quorum.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration } from "../raft/types.ts";
import { type Act, all, around, atNextStep, cutFor, type FaultHands, others, someone } from "./fault_hands.ts";
import { configurationsAbout, isGone, memberOn, shownConfiguration } from "./members_view.ts";
import type { FaultBody, FaultKind, PlannedWish, Who } from "./script.ts";
import { SIM_PORT } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

type MemberFaultKind = Extract<FaultKind, "change" | "resize" | "lose" | "at-change">;

type AtChange = Extract<FaultBody, { kind: "at-change" }>;

/** How long a node that was removed is down while its directory is emptied. */
const EMPTYING_MS = 20;

const TRANSFER_TIMEOUT_MS = 2000;

/** How often those are asked who are to elect another leader first. */
const RIVAL_TRIES = 20;

/** All acts on the membership. */
export const MEMBER_FAULTS: { readonly [K in MemberFaultKind]: Act<K> } = {
  change: (hands, { wishes: planned, via, tries }) => {
    const shown = shownConfiguration(hands.cluster);
    if (shown === null) return null;
    if (planned.some(({ what }) => what === "cancel")) return ask(hands, [{ type: "cancel" }], via, tries);
    const taken = new Set<string>();
    const wishes = planned.flatMap((wish) => wishOf(hands, shown, wish, taken));
    return leavesSound(hands, shown, wishes) ? ask(hands, wishes, via, tries) : null;
  },
  resize: (hands, { voters, from, via, tries }) => {
    const shown = shownConfiguration(hands.cluster);
    if (shown === null) return null;
    const voting = shown.members.filter(({ targetRole }) => targetRole === "voter");
    const isToGrow = voting.length < voters;
    const what = isToGrow ? "add" : "remove";
    const count = Math.abs(voters - voting.length);
    const taken = new Set<string>();
    const wishes = Array.from({ length: count }, (_, at) => wishOf(hands, shown, { what, who: from === 0 && at > 0 ? 1 : from, by: 0 }, taken)).flat();
    return leavesSound(hands, shown, wishes) ? ask(hands, wishes, via, tries) : null;
  },
  lose: (hands, { who, downMs }) => {
    const machine = someone(hands, who);
    if (machine === null || machine.number === 0 || hands.lost().length > 0) return null;
    const isMember = configurationsAbout(hands.cluster).some((each) => memberOn(machine, each) !== null);
    if (!isMember || !hands.mayLose(machine, true)) return null;
    hands.wiped.add(machine);
    hands.empty(machine, downMs);
    return `loses the directory of ${machine.id}`;
  },
  "at-change": (hands, fault) => {
    atNextChange(hands, fault.when, (leader, configuration) => hands.later(fault.afterMs, () => befall(hands, fault, leader, configuration)));
    return `will ${fault.how} at the next ${fault.when} configuration`;
  },
};

function ask(hands: FaultHands, wishes: readonly MemberWish[], via: Who, tries: number): string | null {
  if (wishes.length === 0) return null;
  const ids = all(hands).map(({ id }) => id);
  const first = Math.max(via, 1) - 1;
  hands.operator.ask({ wishes, via: [...ids.slice(first), ...ids.slice(0, first)], tries });
  return `asks ${ids[first]} to ${wishes.map(wordsOf).join(", ")}`;
}

/** Whether those who are to vote then are mostly such whose disks nothing befell: nobody lets the damaged decide. */
function leavesSound(hands: FaultHands, { members }: Configuration, wishes: readonly MemberWish[]): boolean {
  const voting = new Set(members.filter(({ targetRole }) => votes(targetRole)).map(({ id }) => id));
  for (const wish of wishes) {
    if (wish.type === "remove" || wish.type === "demote" || wish.type === "replace") voting.delete(wish.id);
    if (wish.type === "promote" || (wish.type === "add" && wish.votes)) voting.add(wish.id);
    if (wish.type === "replace") voting.add(wish.newId);
  }
  const damaged = all(hands).filter(({ id, forgiven }) => forgiven && voting.has(id)).length;
  return damaged === 0 || damaged * 2 < voting.size;
}

function wordsOf(wish: MemberWish): string {
  if (wish.type === "cancel") return "call it off";
  if (wish.type === "replace") return `replace ${wish.id} by ${wish.newId}${wish.kind === undefined ? "" : ` as a ${wish.kind}`}`;
  if (wish.type !== "add" || (wish.votes && wish.witness !== true)) return `${wish.type} ${wish.id}`;
  return `add ${wish.id} as a ${wish.witness === true ? "witness" : "learner"}`;
}

/** What somebody would type who sees `shown`: the machine that is meant, or the next one with which the wish makes sense. */
function wishOf(hands: FaultHands, shown: Configuration, { what, who, by }: PlannedWish, taken: Set<string>): MemberWish[] {
  const machines = from(hands, who).filter(({ id }) => !taken.has(id));
  const named = (machine: SimMachine): Configuration["members"][number] | null => shown.members.find(({ id, targetRole }) => id === machine.id && targetRole !== null) ?? null;
  const comes = (machine: SimMachine): boolean => named(machine) === null && (machine.number === 0 || isGone(machine, hands.cluster));
  const pickOne = (fits: (machine: SimMachine) => boolean, among: readonly SimMachine[] = machines): SimMachine | null => {
    const machine = among.find((each) => !taken.has(each.id) && fits(each)) ?? null;
    if (machine !== null) taken.add(machine.id);
    return machine;
  };
  switch (what) {
    case "add":
    case "learn":
    case "witness": {
      const machine = pickOne(comes);
      if (machine === null) return [];
      prepare(hands, machine);
      return [{ type: "add", id: machine.id, address: addressOf(machine), votes: what !== "learn", ...(what === "witness" ? { witness: true } : {}) }];
    }
    case "turn":
    case "replace": {
      const lost = hands.lost().find((machine) => named(machine) !== null && !taken.has(machine.id)) ?? null;
      const old = lost ?? pickOne((machine) => votes(named(machine)?.role ?? null));
      if (old === null) return [];
      taken.add(old.id);
      const next = old === lost && by === 0 ? old : pickOne(comes, from(hands, by));
      if (next === null) return [];
      const kind = what === "turn" ? { kind: named(old)?.role === "witness" ? "voter" : "witness" } as const : {};
      prepare(hands, next);
      return [{ type: "replace", id: old.id, newId: next.id, address: addressOf(next), ...kind }];
    }
    case "cancel": return [];
    default: {
      const role = what === "promote" ? "learner" : what === "demote" ? "voter" : null;
      const machine = pickOne((each) => named(each) !== null && (role === null || named(each)?.role === role));
      return machine === null ? [] : [{ type: what, id: machine.id }];
    }
  }
}

/** All machines from the one that is meant on. */
function from(hands: FaultHands, who: Who): SimMachine[] {
  const machines = all(hands);
  const first = who === 0 ? (hands.cluster.leaderMachine()?.place ?? 1) : who;
  return [...machines.slice(first - 1), ...machines.slice(0, first - 1)];
}

/** One that was removed gets an empty directory, as its own words say that it must. */
function prepare(hands: FaultHands, machine: SimMachine): void {
  if (machine.number !== 0) hands.empty(machine, EMPTYING_MS);
  else hands.start(machine);
}

function addressOf({ id }: SimMachine): string {
  return `${id}:${SIM_PORT}`;
}

/** Acts once a leader has put such a configuration into its log, before anybody hears of it. */
function atNextChange(hands: FaultHands, when: AtChange["when"], act: (leader: SimMachine, configuration: Configuration) => void): void {
  let known = Math.max(0, ...all(hands).map(({ state }) => state === null ? 0 : currentConfiguration(state).index));
  const isIt = (_leader: SimMachine, state: RaftState): boolean => {
    const { index } = currentConfiguration(state);
    if (state.role !== "leader" || index <= known) return false;
    known = index;
    return stageOf(state) === when;
  };
  atNextStep(hands, isIt, (leader, state) => act(leader, currentConfiguration(state)));
}

function stageOf(state: RaftState): AtChange["when"] {
  const { joint, members } = currentConfiguration(state);
  if (joint) return "joint";
  return members.some(isRising) ? "learner" : "left";
}

function befall(hands: FaultHands, { how, forMs }: AtChange, leader: SimMachine, configuration: Configuration): void {
  const { members } = configuration;
  const newest = members.reduce((last, member) => member.number > last.number ? member : last);
  switch (how) {
    case "crash": return end(hands, leader, forMs);
    case "crash-all": {
      for (const machine of all(hands)) end(hands, machine, forMs);
      return;
    }
    case "newcomer": {
      const machine = hands.cluster.machines.get(newest.id);
      if (machine !== undefined) end(hands, machine, forMs);
      return;
    }
    case "aside":
    case "isolate": {
      const apart = others(hands, leader).filter(({ id }) => how === "isolate" || id !== newest.id);
      return cutFor(hands, around(leader, apart), forMs);
    }
    // The others take somebody else in meanwhile, under the same number.
    case "rival": {
      const rest = others(hands, leader).filter(({ id }) => id !== newest.id);
      cutFor(hands, around(leader, rest), forMs);
      const shown = { ...configuration, members: members.filter((member) => member !== newest) };
      ask(hands, wishOf(hands, shown, { what: "learn", who: 1, by: 0 }, new Set([newest.id])), rest[0]?.place ?? 1, RIVAL_TRIES);
      return;
    }
    case "transfer": {
      const target = members.find(({ id, role }) => id !== leader.id && role === "voter");
      if (target === undefined || leader.server === null || leader.gate.isShut) return;
      return leader.server.requests.transfer("main", target.id, TRANSFER_TIMEOUT_MS, () => {});
    }
  }
}

function end(hands: FaultHands, machine: SimMachine, downMs: number): void {
  if (!machine.isUp) return;
  machine.crash();
  hands.later(downMs, () => hands.start(machine));
}
