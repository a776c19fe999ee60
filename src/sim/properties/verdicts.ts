/**
 * Verdicts tell the truth (O05, DESIGN promise 8): what a majority came to is what each sound replica came to at that
 * check point, and there is no alarm unless a replica was led astray. That one is found is asked for in the end, by the
 * world; that nobody else stops is seen by how processes end.
 */
import { ENTRY_HEADER_BYTES, EntryKind, sealedBytes } from "../../base/entry.ts";
import type { Event } from "../../raft/event.ts";
import type { Index, LogEntry } from "../../raft/types.ts";
import { decodeVerdict } from "../../raft/verdict_entry.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

interface Seen {
  readonly member: string;
  readonly digest: number;
}

export class Verdicts implements Property {
  readonly name: string = "verdicts";
  /** By check point: what the first sound replica came to. */
  readonly #seen: Map<Index, Seen> = new Map();
  #isOneAstray = false;

  began(member: SimMember): void {
    if (member.isAstray === true) this.#isOneAstray = true;
  }

  stepped(member: SimMember, event: Event): void {
    if (event.type !== "checked" || event.index === 0 || member.isAstray === true) return;
    const { index, digest } = event;
    const seen = this.#seen.get(index);
    if (seen === undefined) this.#seen.set(index, { member: member.id, digest });
    else if (seen.digest !== digest) {
      // No verdict is wrong yet: the states are.
      throw new Violation("equal-states", `at check point ${index} ${member.id} came to ${digest.toString(16)}, ${seen.member} to ${seen.digest.toString(16)}`);
    }
    const splitIndex = member.applier?.checks.splitIndex ?? 0;
    if (splitIndex > 0 && !this.#isOneAstray) throw new Violation(this.name, `${member.id} raises an alarm for check point ${splitIndex}, and nobody was led astray`);
  }

  entriesSealed(member: SimMember, entries: readonly LogEntry[], bytes: Uint8Array): void {
    let at = 0;
    for (const { kind, index, payloadBytes } of entries) {
      const from = at + ENTRY_HEADER_BYTES;
      at += sealedBytes(payloadBytes);
      if (kind === EntryKind.verdict) this.#judge(member, index, bytes.subarray(from, from + payloadBytes));
    }
  }

  #judge({ id }: SimMember, at: Index, payload: Uint8Array): void {
    const verdict = decodeVerdict(payload);
    if (verdict.outcome !== "majority") return;
    const seen = this.#seen.get(verdict.index);
    if (seen?.digest === verdict.digest) return;
    const known = seen === undefined ? "no sound replica has said anything" : `${seen.member} came to ${seen.digest.toString(16)}`;
    throw new Violation(this.name, `${id} writes at ${at} that a majority came to ${verdict.digest.toString(16)} at ${verdict.index}: ${known}`);
  }
}
