/**
 * What a leader knows of one follower. *Probe*: where the logs agree is not known, one message at a time; *replicate*:
 * messages follow one another within a window; *snapshot*: what the follower needs was compacted away.
 */
import { assert } from "../base/assert.ts";
import type { BootId, Index, MemberNumber, RaftConfig } from "./types.ts";

/** An append that was sent and not answered. */
interface InflightAppend {
  /** The position before its first entry. */
  readonly prevIndex: Index;
  readonly lastIndex: Index;
  readonly bytes: number;
  readonly sentMs: number;
}

export interface Progress {
  readonly member: MemberNumber;
  /** It keeps positions and no payloads. */
  readonly witness: boolean;
  state: "probe" | "replicate" | "snapshot";
  /** Use: what commits. Invariant: the follower's durable log equals ours through here; never falls in a term and boot. */
  matchIndex: Index;
  /** Use: streams from `matchIndex` where our own trail no longer knows the chain; null if the follower did not tell it. */
  matchChain: number | null;
  /**
   * Use: a follower believes commits only as far as an append of this term proved its log to match; where its durable
   * position told us more, an append without entries follows. Invariant: provenIndex ≤ matchIndex.
   */
  provenIndex: Index;
  /** Use: the next entry to send. Invariant: matchIndex < nextIndex ≤ lastIndex + 1. */
  nextIndex: Index;
  /** In probe: a message is out; the next waits for its answer or for a sign that it was lost. */
  probeSent: boolean;
  /** Where that message started, so that a late refusal of another is known as such. */
  probeIndex: Index;
  /** When it was sent. */
  probeSentMs: number;
  /** In snapshot: which member it was told to fetch one from, and how often it was told anew. */
  snapshotSource: MemberNumber;
  snapshotTries: number;
  /** In snapshot: the log behind this index is kept for it. */
  pinnedIndex: Index;
  /**
   * Use: the log is kept for one that had a snapshot until it caught up, for while it fetched the log went on. So long as
   * each round, to what stood in the log when it began, leaves less to do than the one before. 0: no such round.
   */
  pinRoundIndex: Index;
  pinRoundLag: number;
  /** The newest snapshot that it has, as it last said. */
  snapshotIndex: Index;
  /** Invariant: ascending by lastIndex, empty unless replicate; bytes sum to inflightBytes. */
  readonly inflight: InflightAppend[];
  inflightBytes: number;
  /**
   * Use: what was sent and not answered for so long is taken for lost. Doubles while nothing comes of sending it again: a
   * follower whose disk stands still has it all, and only cannot say so; and over a slow line, or from a slow disk, each
   * repetition would make the next one later. 0: the shortest election timeout, for a probe one heartbeat.
   */
  reopenAfterMs: number;
  /** When its match last rose: patience counts from here, for what is slow is not lost. */
  raisedMs: number;
  /** When a message of this term was last heard from it; -Infinity: never. */
  lastHeardMs: number;
  /** The node has no link to it: whatever was heard of it before, it is not there now. */
  isCut: boolean;
  /** The greatest round that it answered. */
  ackedRound: number;
  /**
   * Use: the leader's lease (lease.ts). Until when it votes for nobody else, by our monotonic clock, as it promised; and
   * by how much our wall clock was ahead of that when what it answered was sent. -Infinity: it promised nothing.
   */
  promisedUntilMs: number;
  promisedSkewMs: number;
  /** The newest start of it that was heard; 0: none yet. */
  bootId: BootId;
  /** What its wall clock said, and when we heard it; wallMs -Infinity: never. */
  wallMs: number;
  wallHeardMs: number;
  /** Use: promotion, and who is in step (in_step.ts). The round that is under way: up to where, and since when; -Infinity: none was. */
  roundIndex: Index;
  roundSinceMs: number;
  /** The last such round took less than an election timeout. */
  caughtUp: boolean;
  /** The newest check point of its machine, as it last said; index 0: none. */
  checkIndex: Index;
  checkDigest: number;
}

