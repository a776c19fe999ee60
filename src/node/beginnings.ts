/**
 * A node without a cluster, until it has one: it founds one, asks to be let into one, or waits to be added.
 */
import { drawHex128 } from "../base/bytes.ts";
import type { Host } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import type { Transport } from "../net/transport.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { Founding } from "./founding.ts";
import { founderNumber } from "./genesis.ts";
import type { Identity } from "./identity.ts";
import { askHello, type Membership } from "./introductions.ts";
import { Joining } from "./joining.ts";
import type { NodeSettings } from "./settings.ts";

export interface BeginningsOptions {
  readonly host: Host;
  readonly settings: NodeSettings;
  readonly plugin: AnyPlugin;
  readonly identity: () => Identity;
  readonly transport: Pick<Transport, "probe">;
  readonly hello: () => Hello;
  /** This node founded a cluster, and is this member of it. */
  readonly found: (membership: Membership) => void;
}

/** What a node does that belongs to nothing. */
export class Beginnings {
  readonly #options: BeginningsOptions;
  #founding: Founding | null = null;
  #joining: Joining | null = null;
  #stopped = false;

  constructor(options: BeginningsOptions) {
    this.#options = options;
  }

  start(): void {
    const { host, settings, plugin, identity, transport } = this.#options;
    const { founding, join } = settings;
    const { rebuilding } = identity();
    if (rebuilding !== null) return this.#join([...rebuilding.addresses, ...join], true);
    if (founding === null) {
      if (join.length > 0) return this.#join(join, settings.autoRejoin);
      host.log.write("info", `waiting to be added: draft admin add ${settings.id}@${settings.address} -c <a node of the cluster>`);
      return;
    }
    this.#founding = new Founding({
      id: settings.id, address: settings.address, incarnation: identity().incarnation,
      machine: plugin.name, machineVersion: plugin.version, founders: founding.founders,
      aloneAfterMs: settings.electionMaxMs, clock: host.clock, words: host.log,
      drawClusterId: () => drawHex128(host.random),
      hello: (address, timeoutMs, done) => askHello(transport, address, timeoutMs, done),
      found: (genesis) => this.#options.found({ genesis, clusterId: "", number: founderNumber(genesis, settings.id), index: 0, witness: false }),
      lost: (addresses) => {
        if (settings.autoRejoin) this.#join([...addresses, ...join], true);
      },
    });
    this.#founding.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#founding?.stop();
    this.#joining?.stop();
  }

  /** A node of another cluster dials this one as its member. */
  dialledBy(hello: Hello): void {
    const { settings } = this.#options;
    if (this.#founding !== null) this.#founding.dialledBy(hello);
    else if (settings.autoRejoin && hello.address !== "") this.#join([hello.address, ...settings.join], true);
  }

  /** Why there is no cluster yet, in words; empty if it waits to be added. */
  get waitsFor(): string {
    const words = [this.#founding?.waitsFor ?? "", this.#joining?.waitsFor ?? ""];
    return words.filter((each) => each !== "").join("; ");
  }

  #join(addresses: readonly string[], again: boolean): void {
    if (this.#joining !== null || this.#stopped) return;
    const { host, settings, transport, hello } = this.#options;
    this.#joining = new Joining({
      addresses: [...new Set(addresses)], again, secret: settings.peerSecret, hello, transport, clock: host.clock, words: host.log,
    });
    this.#joining.start();
  }
}
