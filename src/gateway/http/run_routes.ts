/** Any operation of any machine, the list of them, and sessions of one's own. */
import { DraftError } from "../../base/errors.ts";
import { fromJsonValue, toJsonValue } from "../../base/json_value.ts";
import { sessionBytes } from "../../machine/command.ts";
import type { Place } from "../../machine/flat_encode.ts";
import type { Command } from "../../machine/machine.ts";
import type { Level } from "../../net/client_protocol.ts";
import { whyNotRun } from "../auth/request_rule.ts";
import { LEVEL, MIN_INDEX } from "./kv_routes.ts";
import { type HttpAnswer, jsonAnswer } from "./message.ts";
import { type Call, GROUP, IDEMPOTENCY_KEY, jsonBody, placeOf, refuseKey, type Route, TIMEOUT, WRITE_HEADERS, writeAnswer } from "./route.ts";
import { objectOf, type Schema } from "./schema.ts";

const COMMAND: Schema = {
  type: "array", minItems: 1,
  description: 'the operation and its arguments, as the machine wants them; {"base64":…} stands for bytes',
};

const RUN_BODY: Schema = objectOf({
  command: COMMAND,
  level: { ...LEVEL.schema, description: LEVEL.description },
  min_index: { ...MIN_INDEX.schema, description: MIN_INDEX.description },
  session: { type: "string", pattern: "^[0-9a-f]{32}$", description: "a session from POST /v1/sessions: with a sequence, the write is done once" },
  sequence: { type: "integer", minimum: 1, description: "number of the write within its session, from 1; one that is sent again keeps its number" },
}, ["level", "min_index", "session", "sequence"]);

interface RunBody {
  readonly command: readonly unknown[];
  readonly level?: Level;
  readonly min_index?: number;
  readonly session?: string;
  readonly sequence?: number;
}

const ANSWERED: Schema = objectOf({
  result: { description: "what the machine answered" },
  index: { type: "integer", minimum: 0, description: "the entry's index, or that of the state that was read" },
});

export const RUN_ROUTES: readonly Route[] = [
  {
    method: "POST", path: "/v1/run", id: "run", summary: "runs one operation of the group's machine, a write or a read", role: "read",
    query: [TIMEOUT, GROUP],
    headers: [IDEMPOTENCY_KEY],
    body: { json: RUN_BODY },
    answer: { description: "what the machine answered", headers: WRITE_HEADERS, json: ANSWERED },
    codes: ["UNKNOWN_OPERATION", "CONFLICT", "REJECTED", "TOO_LARGE", "DISK_FULL", "SESSION_EXPIRED", "ANSWER_NOT_KEPT", "MACHINE_FAULT"],
    run,
  },
  {
    method: "GET", path: "/v1/operations", id: "listOperations", summary: "the operations of the group's machine",
    query: [GROUP],
    answer: {
      description: "the operations",
      json: objectOf({
        operations: {
          type: "array",
          items: objectOf({
            name: { type: "string" },
            kind: { type: "string", enum: ["read", "write"] },
            args: { type: "string", description: "what follows the name, for people" },
            summary: { type: "string" },
          }),
        },
      }),
    },
    codes: [],
    run: async (call) => jsonAnswer({ operations: await call.cluster.ask("operations", call.group) }),
  },
  {
    method: "POST", path: "/v1/sessions", id: "openSession", summary: "opens a session, under which writes are numbered and done once", role: "write",
    query: [TIMEOUT, GROUP],
    answer: { description: "the session; it ends after ten minutes without use", json: objectOf({ session: { type: "string" }, index: { type: "integer" } }) },
    codes: [],
    run: openSession,
  },
];

async function run(call: Call): Promise<HttpAnswer> {
  const body = (await jsonBody(call, RUN_BODY)) as RunBody;
  const { command: [operation, ...args], level = "linearizable", min_index: minIndex = 0 } = body;
  if (typeof operation !== "string") throw new DraftError("BAD_REQUEST", "body.command must begin with the name of an operation");
  const command: Command = [operation, ...args.map((each) => fromJsonValue(each))];
  const kind = await kindOf(call, operation);
  const refusal = whyNotRun(call.principal, call.cluster.api, call.group, kind, () => command);
  if (refusal !== null) throw refusal;
  const place = placeIn(body) ?? await placeOf(call);
  if (kind === "read" && place !== null) throw new DraftError("BAD_REQUEST", `${operation} only reads: it is sent without a session or key`);
  if (kind === "write" && (body.level !== undefined || body.min_index !== undefined)) throw new DraftError("BAD_REQUEST", `${operation} is a write: level and min_index are for reads`);
  const { group, timeoutMs, cluster } = call;
  if (kind === "read") {
    const { result, index } = await cluster.read(group, command, { level, minIndex, timeoutMs });
    return jsonAnswer({ result: toJsonValue(result), index }, { index });
  }
  const { result, index } = await cluster.client.write(command, { group, timeoutMs, ...(place === null ? {} : { place }) });
  return writeAnswer(call, { result: toJsonValue(result), index }, index);
}

/** Whether the machine calls the operation a read or a write. */
async function kindOf({ cluster, group }: Call, operation: string): Promise<"read" | "write"> {
  const row = cluster.api.operation(group, operation);
  if (row !== null) return row.kind;
  // A group that is not here says so itself, and one that holds no state knows operations all the same.
  const name = operation.toLowerCase();
  const operations = (await cluster.ask("operations", group)) as readonly { readonly name: string; readonly kind: "read" | "write" }[];
  const found = operations.find((each) => each.name === name);
  if (found === undefined) throw new DraftError("UNKNOWN_OPERATION", `the machine of group ${group} has no operation "${operation.slice(0, 64)}": GET /v1/operations lists them`);
  return found.kind;
}

function placeIn({ session, sequence }: RunBody): Place | null {
  if (session === undefined && sequence === undefined) return null;
  if (session === undefined || sequence === undefined) throw new DraftError("BAD_REQUEST", "body has a session and a sequence, or neither");
  return { session: sessionBytes(session), sequence, answeredBelow: 0 };
}

async function openSession(call: Call): Promise<HttpAnswer> {
  refuseKey(call);
  const { group, timeoutMs, cluster } = call;
  const { result, index } = await cluster.client.openSession({ group, timeoutMs });
  return jsonAnswer({ session: result, index }, { index });
}
