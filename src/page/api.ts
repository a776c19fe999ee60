/** Requests to the node that serves this page. */
import type { Outcome } from "../base/errors.ts";

/** An answer that took longer is given up: the node is told of as silent. */
const TIMEOUT_MS = 8000;

const TOKEN_NAME = "draft-token";

/** A request that failed. `code` is one of draft's, or UNREACHABLE if nobody answered. */
export class RequestError extends Error {
  readonly code: string;
  readonly outcome: Outcome;

  constructor(code: string, message: string, outcome: Outcome) {
    super(message);
    this.code = code;
    this.outcome = outcome;
  }
}

/** One request. */
export interface Asked {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Ends it, in place of the time that it may take. */
  readonly signal?: AbortSignal;
}

/** The node, as a page of its own may ask it. */
export class Api {
  /** Called when a token is wanted; resolves with one, or null if nobody has one. */
  askToken: (why: string) => Promise<string | null> = () => Promise.resolve(null);
  #asking: Promise<string | null> | null = null;

  /** Whether a token is sent. */
  get hasToken(): boolean {
    return sessionStorage.getItem(TOKEN_NAME) !== null;
  }

  /** Sends no token any more, or this one. */
  setToken(token: string | null): void {
    if (token === null) sessionStorage.removeItem(TOKEN_NAME);
    else sessionStorage.setItem(TOKEN_NAME, token);
  }

  /** @throws RequestError */
  async json<T>(path: string, asked: Asked = {}): Promise<T> {
    const response = await this.#answered(path, asked);
    return await response.json() as T;
  }

  /** @throws RequestError */
  async bytes(path: string): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly revision: number }> {
    const response = await this.#answered(path, {});
    return { bytes: new Uint8Array(await response.arrayBuffer()), revision: Number(response.headers.get("draft-revision") ?? 0) };
  }

  /** @throws RequestError */
  async text(path: string): Promise<string> {
    const response = await this.#answered(path, {});
    return response.text();
  }

  /**
   * An answer that comes in pieces, for as long as it is read.
   *
   * @throws RequestError
   */
  async stream(path: string, asked: Asked & { readonly signal: AbortSignal }): Promise<ReadableStream<Uint8Array>> {
    const { body } = await this.#answered(path, asked);
    return body ?? new ReadableStream();
  }

  /** Asks for a token as long as one is wanted, and once more with it. */
  async #answered(path: string, asked: Asked): Promise<Response> {
    for (;;) {
      const token = sessionStorage.getItem(TOKEN_NAME);
      const response = await this.#send(path, asked, token);
      if (response.ok) return response;
      const error = await errorIn(response);
      if (response.status !== 401) throw error;
      // Another request may have got one meanwhile.
      if (token !== sessionStorage.getItem(TOKEN_NAME)) continue;
      this.#asking ??= this.askToken(token === null ? "" : error.message).finally(() => (this.#asking = null));
      const given = await this.#asking;
      if (given === null) throw error;
      this.setToken(given);
    }
  }

  async #send(path: string, { method = "GET", json, bytes, headers = {}, timeoutMs = TIMEOUT_MS, signal = AbortSignal.timeout(timeoutMs) }: Asked, token: string | null): Promise<Response> {
    const body = json === undefined ? bytes : JSON.stringify(json);
    try {
      return await fetch(path, {
        method, cache: "no-store", credentials: "omit", redirect: "error", signal,
        headers: {
          ...headers,
          ...(json === undefined ? {} : { "content-type": "application/json" }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const isLate = error.name === "TimeoutError";
      throw new RequestError("UNREACHABLE", isLate ? `no answer for ${timeoutMs / 1000} s` : "the node does not answer", method === "GET" ? "not-done" : "unknown");
    }
  }
}

async function errorIn(response: Response): Promise<RequestError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; outcome: Outcome } };
    return new RequestError(error.code, error.message, error.outcome);
  } catch (thrown) {
    // Something else than a node of draft may stand between.
    if (!(thrown instanceof SyntaxError || thrown instanceof TypeError)) throw thrown;
    return new RequestError("UNREACHABLE", `an answer with status ${response.status} that is none of draft's`, "unknown");
  }
}

/** What a failure says to a person. */
export function failureText(error: unknown): string {
  if (!(error instanceof RequestError)) return error instanceof Error ? error.message : String(error);
  return `${error.code}: ${error.message}${error.outcome === "unknown" ? "; whether it was done is not known" : ""}`;
}
