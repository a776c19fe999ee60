/**
 * Who this node is, whom it lets in, and what it answers to a stranger. A node is what its data directory says: the
 * cluster and incarnation there decide, never an address.
 */
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { type Hello, PROTOCOL_VERSION } from "../net/hello.ts";
import type { Transport } from "../net/transport.ts";
import { currentConfiguration } from "../raft/state.ts";
import { type Incarnation, MAIN_GROUP } from "../raft/types.ts";
import { PROBE_JOIN } from "./admission.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import { foundersDigest } from "./founding.ts";
import { decodeGenesis, type Genesis } from "./genesis.ts";
import type { Group } from "./group.ts";
import type { Welcome } from "./identity.ts";
import type { NodeSettings } from "./settings.ts";
import { isGone } from "./standing.ts";

/**
 * What a probe asks, and how it is answered.
 *
 * ```text
 * ["hello"]                                            who are you?
 *   ["hello", told, commitIndex]                       told of the asker: 0 nothing, 1 that it is no member any more
 *   ["hello", 2, commitIndex, why]                     that it held more before: its directory is an older copy
 * ["where"]                                            the same, of a member that looks for others of its cluster
 *   ["where", told, commitIndex, [address, …]]         of those that this node is linked to
 * ["welcome", genesis, number, incarnation, index, clusterId, witness]
 *                                                      you are this member of a cluster, by the configuration at this index;
 *                                                      its id only if it is called otherwise than it was founded
 *   [text]                                             "taken" once that is durable, else why not
 * ```
 */
export const PROBE_HELLO: readonly unknown[] = ["hello"];
export const PROBE_WHERE: readonly unknown[] = ["where"];
const PROBE_WELCOME = "welcome";

/** What a node tells of the one that asks it. */
export const Told = { nothing: 0, gone: 1, fallenBack: 2 } as const;

/** A cluster, and as whom a node belongs to it. */
export interface Membership extends Welcome {
  readonly genesis: Uint8Array;
  /** What the cluster is called now; "": as it was when it was founded. */
  readonly clusterId: string;
}

/** What makes an empty node a member. */
export interface WelcomeOffer extends Membership {
  readonly incarnation: Incarnation;
}

/** The question that makes an empty node a member. */
export function encodeWelcome({ genesis, clusterId, number, incarnation, index, witness }: WelcomeOffer): readonly unknown[] {
  const isRenamed = clusterId !== "" && clusterId !== decodeGenesis(genesis).clusterId;
  const name = isRenamed || witness ? [isRenamed ? clusterId : ""] : [];
  return [PROBE_WELCOME, genesis, number, incarnation, index, ...name, ...(witness ? [true] : [])];
}

/** Asks the node at `address` who it is. */
export function askHello(transport: Pick<Transport, "probe">, address: string, timeoutMs: number, done: Done<Hello>): void {
  transport.probe(address, PROBE_HELLO, timeoutMs, (...[error, answer]) => {
    if (error === null) done(null, answer.hello);
    else done(error);
  });
}

/** Damage in a hello: the newest hard state may be among what is lost, so this incarnation is dead. */
const DAMAGE_DEAD = 3;

/** Whether who says `hello` says that its incarnation is dead. */
export function isDead({ groups }: Hello): boolean {
  return groups.some(({ damage }) => damage === DAMAGE_DEAD);
}

/** Rises when entry kinds, frames or disk formats come that an older release cannot read. */
const FEATURE_LEVEL = 1;

export interface IntroductionOptions {
  readonly settings: NodeSettings;
  readonly plugin: AnyPlugin;
  /** See {@link Hello.sourceDigest}. */
  readonly sourceDigest: string;
  readonly dataDir: DataDir;
  readonly main: () => Group | null;
  readonly beginnings: () => { dialledBy(hello: Hello): void };
  /** A node is about to be let in, or asks for others: it is where it says. Returns why it is not let in yet; null: it is. */
  readonly met: (hello: Hello) => string | null;
  /** Why a member is known to have fallen behind what it once held, in words; empty: it is not. */
  readonly whyFallenBack: (incarnation: Incarnation) => string;
  /** Where the members are that this node is linked to. */
  readonly whereabouts: () => readonly string[];
  /** A node asks to be let in. */
  readonly join: (hello: Hello, request: readonly unknown[], remote: string, answer: (reply: readonly unknown[]) => void) => void;
  /** A genesis is being made durable: the node is empty no more, and no member yet. */
  readonly isJoining: () => boolean;
  /** This incarnation is welcomed. */
  readonly take: (membership: Membership, taken: () => void) => void;
  readonly failed: (error: DraftError) => void;
}

