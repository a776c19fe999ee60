/**
 * What stands in a request's address: percent-decoded once, to bytes. A parameter that a route does not know is refused,
 * for a condition that is misspelt and left out unseen would be a write without it.
 */
import { concatBytes } from "../../base/bytes.ts";
import { DraftError } from "../../base/errors.ts";
import { utf8OrNull } from "../../base/json_value.ts";
import { checkSchema, type Schema } from "./schema.ts";

/** A parameter that a route knows. */
export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

/** The parameters of one request. */
export class Parameters {
  readonly #values: ReadonlyMap<string, Uint8Array>;

  /**
   * @param query what stands behind `?`
   * @throws DraftError BAD_REQUEST for a parameter that is unknown, given twice, or not what its schema says
   */
  constructor(query: string, known: readonly Parameter[]) {
    const values = new Map<string, Uint8Array>();
    for (const pair of query.split("&")) {
      if (pair === "") continue;
      const at = pair.indexOf("=");
      const name = textIn(unescaped(at < 0 ? pair : pair.slice(0, at), "+"));
      const parameter = known.find((each) => each.name === name);
      if (parameter === undefined) throw new DraftError("BAD_REQUEST", `no parameter is called "${name.slice(0, 64)}" here: ${knownNames(known)}`);
      if (values.has(name)) throw new DraftError("BAD_REQUEST", `parameter ${name} is given twice`);
      const value = unescaped(at < 0 ? "" : pair.slice(at + 1), "+");
      check(parameter, value);
      values.set(name, value);
    }
    this.#values = values;
  }

  /** The value, as text where it is UTF-8, else as bytes; null if it is not given. */
  value(name: string): string | Uint8Array | null {
    const value = this.#values.get(name);
    return value === undefined ? null : utf8OrNull(value) ?? value;
  }

  /** The value as text; null if it is not given. */
  text(name: string): string | null {
    const value = this.#values.get(name);
    return value === undefined ? null : textIn(value);
  }

  /** The value as a whole number; null if it is not given. */
  whole(name: string): number | null {
    const text = this.text(name);
    return text === null ? null : Number(text);
  }
}

/**
 * `text` with `%HH` as the bytes that they stand for. In a query `+` stands for a space.
 *
 * @throws DraftError BAD_REQUEST if a `%` is followed by something else
 */
export function unescaped(text: string, spaces: "+" | "" = ""): Uint8Array {
  const encoder = new TextEncoder();
  const spaced = spaces === "" ? text : text.replaceAll(spaces, " ");
  if (!spaced.includes("%")) return encoder.encode(spaced);
  const parts = spaced.split("%").map((part, at) => {
    if (at === 0) return encoder.encode(part);
    if (!/^[0-9a-fA-F]{2}/.test(part)) throw new DraftError("BAD_REQUEST", `"%${part.slice(0, 2)}" in the address: a % is written %25`);
    return concatBytes([Uint8Array.of(Number.parseInt(part.slice(0, 2), 16)), encoder.encode(part.slice(2))]);
  });
  return concatBytes(parts);
}

function textIn(bytes: Uint8Array): string {
  const text = utf8OrNull(bytes);
  if (text === null) throw new DraftError("BAD_REQUEST", "a parameter in the address is not UTF-8");
  return text;
}

function check({ name, schema }: Parameter, value: Uint8Array): void {
  if (schema.type === "integer") {
    const text = textIn(value);
    checkSchema(schema, /^-?\d{1,16}$/.test(text) ? Number(text) : text, `parameter ${name}`);
  } else if (schema.enum !== undefined || schema.pattern !== undefined) checkSchema(schema, textIn(value), `parameter ${name}`);
}

function knownNames(known: readonly Parameter[]): string {
  return known.length === 0 ? "it takes none" : `it takes ${known.map(({ name }) => name).join(", ")}`;
}
