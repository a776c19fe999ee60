/**
 * What is done to a leader so that a lease which is too long by little shows: it is cut off at the worst moment, while
 * the others choose another one as soon as they may.
 */
import type { Message, MessageType } from "../raft/message.ts";
import { type Act, between, cutFor, type FaultHands, others as othersOf } from "./fault_hands.ts";
import type { FaultRule } from "./sim_faults.ts";
import type { Fault } from "./script.ts";
import type { SimMachine } from "./sim_machine.ts";

/** What is on its way arrives within so many delays of the network. */
const DELAYS = 6;
const TRANSFER_TIMEOUT_MS = 2000;
/** Whoever lost its power is started again, in milliseconds. */
const RESTART_MS = 2;
/** Whoever asks for votes is ahead of the others by what the leader sends in so many milliseconds. */
const AHEAD_MS = 30;

type AtLease = Extract<Fault, { kind: "at-lease" }>;

/** Whom it meets, and for how long which of them hear nothing. */
interface Scene {
  readonly hands: FaultHands;
  readonly leader: SimMachine;
  readonly others: readonly SimMachine[];
  readonly forMs: number;
  readonly afterMs: number;
  /** What was sent before has arrived. */
  readonly arrivedMs: number;
}

/** The acts at leases. */
export const LEASE_FAULTS: { readonly "at-lease": Act<"at-lease"> } = {
  "at-lease": (hands, { how, afterMs, forMs }) => {
    const leader = hands.cluster.leaderMachine();
    if (leader === null || leader.server === null || leader.gate.isShut) return null;
    const others = othersOf(hands, leader).filter(({ isUp }) => isUp);
    if (others.length === 0) return null;
    const arrivedMs = DELAYS * hands.cluster.net.options.delayMs;
    return ACTS[how]({ hands, leader, others, forMs, afterMs, arrivedMs });
  },
};

const ACTS: { readonly [H in AtLease["how"]]: (scene: Scene) => string } = {
  /** Answers to what the leader sent last are held until its promises have nearly run out; it hears no others. */
  "late answers": (scene) => {
    const { hands, leader, others, forMs, afterMs, arrivedMs } = scene;
    const answers = between(others, [leader]);
    hands.cuts.cut(answers);
    atNext(scene, leader, "heartbeat", () => {
      hands.later(arrivedMs, () => cutFor(hands, between([leader], others), afterMs + forMs));
      hands.later(afterMs, () => {
        hands.cuts.heal(answers);
        hands.later(arrivedMs, () => cutFor(hands, answers, forMs));
      });
    });
    return `holds the answers to ${leader.id} back, and then cuts it off`;
  },
  /**
   * One member, which the leader does not reach, asks for votes; the others forget whom they heard. Their logs stand still
   * meanwhile, or they would have more than it, and not vote for it.
   */
  restart: (scene) => {
    const { hands, leader, others, forMs, afterMs } = scene;
    const [asks, ...voters] = others as [SimMachine, ...SimMachine[]];
    hands.later(AHEAD_MS, () => cutFor(hands, [...between([leader], [asks]), ...between([asks], [leader])], afterMs + 3 * forMs));
    const rule: FaultRule = ({ kind, path }) => kind === "write" && path.endsWith(".seg") ? { stall: true } : null;
    for (const voter of voters) hands.troubles(voter).add(rule);
    const goOn = (voter: SimMachine): void => {
      hands.troubles(voter).remove(rule);
      voter.disk.release();
    };
    hands.later(afterMs + 3 * forMs, () => voters.forEach(goOn));
    // Half of its timeout before it asks again.
    atNext(scene, asks, "voteRequest", () => hands.later(afterMs, () => {
      cutFor(hands, [...between([leader], voters), ...between(voters, [leader])], forMs);
      for (const voter of voters) {
        if (!voter.isUp) continue;
        // What it promised the next process must know from what was durable alone.
        voter.crash(false, "dropped");
        goOn(voter);
        hands.later(RESTART_MS, () => hands.start(voter));
      }
    }));
    return `cuts ${asks.id} off from ${leader.id}, then ${leader.id} from all, who lose their power for a moment`;
  },
  /** Nobody tells the leader what became of its handing over. */
  "hand over": (scene) => {
    const { hands, leader, others, forMs } = scene;
    const target = others[0] as SimMachine;
    atNext(scene, leader, "timeoutNow", () => cutFor(hands, between(others, [leader]), forMs));
    transfer(leader, target);
    return `hands over from ${leader.id} to ${target.id}, and lets nobody tell it`;
  },
  /** The target hears of it only when the leader has given up, before that has gone on. */
  "hand over late": (scene) => {
    const { hands, leader, others, forMs, afterMs } = scene;
    const target = others[0] as SimMachine;
    const notice = between([leader], [target]);
    atNext(scene, leader, "timeoutNow", () => {
      hands.cuts.cut(notice);
      hands.later(afterMs, () => {
        hands.cuts.heal(notice);
        cutFor(hands, between(others, [leader]), forMs);
      });
    });
    transfer(leader, target);
    return `hands over from ${leader.id} to ${target.id}, which hears of it late`;
  },
  /** Whoever counts by the wall clock holds on for longer. */
  "clock back": ({ hands, leader, others, forMs, afterMs }) => {
    cutFor(hands, [...between([leader], others), ...between(others, [leader])], afterMs + forMs);
    leader.clock.jump(-Math.round(afterMs + forMs));
    return `isolates ${leader.id} and sets its wall clock back`;
  },
};

function transfer(leader: SimMachine, target: SimMachine): void {
  leader.server?.requests.transfer("main", target.id, TRANSFER_TIMEOUT_MS, () => {});
}

/** Acts while somebody sends such a message: what is held back from then on holds this one back, too. */
function atNext({ hands, afterMs, forMs }: Scene, who: SimMachine, type: MessageType, act: () => void): void {
  const { watch, scheduler } = hands.cluster;
  const { sent } = watch;
  const untilMs = scheduler.nowMs + afterMs + 2 * forMs;
  let isDone = false;
  watch.sent = (machine: SimMachine, message: Message) => {
    sent?.(machine, message);
    if (isDone || hands.isHealed || scheduler.nowMs > untilMs || machine !== who || message.type !== type) return;
    isDone = true;
    act();
  };
}
