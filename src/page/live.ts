/**
 * What is known of the cluster now, looked at again and again: states each second, events and members every few. While
 * the node does not answer, what was known stays, and how old it is.
 */
import { diagnose, type Finding } from "../gateway/diagnosis.ts";
import type { NodeState } from "../gateway/survey.ts";
import type { MemberList, NodeStatus } from "../net/client_answers.ts";
import { type Api, failureText, RequestError } from "./api.ts";
import { History } from "./history.ts";
import { type Counts, countsIn, quantileMs } from "./histogram.ts";
import { type Summary, summaryOf } from "./summary.ts";

/** Between two looks at the states. */
const LOOK_MS = 1000;
/** After a look that failed: longer each time, up to this. */
const LOOK_AGAIN_MS_MAX = 5000;
/** Looks between two readings of events and members. */
const LOOKS_A_READING = 3;
/** What the charts show. */
const SPAN_MS = 5 * 60_000;

const GROUP = "main";

/** Of a hundred entries, how many the commit latency is told of. */
const COMMIT_PART = 0.99;

/** Sentences that are kept. */
const EVENTS_MAX = 500;

/** One sentence of a node's story. */
export interface NodeEvent {
  readonly wallMs: number;
  readonly node: string;
  readonly text: string;
}

/** Looks, and tells who listens. */
export class Live {
  summary: Summary | null = null;
  events: readonly NodeEvent[] = [];
  missing: readonly string[] = [];
  members: MemberList | null = null;
  findings: readonly Finding[] = [];
  readonly history: History = new History({ spanMs: SPAN_MS, intervalMs: LOOK_MS });
  /** Why the last look failed; empty if it did not. */
  failure = "";
  /** It failed because nobody answered. */
  isSilent = false;
  /** When the last look succeeded, monotonic; null before. */
  heardMs: number | null = null;
  /** Id of the node that serves this page; empty until it said so. */
  servedBy = "";
  readonly #api: Api;
  readonly #listeners: Set<() => void> = new Set();
  #states: readonly NodeState[] = [];
  /** What the node had counted at the last look; null if it was not asked. */
  #counted: Counts | null = null;
  #looks = 0;
  #failures = 0;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Begins to look. */
  start(): void {
    this.#look().finally(() => {
      setTimeout(() => this.start(), Math.min(LOOK_AGAIN_MS_MAX, LOOK_MS * (1 + this.#failures)));
    }).catch((error: unknown) => {
      this.failure = failureText(error);
      this.#tell();
    });
  }

  /** @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks at once at what a change has led to. */
  async refresh(): Promise<void> {
    this.#looks = 0;
    await this.#look();
  }

  async #look(): Promise<void> {
    try {
      const answerMs = await this.#roundTrip();
      const { states } = await this.#api.json<{ states: NodeState[] }>(`/v1/states?group=${GROUP}`);
      this.#states = states;
      this.summary = summaryOf(states, GROUP);
      const { commitIndex, leader, term } = this.summary;
      this.history.add({ atMs: performance.now(), commitIndex, answerMs, commitMs: await this.#commitMs(leader?.id ?? null), leaderId: leader?.id ?? null, term });
      if (this.#looks % LOOKS_A_READING === 0) await this.#read();
      this.#looks += 1;
      this.findings = this.#diagnosed();
      this.failure = "";
      this.#failures = 0;
      this.heardMs = performance.now();
    } catch (error) {
      this.failure = failureText(error);
      this.isSilent = error instanceof RequestError && error.code === "UNREACHABLE";
      this.#failures += 1;
      this.history.add({ atMs: performance.now(), commitIndex: null, answerMs: null, commitMs: null, leaderId: null, term: 0 });
    }
    this.#tell();
  }

  /** Null for the first one, in which the browser opens a connection. */
  async #roundTrip(): Promise<number | null> {
    const startMs = performance.now();
    await this.#api.json("/livez");
    return this.heardMs === null ? null : performance.now() - startMs;
  }

  /** Whoever leads counts it: only the leader's own page can tell. */
  async #commitMs(leaderId: string | null): Promise<number | null> {
    if (this.servedBy === "") this.servedBy = (await this.#api.json<NodeStatus>("/v1/status")).nodeId;
    const before = this.#counted;
    this.#counted = leaderId === this.servedBy ? await this.#counts() : null;
    return before === null || this.#counted === null ? null : quantileMs(before, this.#counted, COMMIT_PART);
  }

  async #counts(): Promise<Counts | null> {
    try {
      return countsIn(await this.#api.text("/metrics"), "draft_commit_seconds", GROUP);
    } catch (error) {
      // Who may see this page may be refused that.
      if (error instanceof RequestError && error.code !== "UNREACHABLE") return null;
      throw error;
    }
  }

  /** A node that is in no cluster yet knows neither; its states are all there is to show. */
  async #read(): Promise<void> {
    if (this.summary?.clusterId === null) return;
    const { events, missing } = await this.#api.json<{ events: NodeEvent[]; missing: string[] }>(`/v1/events?group=${GROUP}&limit=${EVENTS_MAX}`);
    this.events = events;
    this.missing = missing;
    this.members = await this.#api.json<MemberList>(`/v1/members?group=${GROUP}`);
  }

  #diagnosed(): Finding[] {
    const found = diagnose({ group: GROUP, states: this.#states, members: this.members, story: this.events });
    // Who leads stands above all; what was refused stands among the events.
    return found.filter(({ about }) => about !== "refused" && (about !== "leader" || this.summary?.leader === null));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