/** Speaks for the node before messages flow. */
export class Introductions {
  readonly #options: IntroductionOptions;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  hello(): Hello {
    const { settings, plugin, sourceDigest, dataDir } = this.#options;
    const identity = identityOf(dataDir);
    const { editNumber = 0, durableTerm = 0, durableIndex = 0 } = this.#options.main()?.state ?? {};
    return {
      protocolVersion: PROTOCOL_VERSION, featureLevel: FEATURE_LEVEL, frameBytesMax: settings.frameBytesMax,
      clusterId: identity.clusterId, nodeId: identity.nodeId, memberNumber: identity.memberNumber,
      incarnation: identity.incarnation, bootId: identity.bootCount, address: settings.address,
      machineName: plugin.name, machineVersion: plugin.version, sourceDigest,
      foundingDigest: foundersDigest(settings.founding?.founders ?? null),
      groups: [{
        group: MAIN_GROUP, empty: !this.#options.isJoining() && identity.clusterId === "", welcomeIndex: identity.welcome?.index ?? 0,
        edited: editNumber, damage: identity.fallenBack === "" ? 0 : DAMAGE_DEAD, term: durableTerm, durableIndex,
      }],
      priority: settings.priority,
    };
  }

  /** Whether a node of our cluster, or any if we are in none, may send us messages. Null: it may; else why not. */
  admit(hello: Hello): string | null {
    const { clusterId, nodeId, fallenBack } = identityOf(this.#options.dataDir);
    const main = this.#options.main();
    if (clusterId === "") {
      if (hello.clusterId !== "") this.#options.beginnings().dialledBy(hello);
      return `${nodeId} belongs to no cluster`;
    }
    if (main === null) return `${nodeId} has not recovered yet`;
    if (isGone(main.state, hello)) return `${hello.nodeId} (number ${hello.memberNumber}) is no member any more, says ${nodeId}`;
    if (fallenBack !== "") return `${nodeId} takes part in nothing: ${fallenBack}`;
    const why = this.#options.whyFallenBack(hello.incarnation);
    if (why !== "" || isDead(hello)) return `${hello.nodeId} has fallen back: ${why === "" ? "it says so" : why}`;
    return this.#options.met(hello);
  }

  /** Whether who said `hello`, and was let in, is no member any more. */
  isGone(hello: Hello): boolean {
    const main = this.#options.main();
    return main !== null && isGone(main.state, hello);
  }

  /** A node of another cluster takes this one for its member. */
  dialledByStranger(hello: Hello): void {
    const main = this.#options.main();
    if (main !== null && isAlone(main)) this.#foundedTwice(hello);
  }

  /** A node that founded a cluster alone is dialled as a member of another: one of the two must not go on. */
  #foundedTwice(hello: Hello): void {
    const { path } = this.#options.dataDir;
    const identity = identityOf(this.#options.dataDir);
    this.#options.failed(new DraftError(
      "WRONG_IDENTITY",
      `node ${identity.nodeId} founded cluster ${identity.clusterId} alone, and ${hello.nodeId} knows it as a member of cluster ` +
        `${hello.clusterId}: empty ${path} and start again without --bootstrap`,
    ));
  }

  /** Answers a probe; null if it is none that this version knows. */
  probed(hello: Hello, request: readonly unknown[], answer: (reply: readonly unknown[] | null) => void, remote: string): void {
    if (request[0] === PROBE_HELLO[0]) return answer(["hello", ...this.#tell(hello)]);
    if (request[0] === PROBE_WHERE[0]) return answer(this.#tellWhere(hello));
    if (request[0] === PROBE_JOIN) return this.#options.join(hello, request, remote, answer);
    const offer = offerIn(request);
    if (offer === null) return answer(null);
    const refusal = this.#whyNotTake(offer);
    if (refusal !== null) return answer([refusal]);
    this.#options.take({ ...offer, genesis: new Uint8Array(offer.genesis) }, () => answer(["taken"]));
  }

  #tell(hello: Hello): readonly unknown[] {
    const main = this.#groupOf(hello);
    if (main === null) return [Told.nothing, 0];
    const { commitIndex } = main.state;
    if (isGone(main.state, hello)) return [Told.gone, commitIndex];
    const why = this.#options.whyFallenBack(hello.incarnation);
    return why === "" ? [Told.nothing, commitIndex] : [Told.fallenBack, commitIndex, why];
  }

  /** Only members are told, and where they are is noted. */
  #tellWhere(hello: Hello): readonly unknown[] {
    const main = this.#groupOf(hello);
    const isMember = main !== null && !isGone(main.state, hello);
    if (isMember) this.#options.met(hello);
    const [told, commitIndex] = this.#tell(hello);
    return ["where", told, commitIndex, isMember ? this.#options.whereabouts() : []];
  }

  /** The group of one that is of this cluster, or was; null: of another one, or of none. */
  #groupOf({ clusterId, memberNumber }: Hello): Group | null {
    return clusterId === identityOf(this.#options.dataDir).clusterId && memberNumber > 0 ? this.#options.main() : null;
  }

  #whyNotTake({ genesis: bytes, number, incarnation, index }: WelcomeOffer): string | null {
    const identity = identityOf(this.#options.dataDir);
    if (identity.clusterId !== "" || this.#options.isJoining()) return "not empty";
    let genesis: Genesis;
    try {
      genesis = decodeGenesis(bytes);
    } catch (error) {
      if (error instanceof DraftError) return "malformed";
      throw error;
    }
    const founder = genesis.configuration.members.find((member) => member.number === number);
    const isNamed = index > 0 || (founder?.id === identity.nodeId && founder.incarnation === incarnation);
    if (!isNamed || incarnation !== identity.incarnation) return "another incarnation";
    const { name, version } = this.#options.plugin;
    if (genesis.machine !== name) return `another machine than ${name}`;
    return genesis.machineVersion <= version ? null : `version ${genesis.machineVersion} of ${name} is in force, this node has ${version}`;
  }
}

/** Whether this node founded alone, and nobody joined it or wrote anything since. */
function isAlone({ state, applier }: Group): boolean {
  const { index, members } = currentConfiguration(state);
  return index === 0 && members.length === 1 && applier.checks.isUnused;
}

function offerIn(request: readonly unknown[]): WelcomeOffer | null {
  const [kind, genesis, number, incarnation, index, clusterId = "", witness = false] = request;
  if (kind !== PROBE_WELCOME || !(genesis instanceof Uint8Array) || typeof clusterId !== "string") return null;
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isWhole(number) || !isWhole(incarnation) || !isWhole(index) || number === 0) return null;
  return { genesis, clusterId, number, incarnation, index, witness: witness === true };
}
