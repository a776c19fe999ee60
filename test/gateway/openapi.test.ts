/** The description of the HTTP interface is one, by a validator of its own, and answers are as it says. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkSchema, type Schema } from "../../src/gateway/http/schema.ts";
import { HttpRig } from "./http_rig.ts";

const test = suite("openapi");
let rig: HttpRig;

interface Described {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: { readonly Error: Schema } };
}

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

async function description(): Promise<Description> {
  return (await rig.ask("GET", "/openapi.json")).json as Description;
}

test("it is OpenAPI 3.1", async () => {
  const document = await description();
  const { valid, errors } = await new Validator().validate(document as unknown as Record<string, unknown>);
  assert.ok(valid, JSON.stringify(errors));
  const names = Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  assert.is(new Set(names).size, names.length);
});

test("answers are of the shapes that it says, good and bad", async () => {
  const { paths, components } = await description();
  const json = { "content-type": "application/json" };
  const asked: [method: string, template: string, path: string, options?: { headers?: Record<string, string>; body?: string }][] = [
    ["PUT", "/v1/kv/{key}", "/v1/kv/a", { body: "1" }],
    ["PUT", "/v1/kv/{key}", "/v1/kv/a?if_revision=0", { body: "1" }],
    ["GET", "/v1/kv/{key}", "/v1/kv/none"],
    ["GET", "/v1/kv", "/v1/kv"],
    ["DELETE", "/v1/kv/{key}", "/v1/kv/a"],
    ["POST", "/v1/run", "/v1/run", { headers: json, body: '{"command":["incr","n"]}' }],
    ["POST", "/v1/run", "/v1/run", { headers: json, body: '{"command":["nope"]}' }],
    ["GET", "/v1/operations", "/v1/operations"],
    ["POST", "/v1/sessions", "/v1/sessions"],
    ["GET", "/livez", "/livez"],
    ["GET", "/readyz", "/readyz"],
    ["GET", "/v1/status", "/v1/status"],
    ["GET", "/v1/groups", "/v1/groups"],
    ["GET", "/v1/states", "/v1/states"],
    ["GET", "/v1/events", "/v1/events"],
    ["GET", "/v1/events", "/v1/events?group=none"],
    ["GET", "/v1/members", "/v1/members"],
    ["GET", "/v1/members", "/v1/members?group=none"],
    ["GET", "/v1/watch", "/v1/watch?from=x"],
    ["GET", "/v1/backup", "/v1/backup?group=none"],
    ["GET", "/metrics", "/metrics?x=1"],
    ["GET", "/v1/watch", "/v1/watch?group=none"],
    ["POST", "/v1/members/{id}/demote", "/v1/members/a/demote"],
    ["DELETE", "/v1/members/{id}", "/v1/members/zz"],
    ["POST", "/v1/transfer", "/v1/transfer", { headers: json, body: '{"to":"a"}' }],
    ["POST", "/v1/snapshot", "/v1/snapshot"],
  ];
  for (const [method, template, path, options] of asked) {
    const answer = await rig.ask(method, path, options ?? {});
    const said = paths[template]?.[method.toLowerCase()]?.responses[answer.status];
    const schema = said?.content?.["application/json"]?.schema;
    assert.ok(schema, `${method} ${path} answers ${answer.status}, which is not described`);
    checkSchema(schema.$ref === undefined ? schema : components.schemas.Error, answer.json, `${method} ${path}`);
  }
});

test.run();
