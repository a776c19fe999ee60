/** A machine on a disk of the test's own: what is not committed is gone with the process. */
import { EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { Applier } from "../../src/machine/applier.ts";
import { encodeEnvelope } from "../../src/machine/command.ts";
import type { AnyPlugin, Commit, Machine, Plugin, Reply } from "../../src/machine/machine.ts";
import { encodeSessionChange } from "../../src/machine/session_entry.ts";

/** What a commit leaves. */
export interface LedgerState {
  readonly index: number;
  readonly total: number;
  readonly memos: readonly (readonly [index: number, memo: Uint8Array])[];
}

/** The disk: it lasts while machines come and go. */
export class LedgerDisk {
  state: LedgerState = { index: 0, total: 0, memos: [] };
  /** What applied an entry: one text each, over all machines. */
  readonly ran: string[] = [];
  failing = false;

  readonly plugin: Plugin<LedgerState> = {
    name: "ledger",
    version: 2,
    operations: { add: { kind: "write" }, total: { kind: "read" } },
    create: () => this.machine(),
  };

  machine(): Machine<LedgerState> {
    let { total } = this.state;
    return {
      apply: ([, by], entry) => {
        this.ran.push(`${entry.index}:${String(by)}`);
        if (by === "no") throw entry.reject("no such number");
        return (total += Number(by));
      },
      query: () => total,
      upgrade: (from) => void this.ran.push(`from ${from}`),
      lastApplied: () => this.state.index,
      commit: ({ index, memo, memosFrom }: Commit) => {
        if (this.failing) throw new Error("no space");
        this.state = { index, total, memos: [...this.state.memos.filter(([at]) => at >= memosFrom), [index, memo]] };
      },
      memos: (from) => this.state.memos.filter(([index]) => index >= from).map(([, memo]) => memo),
      snapshot: () => ({ ...this.state, memos: this.state.memos.slice(-1) }),
      restore: (saved) => {
        this.state = saved;
        ({ total } = saved);
      },
    };
  }
}

export const SESSION = "000102030405060708090a0b0c0d0e0f";

/** One entry of a test's log. */
export interface Logged {
  readonly kind: number;
  readonly payload: Uint8Array;
}

export const OPEN: Logged = { kind: EntryKind.session, payload: encodeSessionChange({ type: "open", session: SESSION, principal: "", ordered: false }) };
export const NOOP: Logged = { kind: EntryKind.noop, payload: new Uint8Array(0) };

export function add(by: number | string, sequence?: number): Logged {
  return { kind: EntryKind.command, payload: encodeEnvelope({ session: sequence === undefined ? null : SESSION, sequence: sequence ?? 0, answeredBelow: 0, command: ["add", by] }) };
}

export function applierOf(plugin: AnyPlugin): Applier {
  return new Applier({ plugin, group: 1, directory: "/data/machines/main", log: () => {} });
}

/** Applies entry `index` of the log; its term is 2 and its chain `1000 + index`. */
export function applyOne(applier: Applier, index: number, { kind, payload }: Logged, chain: number = 1000 + index): Reply | DraftError {
  const head = { kind, group: 1, index, term: 2, timeMs: 10 * index, chain, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
  return applier.apply(head, payload, 0, null);
}
