/** What can go wrong with a call to a simulated disk, and how a test or a seed asks for it. */

/** What kind of call it is, by the name of the port's function. */
export type DiskCallKind =
  | "open" | "makeDirectory" | "list" | "stat" | "rename" | "unlink" | "syncDirectory" | "freeBytes" | "lock"
  | "read" | "write" | "sync" | "sizeBytes" | "truncate" | "close";

/** One call, as a fault rule sees it. */
export interface DiskCall {
  readonly number: number;
  readonly kind: DiskCallKind;
  readonly path: string;
}

/** What goes wrong with a call. */
export type DiskFault =
  /** A POSIX error. */
  | { readonly error: string }
  /** A write takes fewer bytes. */
  | { readonly shortBytes: number }
  /** The call does not complete until it is released. */
  | { readonly stall: true }
  /** A sync says that it is done, and did nothing. */
  | { readonly lie: true }
  /** A write lands so far from where it should. */
  | { readonly elsewhereBytes: number }
  /** A write says that it is done, and lands nowhere. */
  | { readonly lost: true };

/** Names the fault of a call, or null. */
export type FaultRule = (call: DiskCall) => DiskFault | null;

/** Thrown into completions as the operating system's error. */
export class SimHostError extends Error {
  readonly code: string;

  constructor(code: string, call: DiskCall) {
    super(`${code}: simulated, ${call.kind} "${call.path}"`);
    this.code = code;
  }
}
