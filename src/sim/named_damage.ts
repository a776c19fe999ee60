/**
 * Rot is named: what the mark file vouches for is there when the next process has read its log, or that process refused
 * to start. A member whose bits turned over owes its log no more, but it must not believe that nothing is missing. And a
 * directory that was lost as a whole is nobody's: the node that starts in its place is let into no cluster.
 */
import { crc32, getU64, viewOf } from "../base/bytes.ts";
import { type Claim, type DurableClaims, lossOf } from "./durable_claims.ts";
import { type Property, Violation } from "./property.ts";
import type { DiskCall } from "./sim_faults.ts";
import type { SimMachine } from "./sim_machine.ts";

/** Of the mark file's format (src/wal/mark.ts). */
const SLOT_BYTES = 4096;
const FIELDS_AT = 16;
const SEQUENCE_AT = 32;
const FIELDS_END = 56;

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
  readonly #lost: Set<SimMachine> = new Set();

  constructor(claims: DurableClaims) {
    this.#claims = claims;
  }

  /** The directory is gone. */
  forget(machine: SimMachine): void {
    this.#lost.add(machine);
  }

  diskCall(machine: SimMachine, { kind, path }: DiskCall): void {
    if (!path.endsWith("/wal/mark")) return;
    const track = this.#tracks.get(machine) ?? { vouched: new Map(), found: 0, isWriting: false, durableIndex: 0 };
    this.#tracks.set(machine, track);
    if (kind === "open") track.isWriting = false;
    if (kind === "sync") track.isWriting = false;
    if (kind !== "write" || track.isWriting) return;
    track.isWriting = true;
    const number = markNumber(machine.disk.content(path) ?? new Uint8Array());
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
    if (this.#lost.has(member)) throw new Violation(this.name, `${member.id} lost its directory, and is let into the cluster as the one it was`);
    const track = this.#tracks.get(member);
    const claim = track?.vouched.get(track.found) ?? null;
    if (claim === null || member.isSilentlyLost) return;
    const loss = lossOf(member, claim);
    if (loss !== null) throw new Violation(this.name, `${member.id} ${loss}: mark ${track?.found} vouched for it, and it starts all the same`);
  }
}

/** The number of the newest valid slot; 0 if there is none. */
function markNumber(content: Uint8Array): number {
  return newestSlot(content)[0];
}

/** The segment that the newest valid slot speaks of; 0 if there is none. */
export function markSequence(content: Uint8Array): number {
  return newestSlot(content)[1];
}

function newestSlot(content: Uint8Array): [number: number, sequence: number] {
  const slots = [content.subarray(0, SLOT_BYTES), content.subarray(SLOT_BYTES, 2 * SLOT_BYTES)].filter((slot) => slot.length === SLOT_BYTES);
  const valid = slots.filter((slot) => viewOf(slot).getUint32(12, true) === crc32(slot, FIELDS_AT, FIELDS_END, crc32(slot, 0, 12, 0)));
  return valid
    .map((slot): [number, number] => [getU64(viewOf(slot), FIELDS_AT), getU64(viewOf(slot), SEQUENCE_AT)])
    .reduce((newest, slot) => slot[0] > newest[0] ? slot : newest, [0, 0]);
}
