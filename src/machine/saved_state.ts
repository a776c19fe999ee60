/** What is known of a state besides the machine's own: where in the log it is, and what goes on from there. */
import type { LogPoint } from "../raft/types.ts";
import type { ChangeHistory } from "./change_history.ts";
import type { ChangesSource } from "./changes_saved.ts";
import type { SavedChecks } from "./checks.ts";
import type { Origin } from "./origin.ts";
import type { PieceSource } from "./piece_source.ts";
import type { Sessions } from "./sessions.ts";
import type { SessionsSource } from "./sessions_saved.ts";

/** The last entry that was applied, and log time there. */
export interface Applied extends LogPoint {
  readonly timeMs: number;
}

/** A state that a snapshot holds, besides the machine's own. */
export interface SavedState {
  readonly point: LogPoint;
  readonly timeMs: number;
  /** The machine version in force. */
  readonly machineVersion: number;
  readonly digest: number;
  /** The check points before it. */
  readonly checks: SavedChecks;
  /** How the state began. */
  readonly origin: Origin;
  /** Whether the machine's part comes in pieces. */
  readonly streamed: boolean;
}

/** A snapshot that was begun: it shows the state at its point, whatever is applied meanwhile. */
export interface BegunSnapshot extends SavedState {
  readonly pieces: PieceSource;
  readonly sessions: SessionsSource;
  readonly changes: ChangesSource;
}

/** What a snapshot holds in pieces of their own, besides the machine's. */
export interface SavedBeside {
  readonly sessions: Sessions;
  readonly history: ChangeHistory;
}
