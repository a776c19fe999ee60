/**
 * Who a connection is for, by its first bytes. Peers and draft's own clients open with a preface, whose first byte begins
 * no text. Redis's begin with an array or, typed by hand, with a line whose first word is a command; HTTP is known by the
 * end of its first line.
 */
import { ConnectionKind, FRAME_VERSION, PREFACE_BYTES, PREFACE_FIRST_BYTE, readPreface } from "../net/frame.ts";

/** Where a connection may be taken. */
export type DoorName = "peer" | "client" | "http" | "resp";

/** What the first bytes tell: a door, or why there is none; null: more of them are needed. */
export type Sniffed = { readonly door: DoorName } | { readonly refusal: string } | null;

/** A first line may be so long before its end is no longer waited for: the HTTP parser has its own words for longer ones. */
const LINE_BYTES_MAX = 8192;

const NEW_LINE = 0x0a;

/** `*`: no method of HTTP begins so. */
const RESP_ARRAY = 0x2a;

/** Looks at all that came so far, which is not empty. */
export function sniff(first: Uint8Array): Sniffed {
  if (first[0] === PREFACE_FIRST_BYTE) return sniffPreface(first);
  return first[0] === RESP_ARRAY ? { door: "resp" } : sniffLine(first);
}

function sniffPreface(first: Uint8Array): Sniffed {
  if (first.length < PREFACE_BYTES) return null;
  const preface = readPreface(first);
  if (preface !== null && preface.version === FRAME_VERSION) {
    if (preface.kind === ConnectionKind.peer) return { door: "peer" };
    if (preface.kind === ConnectionKind.client) return { door: "client" };
  }
  return { refusal: `its preface is not one of this version: ${shown(first)}` };
}

function sniffLine(first: Uint8Array): Sniffed {
  const start = first.subarray(0, LINE_BYTES_MAX);
  const end = start.indexOf(NEW_LINE);
  const line = String.fromCharCode(...(end < 0 ? start : start.subarray(0, end)));
  // Whoever does not begin as a request would is not listened to until its line ends.
  const mayBeHttp = /^[A-Z]{1,16}(?: |$)/.test(line);
  const mayBeResp = /^[A-Za-z][A-Za-z0-9._-]{0,63}(?:[ \t\r]|$)/.test(line);
  if (end < 0 && (mayBeHttp || mayBeResp)) return start.length < LINE_BYTES_MAX ? null : { door: mayBeHttp ? "http" : "resp" };
  // What ends as a request of HTTP does is none of Redis's, whatever its method: a web page may have sent it.
  if (/ HTTP\/\d\.\d\r?$/.test(line)) return mayBeHttp ? { door: "http" } : { refusal: `it begins as HTTP, with a method that is none: ${shown(first)}` };
  if (mayBeResp && end >= 0) return { door: "resp" };
  return { refusal: `it speaks neither as a peer, nor as a client, nor HTTP, nor Redis's protocol: ${shown(first)}` };
}

function shown(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
