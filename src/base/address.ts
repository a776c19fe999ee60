/**
 * Addresses as text: `host:port`, `[v6]:port`, and `id@host:port` for a node at an address.
 */
import { DraftError, type ErrorCode } from "./errors.ts";

/** Where something listens: an IP address or a name, and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A node and where it listens. */
export interface NodeAddress extends HostPort {
  readonly id: string;
}

/** The longest address that is believed; a name in the DNS has at most 253 characters. */
export const ADDRESS_CHARACTERS_MAX = 300;

const PORT_MAX = 65535;
const NODE_ID: RegExp = /^[a-z0-9._-]{1,64}$/;
const BRACKETED: RegExp = /^\[([0-9A-Fa-f:.]+(?:%[0-9A-Za-z._-]+)?)\]:(\d{1,5})$/;
const NAMED: RegExp = /^([0-9A-Za-z._-]+):(\d{1,5})$/;

/** Whether `text` may be the name of a node. */
export function isNodeId(text: string): boolean {
  return NODE_ID.test(text);
}

/**
 * Reads `host:port` or `[v6]:port`. Port 0 is left to the caller: to listen it means any.
 *
 * @param code of the error that is thrown, BAD_CONFIG unless told otherwise
 * @throws DraftError with that code
 */
export function parseAddress(text: string, code: ErrorCode = "BAD_CONFIG"): HostPort {
  const match = BRACKETED.exec(text) ?? NAMED.exec(text);
  const port = Number(match?.[2] ?? PORT_MAX + 1);
  if (match === null || port > PORT_MAX || text.length > ADDRESS_CHARACTERS_MAX) {
    const hint = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:/.test(text) ? "an IPv6 address stands in brackets, [::1]:7100" : "want host:port";
    throw new DraftError(code, `bad address ${JSON.stringify(text)}: ${hint}`);
  }
  return { host: match[1] as string, port };
}

/** The address as text that {@link parseAddress} reads. */
export function formatAddress(address: HostPort): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Reads `id@host:port`.
 *
 * @throws DraftError with `code`
 */
export function parseNodeAddress(text: string, code: ErrorCode = "BAD_CONFIG"): NodeAddress {
  const at = text.indexOf("@");
  if (at < 0) throw new DraftError(code, `bad node ${JSON.stringify(text)}: want id@host:port`);
  const id = text.slice(0, at);
  if (!isNodeId(id)) {
    throw new DraftError(code, `bad node id ${JSON.stringify(id)}: want 1 to 64 of a-z 0-9 . _ -`);
  }
  return { id, ...parseAddress(text.slice(at + 1), code) };
}

/** The host of a socket's other side, `host:port`: `::ffff:127.0.0.1:5` → `127.0.0.1`. */
export function hostOf(remote: string): string {
  return remote.slice(0, Math.max(0, remote.lastIndexOf(":"))).replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
}
