/** Errors as a system tells them. */
import type { HostError } from "../host/host.ts";

/** An error of a simulated system. */
export function simError(code: string, message: string): HostError {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** What a side hears that wrote to a connection which the other one does not know. */
export function resetError(): HostError {
  return simError("ECONNRESET", "the other side knows of no such connection");
}
