/**
 * The HTTP interface without what carries it: finds the route, checks what it is asked with, and words what goes wrong.
 */
import { DraftError } from "../../base/errors.ts";
import type { Log } from "../../host/host.ts";
import { audit } from "../auth/audit.ts";
import { NOBODY, refusalOf, type Role } from "../auth/principal.ts";
import type { ClusterClient } from "../cluster_client.ts";
import type { DoorCounts } from "../door_counts.ts";
import type { TimesOf } from "../write_timings.ts";
import { errorAnswer, type HttpAnswer, HttpRefusal, type HttpRequest, jsonAnswer } from "./message.ts";
import { pageAnswer } from "./page_route.ts";
import { Parameters } from "./parameters.ts";
import { type Route, TIMEOUT_MS } from "./route.ts";
import { Streams } from "./streams.ts";

/** What the log tells of an address, at most. */
const ACTION_CHARACTERS_MAX = 256;

/** A route with its path in pieces; a piece that begins with `{` varies. */
interface Known {
  readonly route: Route;
  readonly pieces: readonly string[];
}

interface Found {
  readonly route: Route;
  readonly parts: Readonly<Record<string, string>>;
}

/** What routes are served with besides the cluster. */
export interface AppServices {
  /** Hears what operators do. */
  readonly log: Log;
  /** What the node counts and measures, as Prometheus reads it. */
  readonly metrics: () => Promise<string>;
  readonly counts: DoorCounts;
  readonly timesOf: TimesOf;
}

/** Answers requests by a table of routes. */
export class HttpApp {
  readonly #known: readonly Known[];
  readonly #cluster: ClusterClient;
  readonly #services: AppServices;
  /** Answers whose end is open. */
  readonly streams: Streams = new Streams();

  constructor(routes: readonly Route[], cluster: ClusterClient, services: AppServices) {
    this.#known = routes.map((route) => ({ route, pieces: route.path.split("/").slice(1) }));
    this.#cluster = cluster;
    this.#services = services;
  }

  /** The answer, whatever comes: errors are answers, too. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const { counts } = this.#services;
    const beganMs = this.#cluster.nowMs();
    counts.requests += 1;
    let route: Route | null = null;
    try {
      checkOrigin(request);
      const found = this.#find(request);
      ({ route } = found);
      const answer = await this.#run(request, found, beganMs);
      this.#audit(request, route, null);
      return answer;
    } catch (error) {
      const failure = error instanceof HttpRefusal ? error.cause : error;
      if (!(failure instanceof DraftError)) throw error;
      counts.refused(failure);
      this.#audit(request, route, failure);
      return error instanceof HttpRefusal ? error.answer : errorAnswer(failure, failure.httpStatus, failure.code === "UNAUTHORIZED" ? { "www-authenticate": "Bearer" } : {});
    }
  }

  #run(request: HttpRequest, { route, parts }: Found, beganMs: number): Promise<HttpAnswer> {
    const role = roleOf(route);
    const { principal } = request;
    if (role !== null && principal instanceof DraftError) throw principal;
    const caller = principal instanceof DraftError ? NOBODY : principal;
    const refusal = role === null ? null : refusalOf(caller, role, "nothing", `${route.method} ${route.path}`);
    if (refusal !== null) throw refusal;
    const parameters = new Parameters(request.query, route.query);
    const group = parameters.text("group") ?? "main";
    const timeoutMs = parameters.whole("timeout_ms") ?? TIMEOUT_MS;
    const { metrics, timesOf } = this.#services;
    return route.run({ request, cluster: this.#cluster, streams: this.streams, metrics, timesOf, beganMs, principal: caller, group, parameters, parts, timeoutMs });
  }

  #audit({ method, path, query, principal, remote }: HttpRequest, route: Route | null, failure: DraftError | null): void {
    if (route === null || roleOf(route) !== "admin") return;
    const action = `${method} ${path.slice(0, ACTION_CHARACTERS_MAX)}${query === "" ? "" : `?${query.slice(0, ACTION_CHARACTERS_MAX)}`}`;
    audit(this.#services.log, { principal: principal instanceof DraftError ? null : principal, remote, action, group: "" }, failure);
  }

  /** @throws DraftError NOT_FOUND; HttpRefusal 405 */
  #find({ method, path }: HttpRequest): Found {
    const pieces = path.split("/").slice(1);
    const allowed: string[] = [];
    for (const known of this.#known) {
      const parts = partsOf(known.pieces, pieces);
      if (parts === null) continue;
      if (known.route.method === (method === "HEAD" ? "GET" : method)) return { route: known.route, parts };
      allowed.push(known.route.method, ...(known.route.method === "GET" ? ["HEAD"] : []));
    }
    if (allowed.length === 0) throw new DraftError("NOT_FOUND", `nothing is at "${path.slice(0, 128)}": GET /openapi.json lists what there is`);
    const allow = [...new Set(allowed)].join(", ");
    throw new HttpRefusal(new DraftError("BAD_REQUEST", `${method} is not for this address: it takes ${allow}`), 405, { allow });
  }
}

/** What is not said of a route is the safe side of it. */
function roleOf({ method, role }: Route): Role | null {
  return role === undefined ? (method === "GET" ? "read" : "admin") : role;
}

/** What a node answers that listens and has not recovered: its log may be long. */
export function startingAnswer({ path }: HttpRequest): HttpAnswer {
  const message = "this node has not recovered yet: another one answers";
  if (path === "/") return pageAnswer();
  if (path === "/livez") return jsonAnswer({ live: true });
  if (path === "/readyz") return jsonAnswer({ ready: false, checks: [{ name: "recovery", ok: false, message }] }, { status: 503 });
  return errorAnswer(new DraftError("NO_LEADER", message));
}

/** What stands where the route's path varies; null if the path is another one. */
function partsOf(wanted: readonly string[], pieces: readonly string[]): Record<string, string> | null {
  const parts: Record<string, string> = {};
  for (const [at, piece] of wanted.entries()) {
    const found = pieces[at];
    if (found === undefined) return null;
    if (piece.endsWith("*}")) {
      parts[piece.slice(1, -2)] = pieces.slice(at).join("/");
      return parts;
    }
    if (piece.startsWith("{")) parts[piece.slice(1, -1)] = found;
    else if (piece !== found) return null;
  }
  return pieces.length === wanted.length ? parts : null;
}

/** A page of somebody else's that makes a browser ask is refused: it names where it comes from. */
function checkOrigin(request: HttpRequest): void {
  const origin = request.header("origin");
  if (origin === null) return;
  const own = request.header("host");
  if (own !== null && origin.replace(/^https?:\/\//, "").toLowerCase() === own.toLowerCase()) return;
  throw new DraftError("FORBIDDEN", `a page of "${origin.slice(0, 128)}" may not ask: only one of this node's own`);
}
