/**
 * A node that waits asks to be let in, at the addresses that it was told, one after the other, until it is. Whoever
 * answers and does not lead names who does.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import type { Transport } from "../net/transport.ts";
import { joinProof, PROBE_JOIN } from "./admission.ts";

const ROUND_MS = 1000;
const TIMEOUT_MS = 8000;

/** From whoever is asked first to the leader, and there a challenge. */
const HOPS_MAX = 4;

export interface JoiningOptions {
  readonly addresses: readonly string[];
  /** The directory was lost: it may take the place of the member that it was. */
  readonly again: boolean;
  readonly secret: Uint8Array | null;
  readonly hello: () => Hello;
  readonly transport: Pick<Transport, "probe">;
  readonly clock: Clock;
  readonly words: Log;
}

/** Asks until it is stopped. */
export class Joining {
  readonly #options: JoiningOptions;
  #timer: Timer | null = null;
  #round = 0;
  #stopped = false;
  #said = "";

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  start(): void {
    const { addresses } = this.#options;
    this.#ask(addresses[this.#round % addresses.length] as string, { hops: 0, nonce: "", proof: new Uint8Array() });
    this.#round += 1;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** What it waits for, in words. */
  get waitsFor(): string {
    return this.#said;
  }

  #ask(address: string, { hops, nonce, proof }: { readonly hops: number; readonly nonce: string; readonly proof: Uint8Array }): void {
    const { transport, again, secret } = this.#options;
    transport.probe(address, [PROBE_JOIN, again, nonce, proof], TIMEOUT_MS, (...[error, answer]) => {
      if (this.#stopped) return;
      if (error !== null) return this.#later(`${address}: ${error instanceof DraftError ? error.message : `it cannot be reached: ${error.message}`}`);
      const [, verdict, text] = answer.reply;
      const said = typeof text === "string" ? text : "";
      if (verdict === "taken") return this.#later("it is to be a member, and waits to be welcomed");
      if (hops < HOPS_MAX && verdict === "ask") return this.#ask(said, { hops: hops + 1, nonce: "", proof: new Uint8Array() });
      if (hops < HOPS_MAX && verdict === "prove") {
        if (secret === null) return this.#later(`${answer.hello.nodeId} at ${address} wants a proof: start this node with the cluster's --peer-secret-file`);
        const challenge = { nonce: said, clusterId: answer.hello.clusterId };
        return this.#ask(address, { hops: hops + 1, nonce: said, proof: joinProof(secret, challenge, this.#options.hello()) });
      }
      this.#later(`${answer.hello.nodeId} at ${address} says: ${said === "" ? "nothing that is understood" : said}`);
    });
  }

  /** Says why it is not let in yet, once, and asks again. */
  #later(why: string): void {
    const text = `asks to be added: ${why}`;
    if (text !== this.#said) this.#options.words.write("info", text);
    this.#said = text;
    this.#timer = this.#options.clock.setTimer(ROUND_MS, () => this.start());
  }
}
