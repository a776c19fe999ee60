/**
 * Who this node is, whom it lets in, and what it answers to a stranger. A node is what its data directory says: the
 * cluster and incarnation there decide, never an address.
 */
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { type Hello, PROTOCOL_VERSION } from "../net/hello.ts";
import type { Transport } from "../net/transport.ts";
import { MAIN_GROUP } from "../raft/types.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import { type Founding, foundersDigest } from "./founding.ts";
import { decodeGenesis, type Genesis } from "./genesis.ts";
import type { Group } from "./group.ts";
import type { NodeSettings } from "./settings.ts";

/** What a probe asks: who are you; or, with a genesis behind it: take this, you are in it. */
export const PROBE_HELLO: readonly unknown[] = ["hello"];
export const PROBE_GENESIS = "genesis";

/** Asks the node at `address` who it is. */
export function askHello(transport: Pick<Transport, "probe">, address: string, timeoutMs: number, done: Done<Hello>): void {
  transport.probe(address, PROBE_HELLO, timeoutMs, (...[error, answer]) => {
    if (error === null) done(null, answer.hello);
    else done(error);
  });
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
  readonly founding: () => Founding | null;
  /** A genesis is being made durable: the node is empty no more, and no member yet. */
  readonly isJoining: () => boolean;
  /** A genesis that names this incarnation came. */
  readonly take: (genesis: Uint8Array, taken: () => void) => void;
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
    return {
      protocolVersion: PROTOCOL_VERSION, featureLevel: FEATURE_LEVEL, frameBytesMax: settings.frameBytesMax,
      clusterId: identity.clusterId, nodeId: identity.nodeId, memberNumber: identity.memberNumber,
      incarnation: identity.incarnation, bootId: identity.bootCount, address: settings.address,
      machineName: plugin.name, machineVersion: plugin.version, sourceDigest,
      foundingDigest: foundersDigest(settings.founding?.founders ?? null),
      groups: [{ group: MAIN_GROUP, empty: !this.#options.isJoining() && identity.clusterId === "", welcomeIndex: 0, edited: 0, damage: 0 }],
    };
  }

  /** Whether a node of our cluster, or any if we are in none, may send us messages. Null: it may; else why not. */
  admit(hello: Hello): string | null {
    const { clusterId, nodeId } = identityOf(this.#options.dataDir);
    if (clusterId !== "") return this.#options.main() === null ? `${nodeId} has not recovered yet` : null;
    if (hello.clusterId !== "") this.#options.founding()?.dialledBy(hello);
    return `${nodeId} belongs to no cluster`;
  }

  /** A node of another cluster takes this one for its member. */
  dialledByStranger(hello: Hello): void {
    if (this.#options.main()?.isAlone === true) this.#foundedTwice(hello);
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
  probed(request: readonly unknown[], answer: (reply: readonly unknown[] | null) => void): void {
    const [kind, bytes] = request;
    if (kind === PROBE_HELLO[0]) return answer(["hello"]);
    if (kind !== PROBE_GENESIS || !(bytes instanceof Uint8Array)) return answer(null);
    const refusal = this.#whyNotTake(bytes);
    if (refusal !== null) return answer([refusal]);
    this.#options.take(new Uint8Array(bytes), () => answer(["taken"]));
  }

  #whyNotTake(bytes: Uint8Array): string | null {
    const identity = identityOf(this.#options.dataDir);
    if (identity.clusterId !== "" || this.#options.isJoining()) return "not empty";
    let genesis: Genesis;
    try {
      genesis = decodeGenesis(bytes);
    } catch (error) {
      if (error instanceof DraftError) return "malformed";
      throw error;
    }
    const self = genesis.configuration.members.find((member) => member.id === identity.nodeId);
    if (self === undefined || self.incarnation !== identity.incarnation) return "another incarnation";
    const { name, version } = this.#options.plugin;
    if (genesis.machine !== name) return `another machine than ${name}`;
    return genesis.machineVersion <= version ? null : `version ${genesis.machineVersion} of ${name} is in force, this node has ${version}`;
  }
}
