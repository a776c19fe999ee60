/**
 * Rot is named: what the mark file vouches for is there when the next process has read its log, or that process refused
 * to start. A member whose bits turned over owes its log no more, but it must not believe that nothing is missing. And a
 * directory that was lost as a whole is nobody's: the node that starts in its place is let into no cluster.
 */
import { type Claim, type DurableClaims, lossOf } from "./durable_claims.ts";
import type { MemberNumber } from "../raft/types.ts";
import { newestMarkSlot } from "./mark_slot.ts";
import { type Property, Violation } from "./property.ts";
import type { DiskCall } from "./sim_faults.ts";
import type { SimMachine } from "./sim_machine.ts";

interface Track {
  /** What was durable when the mark of that number was made. */
  readonly vouched: Map<number, Claim | null>;
  /** The number that the present process found. */
  found: number;
  isWriting: boolean;
  durableIndex: number;
}

/** Looks on at mark files and restarts. */
export class NamedDamage implements Property {
  readonly name = "damage is named";
  readonly #claims: DurableClaims;
  readonly #tracks: Map<SimMachine, Track> = new Map();
  /** Members whose directory was lost, by their machines and numbers. */
  readonly #lost: Map<SimMachine, Set<MemberNumber>> = new Map();

  constructor(claims: DurableClaims) {
    this.#claims = claims;
  }

  /**
   * The directory is gone.
   *
   * @param number of the member that it was; 0 if that may be given again
   */
  forget(machine: SimMachine, number: MemberNumber): void {
    const lost = this.#lost.get(machine) ?? new Set();
    lost.add(number);
    this.#lost.set(machine, lost);
    this.#tracks.delete(machine);
  }

  diskCall(machine: SimMachine, { kind, path }: DiskCall): void {
    if (!path.endsWith("/wal/mark")) return;
    const track = this.#tracks.get(machine) ?? { vouched: new Map(), found: 0, isWriting: false, durableIndex: 0 };
    this.#tracks.set(machine, track);
    if (kind === "open") track.isWriting = false;
    if (kind === "sync") track.isWriting = false;
    if (kind !== "write" || track.isWriting) return;
    track.isWriting = true;
    const number = newestMarkSlot(machine.disk.content(path) ?? new Uint8Array())?.number ?? 0;
    if (machine.state === null) track.found = number;
    track.vouched.set(number + 1, this.#claims.of(machine));
  }

  /** What is cut again, another leader's entries replace: nothing of it is owed. */
  stepped(member: SimMachine): void {
    const track = this.#tracks.get(member);
    if (track === undefined || member.state === null) return;
    const { durableIndex } = member.state;
    if (durableIndex < track.durableIndex) {
      for (const [number, claim] of track.vouched) {
        if (claim !== null && claim.index > durableIndex) track.vouched.set(number, { ...claim, index: durableIndex, chain: null });
      }
    }
    track.durableIndex = durableIndex;
  }

  opened(member: SimMachine): void {
    if (this.#lost.get(member)?.has(member.number) === true) throw new Violation(this.name, `${member.id} lost its directory, and is let into the cluster as the one it was`);
    const track = this.#tracks.get(member);
    const claim = track?.vouched.get(track.found) ?? null;
    if (claim === null || member.isSilentlyLost) return;
    // Whoever says that its log lost its end says it to the leader too, and has no vote until it holds all of it again.
    const { editNumber, trail } = member.state ?? { editNumber: 0, trail: null };
    const loss = lossOf(member, editNumber > 0 && trail !== null ? { ...claim, index: Math.min(claim.index, trail.lastIndex), chain: null } : claim);
    if (loss !== null) throw new Violation(this.name, `${member.id} ${loss}: mark ${track?.found} vouched for it, and it starts all the same`);
  }
}
