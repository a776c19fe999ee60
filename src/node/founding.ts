/**
 * How a cluster begins. Only a node whose directory is empty takes part, and it belongs to nothing until it holds a
 * genesis that names this very incarnation: so a directory that was lost never votes as somebody it is not.
 *
 * With a list, the node with the lowest id founds, once every listed node has answered, in one round, that it is empty
 * and was started with the same list. Alone (bootstrap), a node founds after one longest election timeout in which
 * nobody dialled it as a member of another cluster.
 */
import { crc32 } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import { genesisConfiguration } from "../raft/configuration.ts";
import type { Incarnation, NodeId } from "../raft/types.ts";
import { encodeGenesis } from "./genesis.ts";
import type { FoundingNode } from "./identity.ts";

/** How long a listed node has to answer, and how often it is asked, in milliseconds. */
const PROBE_TIMEOUT_MS = 1000;
const PROBE_INTERVAL_MS = 200;

/** A founder that is only about to be handed the genesis is no cause for words: so long it waits in silence. */
const PATIENCE_MS = 2000;

export interface FoundingOptions {
  readonly id: NodeId;
  readonly address: string;
  readonly incarnation: Incarnation;
  readonly machine: string;
  /** The version of this node's plugin. */
  readonly machineVersion: number;
  /** The list that all founders share; null to found alone. */
  readonly founders: readonly FoundingNode[] | null;
  /** How long a node that founds alone listens first, in milliseconds. */
  readonly aloneAfterMs: number;
  readonly clock: Clock;
  readonly words: Log;
  /** 128 random bits in hexadecimal. */
  readonly drawClusterId: () => string;
  /** Asks a node who it is. */
  readonly hello: (address: string, timeoutMs: number, done: Done<Hello>) => void;
  /** A cluster exists that knows this node: it founds nothing any more. Nodes of that cluster may be at these addresses. */
  readonly lost: (addresses: readonly string[]) => void;
  /** This node founded a cluster: `genesis` is to be made durable. Nothing more is asked of the founding. */
  readonly found: (genesis: Uint8Array) => void;
}

/**
 * Digest of a list of founders: equal lists in any order have equal digests. Short, for a hello bounds its texts.
 *
 * @returns count and CRC-32 of `id@address`, sorted, with commas between; empty without a list
 */
export function foundersDigest(founders: readonly FoundingNode[] | null): string {
  if (founders === null) return "";
  const list = new TextEncoder().encode(founders.map(({ id, address }) => `${id}@${address}`).sort().join(","));
  return `${founders.length}-${crc32(list, 0, list.length, 0).toString(16).padStart(8, "0")}`;
}

/** What one listed node said, or why it said nothing. */
type Answer = { readonly founder: FoundingNode; readonly hello: Hello } | { readonly founder: FoundingNode; readonly error: Error };

/** The founding of a cluster, as one node takes part in it. */
export class Founding {
  readonly #options: FoundingOptions;
  #timer: Timer | null = null;
  #ended = false;
  #said = "";
  /** Why this node only waits from now on; null while it may found. */
  #waitsFor: string | null = null;

  constructor(options: FoundingOptions) {
    this.#options = options;
  }

  start(): void {
    const { founders, aloneAfterMs, clock } = this.#options;
    if (founders !== null) this.#ask();
    else this.#timer = clock.setTimer(aloneAfterMs, () => this.#foundAlone());
  }

