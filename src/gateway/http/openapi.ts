/** The routes as OpenAPI 3.1: what routes say of themselves, and nothing else. */
import { DraftError, type ErrorCode } from "../../base/errors.ts";
import type { JsonValue } from "../../base/json_value.ts";
import type { Parameter } from "./parameters.ts";
import type { AnswerSpec, BodySpec, Route } from "./route.ts";
import type { Schema } from "./schema.ts";

/** What any route may be refused with. */
const ALWAYS: readonly ErrorCode[] = ["BAD_REQUEST", "UNAUTHORIZED", "NOT_FOUND", "FORBIDDEN", "BUSY", "NO_LEADER", "STOPPING", "FENCED", "LOST", "TIMEOUT"];

const OUTCOMES: readonly string[] = ["not-done", "unknown", "done"];

/** Every answer that is no success. */
const ERROR: Schema = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        code: { type: "string", description: "one of a closed set" },
        message: { type: "string" },
        outcome: { type: "string", enum: OUTCOMES, description: "what became of it: definitely not done, unknown, or done by an earlier try" },
        leader: { type: ["object", "null"], properties: { id: { type: "string" }, address: { type: "string" } } },
        oldestIndex: { type: "integer", description: "with COMPACTED: from here on everything is held" },
      },
      required: ["code", "message", "outcome", "leader"],
      additionalProperties: false,
    },
  },
  required: ["error"],
  additionalProperties: false,
};

type Json = JsonValue | readonly Json[] | { readonly [key: string]: Json | undefined } | Schema;

/** The description of `routes`. */
export function openApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) (paths[route.path.replace("*}", "}")] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "draft",
      version,
      description: "Any node takes any request. An error's outcome tells whether it was done; a write that is sent again with the same Idempotency-Key is done once.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths,
    security: [{}, { token: [] }],
    components: {
      schemas: { Error: ERROR },
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "a token of --auth-file; not asked for without one" } },
    },
  };
}

function operation({ id, path, summary, query, headers = [], body, answer, codes }: Route): Json {
  const parts = [...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name = ""]) => ({ name, in: "path", required: true, description: "percent-encoded", schema: { type: "string" } }));
  return {
    operationId: id,
    summary,
    parameters: [...parts, ...query.map((each) => parameter(each, "query")), ...headers.map((each) => parameter(each, "header"))],
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: responses(answer, [...ALWAYS, ...codes, ...(body === undefined ? [] : ["TOO_LARGE" as const])]),
  };
}

function parameter({ name, description, schema }: Parameter, where: string): Json {
  return { name, in: where, required: false, description, schema };
}

function requestBody(body: BodySpec): Json {
  if ("raw" in body) return { required: true, description: body.raw, content: { "application/octet-stream": { schema: {} } } };
  return { required: body.optional !== true, content: { "application/json": { schema: body.json } } };
}

function responses({ description, json, type = "application/octet-stream", headers = {}, besides = {} }: AnswerSpec, codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of codes) {
    const status = new DraftError(code, "").httpStatus;
    byStatus.set(status, (byStatus.get(status) ?? new Set<ErrorCode>()).add(code));
  }
  const errors = [...byStatus].map(([status, named]) => [String(status), {
    description: [...named].join(", ") + (besides[status] === undefined ? "" : `; or ${besides[status]}`),
    content: { "application/json": { schema: besides[status] === undefined ? { $ref: "#/components/schemas/Error" } : { type: "object" } } },
  }]);
  const others = Object.entries(besides).filter(([status]) => !byStatus.has(Number(status))).map(([status, text]) => [status, { description: text }]);
  const content = json === undefined ? { [type]: { schema: {} } } : { "application/json": { schema: json } };
  const headerSpecs = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: "string" } }]));
  return { 200: { description, headers: headerSpecs, content }, ...Object.fromEntries([...others, ...errors]) as Record<string, Json> };
}
