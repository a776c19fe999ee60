/**
 * The part of JSON Schema that describes what goes through the HTTP door. One description checks requests, and stands in
 * `openapi.json` for those who write them.
 */
import { DraftError } from "../../base/errors.ts";
import type { JsonValue } from "../../base/json_value.ts";

type TypeName = "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";

/** What a value may be. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: TypeName | readonly TypeName[];
  readonly description?: string;
  readonly enum?: readonly JsonValue[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: JsonValue;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

/** An object of these fields and no others; all of them must be there but those named in `optional`. */
export function objectOf(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}), additionalProperties: false };
}

/**
 * Checks `value`, which was parsed from JSON and is called `name`.
 *
 * @throws DraftError BAD_REQUEST that names the place and what should be there
 */
export function checkSchema(schema: Schema, value: unknown, name: string): void {
  const types: readonly TypeName[] = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOfType(type, value))) throw wrong(name, `must be of type ${types.join(" or ")}`);
  if (schema.enum !== undefined && !schema.enum.includes(value as JsonValue)) throw wrong(name, `must be one of ${schema.enum.join(", ")}`);
  if (typeof value === "number") checkNumber(schema, value, name);
  else if (typeof value === "string") checkText(schema, value, name);
  else if (Array.isArray(value)) checkItems(schema, value, name);
  else if (isRecord(value)) checkFields(schema, value, name);
}

function checkNumber({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema, value: number, name: string): void {
  if (value < minimum || value > maximum) throw wrong(name, `must be from ${minimum} to ${maximum}`);
}

function checkText({ pattern, maxLength }: Schema, value: string, name: string): void {
  if (maxLength !== undefined && value.length > maxLength) throw wrong(name, `must have ${maxLength} characters at most`);
  if (pattern !== undefined && !new RegExp(pattern, "u").test(value)) throw wrong(name, `must match ${pattern}`);
}

function checkItems({ items, minItems = 0, maxItems = Number.MAX_SAFE_INTEGER }: Schema, value: readonly unknown[], name: string): void {
  if (value.length < minItems || value.length > maxItems) throw wrong(name, `must have ${minItems} items at least${maxItems < Number.MAX_SAFE_INTEGER ? `, ${maxItems} at most` : ""}`);
  if (items !== undefined) for (const [at, item] of value.entries()) checkSchema(items, item, `${name}[${at}]`);
}

function checkFields({ properties = {}, required = [], additionalProperties = true }: Schema, value: Record<string, unknown>, name: string): void {
  for (const field of required) if (!Object.hasOwn(value, field)) throw wrong(name, `lacks "${field}"`);
  for (const [field, item] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, field) ? properties[field] : undefined;
    if (schema !== undefined) checkSchema(schema, item, `${name}.${field}`);
    else if (!additionalProperties) throw wrong(name, `has no field "${field.slice(0, 64)}": it knows ${Object.keys(properties).join(", ")}`);
  }
}

function isOfType(type: TypeName, value: unknown): boolean {
  switch (type) {
    case "object": return isRecord(value);
    case "array": return Array.isArray(value);
    case "integer": return Number.isSafeInteger(value);
    case "null": return value === null;
    default: return typeof value === type;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(name: string, what: string): DraftError {
  return new DraftError("BAD_REQUEST", `${name} ${what}`);
}