/** A follower of which a new leader knows nothing yet (dissertation 3.5: nextIndex starts behind the leader's last). */
export function createProgress(member: MemberNumber, lastIndex: Index, witness: boolean = false): Progress {
  return {
    member,
    witness,
    state: "probe",
    matchIndex: 0,
    matchChain: null,
    provenIndex: 0,
    nextIndex: lastIndex + 1,
    probeSent: false,
    probeIndex: 0,
    probeSentMs: 0,
    snapshotSource: 0,
    snapshotTries: 0,
    pinnedIndex: 0,
    pinRoundIndex: 0,
    pinRoundLag: 0,
    snapshotIndex: 0,
    inflight: [],
    inflightBytes: 0,
    reopenAfterMs: 0,
    raisedMs: Number.NEGATIVE_INFINITY,
    lastHeardMs: Number.NEGATIVE_INFINITY,
    isCut: false,
    ackedRound: 0,
    promisedUntilMs: Number.NEGATIVE_INFINITY,
    promisedSkewMs: 0,
    bootId: 0,
    wallMs: Number.NEGATIVE_INFINITY,
    wallHeardMs: 0,
    roundIndex: 0,
    roundSinceMs: Number.NEGATIVE_INFINITY,
    caughtUp: false,
    checkIndex: 0,
    checkDigest: 0,
  };
}

/**
 * Goes back to one message at a time: from behind what is known to match, or, where nothing was found yet, from where
 * the search stands.
 */
export function becomeProbe(progress: Progress): void {
  if (progress.state !== "probe") progress.nextIndex = progress.matchIndex + 1;
  progress.state = "probe";
  progress.probeSent = false;
  progress.inflight.length = 0;
  progress.inflightBytes = 0;
}

/** Starts to stream from behind what is known to match. */
export function becomeReplicate(progress: Progress): void {
  progress.state = "replicate";
  progress.probeSent = false;
  progress.nextIndex = progress.matchIndex + 1;
}

/** It has its snapshot: the log is kept until it has what stands there now, and so on. */
export function beginPinRound(progress: Progress, lastIndex: Index): void {
  progress.pinRoundLag = lastIndex - progress.matchIndex;
  progress.pinRoundIndex = progress.pinRoundLag === 0 ? 0 : lastIndex;
}

/** It has what stood there when the round began; the next one begins unless it caught up, or is slower than the writes. */
export function nextPinRound(progress: Progress, lastIndex: Index): void {
  if (lastIndex - progress.matchIndex < progress.pinRoundLag) beginPinRound(progress, lastIndex);
  else progress.pinRoundIndex = 0;
}

/** Whether another append may be sent now. */
export function mayAppend(progress: Progress, config: RaftConfig): boolean {
  if (progress.state === "probe") return !progress.probeSent;
  if (progress.state === "snapshot") return false;
  return progress.inflight.length < config.inflightAppendsMax && progress.inflightBytes < config.inflightBytesMax;
}

/** Notes that entries through `lastIndex` were sent. */
export function noteSent(progress: Progress, sent: InflightAppend): void {
  if (progress.state === "probe") {
    progress.probeSent = true;
    progress.probeIndex = sent.prevIndex;
    progress.probeSentMs = sent.sentMs;
    return;
  }
  assert(progress.state === "replicate", "appends go to followers that probe or replicate", progress.state);
  progress.nextIndex = sent.lastIndex + 1;
  progress.inflight.push(sent);
  progress.inflightBytes += sent.bytes;
}

/**
 * Raises the match; false if it was there already, so that late answers change nothing.
 *
 * @param chain the follower's chain at `matchIndex`, null if it did not say
 */
export function noteMatch(progress: Progress, matchIndex: Index, chain: number | null, nowMs: number): boolean {
  let answered = 0;
  for (const append of progress.inflight) {
    if (append.lastIndex > matchIndex) break;
    progress.inflightBytes -= append.bytes;
    answered += 1;
  }
  if (answered > 0) progress.inflight.splice(0, answered);
  if (matchIndex <= progress.matchIndex) return false;
  progress.matchIndex = matchIndex;
  progress.matchChain = chain;
  progress.reopenAfterMs = 0;
  progress.raisedMs = nowMs;
  progress.nextIndex = Math.max(progress.nextIndex, matchIndex + 1);
  return true;
}
