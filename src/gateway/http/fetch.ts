/** The HTTP interface for a program that has a `Request` in hand, whichever server it came from. */
import { concatBytes } from "../../base/bytes.ts";
import { DraftError } from "../../base/errors.ts";
import { ANYONE } from "../auth/principal.ts";
import type { HttpApp } from "./app.ts";
import type { HttpRequest } from "./message.ts";

/** Answers `request` by `app`. */
export async function fetchFrom(app: HttpApp, request: Request): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const asked: HttpRequest = {
    method: request.method,
    path: pathname,
    query: search.slice(1),
    principal: ANYONE,
    remote: "this process",
    // A request that was made by hand names no host but in its address.
    header: (name) => request.headers.get(name) ?? (name === "host" ? host : null),
    body: (bytesMax) => bodyOf(request, bytesMax),
  };
  const { status, headers, body } = await app.answer(asked);
  const isEmpty = status === 304 || request.method === "HEAD";
  if (isEmpty && body instanceof ReadableStream) await body.cancel();
  return new Response(isEmpty ? null : body as BodyInit, { status, headers });
}

async function bodyOf(request: Request, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body ?? []) {
    bytes += part.length;
    if (bytes > bytesMax) throw new DraftError("TOO_LARGE", `the body has more than ${bytesMax} bytes: at most so many are taken`);
    parts.push(part);
  }
  return concatBytes(parts);
}
