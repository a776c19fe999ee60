/** What a client is told, for all its requests and for each, and what it answers. */
import type { Host } from "../host/host.ts";
import type { Place } from "../machine/flat_encode.ts";
import type { Command } from "../machine/machine.ts";
import type { Level } from "../net/client_protocol.ts";
import type { OpenNode } from "./pool.ts";

/** How a client speaks TLS: texts of PEM. */
export interface ClientTls {
  /** Who signs the nodes' certificates; those that the runtime trusts if left out. */
  readonly ca?: string;
  /** The client's own certificate, and its key: where nodes ask for one. */
  readonly cert?: string;
  readonly key?: string;
}

/** Options of `connect`. */
export interface ClientOptions {
  /** How this client is called in the node's log. */
  readonly name?: string;
  /** How long a request may take unless it says otherwise; 5000. */
  readonly timeoutMs?: number;
  /**
   * Whether writes go under a session, so that one whose answer was lost is sent again and done once; true. Without one
   * such a write ends as LOST or TIMEOUT, unknown.
   */
  readonly sessions?: boolean;
  /** Hears of each try of a write: the command, and the bytes under which it may stand in the log. For tests. */
  readonly sent?: (command: Command, envelope: Uint8Array) => void;
  /** Says who asks, where nodes want to know it: what `draft admin token` printed. */
  readonly token?: string;
  /** What to speak TLS with, PEM; plainly if left out. */
  readonly tls?: ClientTls;
  /** Opens the ways to nodes; for who shares a process with one. */
  readonly open?: OpenNode;
  /** The ports to use instead of the real ones. */
  readonly host?: Pick<Host, "net" | "clock">;
}

/** Options of every request. */
export interface RequestOptions {
  /** The group that is meant; `main`. */
  readonly group?: string;
  /** How long all tries together may take, in milliseconds; the client's own `timeoutMs`. */
  readonly timeoutMs?: number;
  /** Ends the wait. What was sent may still be done. */
  readonly signal?: AbortSignal;
}

/** Options of a write. */
export interface WriteRequestOptions extends RequestOptions {
  /** Under which place it is done once, however often and from wherever it is sent: instead of a session of this client's own. */
  readonly place?: Place;
}

/** Options of a read. */
export interface ReadRequestOptions extends RequestOptions {
  /** `linearizable` unless less is asked for. */
  readonly level?: Level;
  /** Answer from a state at or past this index. */
  readonly minIndex?: number;
}

/** What a command returned, and the index that it stands at. */
export interface ClientAnswer {
  /** What the machine answered: a value of CBOR; text and bytes come back as they were sent. */
  readonly result: unknown;
  /** Index of the entry, for a write; of the state that was read, for a read. As `minIndex` it reads one's own writes. */
  readonly index: number;
}
