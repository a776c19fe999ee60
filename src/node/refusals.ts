/**
 * The core's refusals in the words of users: each is definitely not done and says what to do next.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";
import type { Refusal } from "../raft/event.ts";
import { isVoting, majorityOf } from "../raft/quorum.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Index, MemberNumber } from "../raft/types.ts";

/** How long a client that was told BUSY waits before it tries again, in milliseconds. */
const BUSY_RETRY_MS = 50;

/** The most that it is told to wait. */
const BUSY_RETRY_MS_MAX = 1000;

/** The machine has enough to do for `backlogMs`. */
export function machineBusyError(name: string, backlogMs: number, limitMs: number): DraftError {
  const retryAfterMs = Math.min(BUSY_RETRY_MS_MAX, Math.max(BUSY_RETRY_MS, Math.ceil(backlogMs - limitMs / 2)));
  return new DraftError("BUSY", `the machine of group ${name} has enough to do for ${Math.ceil(backlogMs)} ms: try again in ${retryAfterMs} ms`, { retryAfterMs });
}

/** The leader's disk counts as full. @param frees even of what leaves less than there was it takes no more */
export function diskFullError(group: RefusingGroup, frees: boolean): DraftError {
  const taken = frees ? "" : "; what leaves less than there was, as deletes do, may still be taken";
  return new DraftError("DISK_FULL", `the disk of the leader of group ${group.name} is full: make room${taken}`, { leader: group.leader });
}

/** The version of the machine rises, and somebody new is to be taken in. */
export function raisingError(name: string): DraftError {
  return new DraftError("BUSY", `the version of the machine of group ${name} is being raised: try again`, { retryAfterMs: BUSY_RETRY_MS });
}

/** What a refusal tells of its group. */
export interface RefusingGroup {
  readonly name: string;
  readonly state: RaftState;
  readonly leader: LeaderHint | null;
  isLinked(member: MemberNumber): boolean;
  exclusion(): string;
}

/** What the core refused, as an error for the caller. */
export function refusalError(refusal: Refusal, group: RefusingGroup): DraftError {
  switch (refusal) {
    case "busy":
      return new DraftError("BUSY", `group ${group.name} has too much under way: try again`, { retryAfterMs: BUSY_RETRY_MS });
    case "transferring":
    case "replaced":
      return new DraftError("NO_LEADER", `leadership of group ${group.name} is being handed over: try again`, { leader: group.leader });
    case "unknown-member":
      return new DraftError("NOT_FOUND", `no such member in group ${group.name}: see draft admin servers`);
    case "not-a-voter":
      return new DraftError("BAD_REQUEST", "only a voter can lead, for a learner or a witness never does: see draft admin servers");
    case "timed-out":
      return new DraftError("TIMEOUT", `the leader of group ${group.name} did not answer in time: try again`, { outcome: "not-done" });
    case "given-up":
      return new DraftError("TIMEOUT", `the member did not catch up in time and was told nothing: see draft admin states`, { outcome: "not-done" });
    case "in-doubt":
      return new DraftError("TIMEOUT", `the member was told to lead group ${group.name}, and has not yet: see draft admin states`);
    case "change-pending":
      return new DraftError("CHANGE_PENDING", `another change of the members of group ${group.name} is under way: see draft admin servers; draft admin cancel calls it off`);
    case "not-ready":
      return new DraftError("BUSY", `the leader of group ${group.name} is only taking over: try again`, { retryAfterMs: BUSY_RETRY_MS });
    case "would-lose-quorum":
      return new DraftError("WOULD_LOSE_QUORUM", `too few voters of group ${group.name} would be there afterwards to decide anything: see draft admin states`);
    case "too-many-witnesses":
      return new DraftError("WOULD_LOSE_QUORUM", `afterwards group ${group.name} would have as many witnesses as voters that keep its data, or more: ` +
        "add a voter first, or remove a witness; see draft admin servers");
    case "not-leader":
      return noLeaderError(group);
  }
}

/** A node that takes nothing in any more. */
export function endedError(node: { readonly stopping: boolean }): DraftError {
  if (node.stopping) return new DraftError("STOPPING", "this node is stopping: ask another");
  return new DraftError("FENCED", "this node has failed and takes part in nothing any more: ask another, and see its log");
}

/** NOT_LEADER with where to go, or NO_LEADER with why there is none. */
export function noLeaderError(group: RefusingGroup): DraftError {
  const { leader } = group;
  const exclusion = group.exclusion();
  if (exclusion !== "") return new DraftError("NO_LEADER", `${exclusion}; ask another node`);
  if (leader !== null && group.state.role !== "leader") {
    return new DraftError("NOT_LEADER", `group ${group.name} is led by ${leader.id} at ${leader.address}: go there`, { leader });
  }
  return new DraftError("NO_LEADER", `group ${group.name} has no leader: ${whyNoLeader(group)}`);
}

function whyNoLeader(group: RefusingGroup): string {
  const { state } = group;
  const { incoming } = state.voters;
  const needed = majorityOf(incoming.length);
  const voters = currentConfiguration(state).members.filter((member) => isVoting(state.voters, member.number));
  const down = voters.filter((voter) => voter.number !== state.config.self && !group.isLinked(voter.number));
  if (down.length === 0) return `an election is under way in term ${state.term}: try again`;
  const answering = voters.length - down.length;
  const names = down.map((voter) => `${voter.id} unreachable`).join(", ");
  const facts = `${answering} of ${voters.length} voters answer, ${needed} needed: ${names}`;
  // It need not be of use to ask the others for votes: whoever is away may hold what they lack.
  return answering < needed ? facts : `${facts}; an election is under way in term ${state.term}; if it does not end, whoever is away may hold entries that the others lack: see draft admin why`;
}

/** The committed log of this replica differs from the leader's: it cannot serve, and says where to look. */
export function divergedError(name: string, at: { readonly index: Index; readonly ownChain: number; readonly leaderChain: number }): DraftError {
  const hex = (chain: number): string => chain.toString(16).padStart(8, "0");
  return new DraftError(
    "DAMAGED",
    `the log of group ${name} differs from the leader's at index ${at.index}, which is committed: ` +
      `chain ${hex(at.ownChain)} here, ${hex(at.leaderChain)} there: compare with draft log show --from ${at.index}`,
  );
}
