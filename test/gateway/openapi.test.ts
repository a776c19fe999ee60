/** The description of the HTTP interface is one, by a validator of its own. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HttpRig } from "./http_rig.ts";

const test = suite("openapi");
let rig: HttpRig;

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
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

test.run();
