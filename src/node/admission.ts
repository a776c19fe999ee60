/**
 * Nodes that ask to be added (`--join`), or to be taken in again after their directory was lost (`--auto-rejoin`). Who
 * asks proves that it knows the cluster's secret, by an answer to a challenge that is good once; without a secret only
 * processes of this machine may ask. What follows is what `draft admin add` and `replace` do.
 *
 * ```text
 * ["join", again, nonce, proof]      again: its directory was lost; nonce "" and proof empty: not asked for yet
 *   ["join", "prove", nonce]         ask again, with the proof
 *   ["join", "ask", address]         that node leads
 *   ["join", "taken"]                it is a member, or is about to be
 *   ["join", "no", why]
 * ```
 */
import { hostOf } from "../base/address.ts";
import { drawHex128 } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import type { Clock, Random } from "../host/host.ts";
import { isSameProof, proofOf } from "../host/node_secret.ts";
import type { Hello } from "../net/hello.ts";
import { currentConfiguration } from "../raft/state.ts";
import { isLoopback } from "./config.ts";
import type { Group } from "./group.ts";
import type { AnswerDone, MembersRequest } from "./node_api.ts";

export const PROBE_JOIN = "join";

/** Challenges that wait for their answers, in all and of one machine, and how long one is good, in milliseconds. */
const CHALLENGES_MAX = 64;
const CHALLENGES_OF_ONE_MAX = 8;
const CHALLENGE_MS = 10_000;

/** A change of the members waits for so long until its first entry is committed. */
const CHANGE_MS = 5000;

/** A member has to be silent for so many of the longest election timeouts before another directory takes its place unasked. */
const SILENT_TIMEOUTS = 10;

export interface AdmissionOptions {
  readonly secret: Uint8Array | null;
  /** Whether whoever gets here has shown a certificate. */
  readonly areProved: boolean;
  readonly clusterId: () => string;
  readonly main: () => Group | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly change: (group: Group, request: MembersRequest, done: AnswerDone) => void;
}

/** What who asks to join has to know besides the secret. */
export interface Challenge {
  readonly nonce: string;
  readonly clusterId: string;
}

/** What proves that whoever says `hello` knows the secret. */
export function joinProof(secret: Uint8Array, { nonce, clusterId }: Challenge, hello: Pick<Hello, "nodeId" | "incarnation" | "address">): Uint8Array {
  return proofOf(secret, ["draft join", nonce, clusterId, hello.nodeId, String(hello.incarnation), hello.address].join("\0"));
}

/** A challenge that was given: when, and to whom alone. */
interface GivenChallenge {
  readonly atMs: number;
  readonly host: string;
  readonly incarnation: number;
}

/** Lets nodes in. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** By nonce, the oldest first. */
  readonly #challenges: Map<string, GivenChallenge> = new Map();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Answers who asks to be let in.
   *
   * @param remote where the connection comes from, `host:port`
   */
  asked(hello: Hello, request: readonly unknown[], remote: string, answer: (reply: readonly unknown[]) => void): void {
    const no = (why: string): void => answer([PROBE_JOIN, "no", why]);
    const [, again, nonce, proof] = request;
    const group = this.#options.main();
    if (group === null) return no("this node belongs to no cluster itself");
    const { leader, state } = group;
    if (state.role !== "leader") {
      return leader === null ? no("nobody leads the cluster now") : answer([PROBE_JOIN, "ask", leader.address]);
    }
    const { secret, areProved } = this.#options;
    if (secret === null) {
      if (!areProved && !isLoopback(hostOf(remote))) return no("who asks from beyond loopback has to prove itself: start all nodes with --peer-secret-file");
    } else if (typeof nonce !== "string" || nonce === "") {
      return answer([PROBE_JOIN, "prove", this.#challenge(hello, hostOf(remote))]);
    } else if (!this.#isProved(secret, { hello, host: hostOf(remote) }, nonce, proof)) {
      return no("the proof is wrong: its --peer-secret-file is another one");
    }
    const wish = wishOf(group, hello, again === true, this.#options.clock.monotonicMs());
    if (typeof wish === "string") return no(wish);
    this.#options.change(group, { kind: "change", wishes: [wish], force: false, timeoutMs: CHANGE_MS }, (result) => {
      if (result instanceof DraftError) no(result.message);
      else answer([PROBE_JOIN, "taken"]);
    });
  }

  /** Who asks without end pushes out his own challenges, nobody else's. */
  #challenge({ incarnation }: Hello, host: string): string {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    const own: string[] = [];
    for (const [nonce, given] of this.#challenges) {
      if (nowMs - given.atMs > CHALLENGE_MS) this.#challenges.delete(nonce);
      else if (given.host === host) own.push(nonce);
    }
    const [oldest] = own.length > 0 ? own : this.#challenges.keys();
    const isFull = own.length >= CHALLENGES_OF_ONE_MAX || this.#challenges.size >= CHALLENGES_MAX;
    if (isFull && oldest !== undefined) this.#challenges.delete(oldest);
    const nonce = drawHex128(random);
    this.#challenges.set(nonce, { atMs: nowMs, host, incarnation });
    return nonce;
  }

  #isProved(secret: Uint8Array, { hello, host }: { readonly hello: Hello; readonly host: string }, nonce: string, proof: unknown): boolean {
    const given = this.#challenges.get(nonce);
    if (given === undefined || given.host !== host || given.incarnation !== hello.incarnation) return false;
    // Good once, whatever comes of it.
    this.#challenges.delete(nonce);
    if (this.#options.clock.monotonicMs() - given.atMs > CHALLENGE_MS || !(proof instanceof Uint8Array)) return false;
    return isSameProof(proof, joinProof(secret, { nonce, clusterId: this.#options.clusterId() }, hello));
  }
}

type Wish = MembersRequest["wishes"][number];

/** What is to be done for who asks; or, as a text, why not. */
function wishOf({ state, leaderSinceMs }: Pick<Group, "state" | "leaderSinceMs">, hello: Hello, again: boolean, nowMs: number): Wish | string {
  const { nodeId: id, address, incarnation } = hello;
  const member = currentConfiguration(state).members.find((each) => each.id === id && each.targetRole !== null);
  if (member === undefined || member.incarnation === incarnation) return { type: "add", id, address, votes: true };
  if (!again) return `${id} is a member with another directory: draft admin replace ${id} ${id}@${address}, or start it with --auto-rejoin`;
  const wantedMs = SILENT_TIMEOUTS * state.config.electionMaxMs;
  const lastHeardMs = state.progress.get(member.number)?.lastHeardMs ?? Number.NEGATIVE_INFINITY;
  // Of a member that this leader has not heard it is not known for how long it has been silent: since it leads.
  const silentMs = nowMs - Math.max(lastHeardMs, leaderSinceMs ?? nowMs);
  if (silentMs < wantedMs) {
    const since = Number.isFinite(lastHeardMs) ? `${id} was heard ${Math.round(silentMs)} ms ago with another directory` : `${id} is a member with another directory, and this node has led for ${Math.round(silentMs)} ms without hearing it`;
    return `${since}: it has to be silent for ${wantedMs} ms`;
  }
  // A leader hears a majority (check quorum), and this member is none of it: the group stands without it.
  return { type: "replace", id, newId: id, address };
}
