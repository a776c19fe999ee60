import { test } from "uvu";
import { ENTRY_HEADER_BYTES, EntryKind, sealedBytes } from "../../../src/base/entry.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import { encodeVerdict, type Verdict } from "../../../src/raft/verdict_entry.ts";
import { Verdicts } from "../../../src/sim/properties/verdicts.ts";
import { unstamped } from "../../raft/helpers.ts";
import { Hand, rejects } from "./hand.ts";

/** A history that this rule alone looks at. */
function judged(): { hand: Hand; come: (member: number, index: number, digest: number) => void; write: (verdict: Verdict) => void } {
  const hand = new Hand("verdicts");
  const verdicts = new Verdicts();
  const now = { nowMs: 0, wallMs: 0 };
  return {
    hand,
    come: (member, index, digest) => verdicts.stepped(hand.member(member), { type: "checked", index, digest, unjudgedSinceMs: null, ...now }),
    write: (verdict) => {
      const payload = encodeVerdict(verdict);
      const entry: LogEntry = { ...unstamped(0, payload.length), kind: EntryKind.verdict, index: 9, term: 1 };
      const bytes = new Uint8Array(sealedBytes(payload.length));
      bytes.set(payload, ENTRY_HEADER_BYTES);
      verdicts.entriesSealed(hand.member(1), [entry], bytes);
    },
  };
}

test("verdicts: sound replicas that come to different states at one check point", () => {
  const { come } = judged();
  come(1, 5, 0xa);
  come(2, 5, 0xa);
  come(3, 6, 0xb);
  rejects("equal-states", /at check point 5 n3 came to b, n1 to a/, () => come(3, 5, 0xb));
});

test("verdicts: one that was led astray is not asked, and accuses nobody", () => {
  const { hand, come, write } = judged();
  hand.member(3).isAstray = true;
  come(3, 5, 0xb);
  come(1, 5, 0xa);
  write({ outcome: "majority", index: 5, digest: 0xa });
  rejects("verdicts", /n1 writes at 9 that a majority came to b at 5: n1 came to a/, () => write({ outcome: "majority", index: 5, digest: 0xb }));
});

test("verdicts: a majority of which no sound replica has said anything", () => {
  const { write } = judged();
  write({ outcome: "none" });
  rejects("verdicts", /a majority came to a at 5: no sound replica has said anything/, () => write({ outcome: "majority", index: 5, digest: 0xa }));
});

test.run();