  /** Ends it: a genesis came, or the node stops. */
  stop(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  /** A node of another cluster dials this one as its member: this directory was lost, and founds nothing any more. */
  dialledBy(hello: Hello): void {
    if (this.#ended) return;
    this.#wait(`${hello.nodeId} of cluster ${hello.clusterId} knows this node as a member, and this directory is empty`, hello.address);
  }

  /** Why this node waits, in words; empty if it does not. */
  get waitsFor(): string {
    return this.#waitsFor ?? this.#said;
  }

  #ask(): void {
    const { founders, hello, id } = this.#options;
    const others = (founders ?? []).filter((founder) => founder.id !== id);
    const answers: Answer[] = [];
    const settle = (answer: Answer): void => {
      answers.push(answer);
      if (answers.length === others.length) this.#judge(answers);
    };
    if (others.length === 0) this.#judge([]);
    for (const founder of others) {
      hello(founder.address, PROBE_TIMEOUT_MS, (...[error, told]) => {
        settle(error === null ? { founder, hello: told } : { founder, error });
      });
    }
  }

  /** One round of answers: founds if all are empty, alike and there, and this node is the one to do it. */
  #judge(answers: readonly Answer[]): void {
    if (this.#ended) return;
    const obstacles = answers.map((answer) => this.#obstacle(answer)).filter((text) => text !== null);
    if (this.#waitsFor !== null) return;
    const { founders, id, clock } = this.#options;
    if (obstacles.length > 0) {
      this.#say(`waiting to found a cluster: ${obstacles.join("; ")}`);
    } else {
      const lowest = (founders ?? []).map((founder) => founder.id).sort()[0];
      if (lowest === id) return this.#found(answers);
      this.#say(`waiting for ${lowest} to found the cluster`);
    }
    this.#timer = clock.setTimer(PROBE_INTERVAL_MS, () => this.#ask());
  }

  #obstacle(answer: Answer): string | null {
    const { founder } = answer;
    if ("error" in answer) return `${founder.id} at ${founder.address} does not answer`;
    const { hello } = answer;
    if (hello.nodeId !== founder.id) return `${founder.address} is ${hello.nodeId}, not ${founder.id}`;
    if (hello.clusterId !== "") {
      this.#wait(`${hello.nodeId} belongs to cluster ${hello.clusterId} already, and this directory is empty`, founder.address);
      return this.#waitsFor;
    }
    if (hello.groups.some((group) => !group.empty)) return `${founder.id} is about to join a cluster`;
    if (hello.foundingDigest !== foundersDigest(this.#options.founders)) return `${founder.id} was started with another --initial`;
    if (hello.machineName !== this.#options.machine) return `${founder.id} runs the machine ${hello.machineName}, not ${this.#options.machine}`;
    if (hello.machineVersion < 1) return `${founder.id} does not say which version of ${hello.machineName} it runs`;
    return null;
  }

  #found(answers: readonly Answer[]): void {
    const { founders, id, incarnation, machineVersion } = this.#options;
    const incarnations = new Map<NodeId, Incarnation>([[id, incarnation]]);
    for (const answer of answers) if ("hello" in answer) incarnations.set(answer.founder.id, answer.hello.incarnation);
    const voters = [...(founders ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1)).map((founder) => {
      const known = incarnations.get(founder.id);
      if (known === undefined) throw new DraftError("BAD_CONFIG", `--initial names ${founder.id} twice`);
      return { id: founder.id, address: founder.address, incarnation: known };
    });
    // What all of them can run: whoever has more waits until the others have it, as after any change of version.
    const versions = answers.map((answer) => "hello" in answer ? answer.hello.machineVersion : machineVersion);
    this.#end(voters, Math.min(machineVersion, ...versions));
  }

  #foundAlone(): void {
    if (this.#ended || this.#waitsFor !== null) return;
    const { id, address, incarnation, machineVersion } = this.#options;
    this.#end([{ id, address, incarnation }], machineVersion);
  }

  #end(voters: readonly { id: NodeId; address: string; incarnation: Incarnation }[], machineVersion: number): void {
    const { drawClusterId, machine, clock, found, words } = this.#options;
    this.stop();
    const clusterId = drawClusterId();
    words.write("info", `founding cluster ${clusterId} of ${voters.map((voter) => voter.id).join(", ")}`);
    found(encodeGenesis({
      clusterId, machine, machineVersion, foundedMs: clock.wallMs(), configuration: genesisConfiguration(voters),
    }));
  }

  #wait(why: string, known: string): void {
    if (this.#waitsFor !== null) return;
    const { id, address, clock, founders, lost } = this.#options;
    const words = `${why}: this node founds nothing and waits; to take it in again: draft admin replace ${id} ${id}@${address}`;
    this.#waitsFor = words;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(PATIENCE_MS, () => {
      this.#say(words);
      // A founder that is only about to be handed the genesis was not lost.
      lost([...new Set([known, ...(founders ?? []).map((founder) => founder.address)])].filter((each) => each !== "" && each !== address));
    });
  }

  /** Says it once, until something else is to be said. */
  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#options.words.write("info", text);
  }
}
