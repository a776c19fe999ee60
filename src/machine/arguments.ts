/**
 * Typed arguments of operations, for `defineMachine`: each says how it is called, which values it takes, and what a
 * text in its place means, since prompts and RESP send nothing but text. Plain objects: a plugin may bring those of
 * another copy of the library.
 */
import { utf8OrNull } from "../base/json_value.ts";
import { parseJson } from "./json_argument.ts";
import type { Json } from "./json_argument.ts";

/**
 * One argument of an operation.
 *
 * @typeParam T what the operation gets
 */
export interface Argument<T> {
  /** As it is called in usages: `body` is shown as `BODY`. */
  readonly name: string;
  /** Whether it may be left out, and whether it takes all that follow. */
  readonly occurs: "once" | "optional" | "rest";
  /** The kind in words: "a whole number". */
  readonly wanted: string;
  /** `value` as the operation gets it, or undefined if it is none of this kind. */
  read(value: unknown): T | undefined;
  /** A value for the simulator to try, of few, so that commands meet; `random` gives numbers in [0, 1). */
  generate(random: () => number): T;
}

/** An argument that may be left out. */
export interface OptionalArgument<T> extends Argument<T> {
  readonly occurs: "optional";
}

/** The last argument, which takes all that follow, none included. */
export interface RestArgument<T> extends Argument<T> {
  readonly occurs: "rest";
}

/** An argument that must be given. */
export interface RequiredArgument<T> extends Argument<T> {
  readonly occurs: "once";
}

/** Any argument, whatever it holds. */
// oxlint-disable-next-line typescript/no-explicit-any -- what it holds is for Values to tell
export type AnyArgument = RequiredArgument<any> | OptionalArgument<any> | RestArgument<any>;

/** What a caller gives for these arguments, and what an operation's `run` gets. */
export type Values<A extends readonly AnyArgument[]> = A extends readonly [infer First, ...infer Others extends readonly AnyArgument[]]
  ? First extends RestArgument<infer T> ? T[]
    : First extends OptionalArgument<infer T> ? [value?: T | undefined, ...others: Values<Others>]
    : First extends RequiredArgument<infer T> ? [value: T, ...others: Values<Others>]
    : never
  : [];

/** A text. Bytes are read as UTF-8. */
export function text(name: string): RequiredArgument<string> {
  return required(name, "a text", textOf, (random) => `v${below(random, 8)}`);
}

/** A whole number that JavaScript holds exactly. */
export function int(name: string): RequiredArgument<number> {
  return required(name, "a whole number", intOf, (random) => below(random, 8));
}

/** A number with a fraction; neither NaN nor infinite. */
export function float(name: string): RequiredArgument<number> {
  return required(name, "a number", floatOf, (random) => below(random, 32) / 4);
}

/** True or false; as text also 1 or 0. */
export function bool(name: string): RequiredArgument<boolean> {
  return required(name, "true or false", boolOf, (random) => random() < 0.5);
}

/** Bytes. A text stands for its UTF-8. */
export function bytes(name: string): RequiredArgument<Uint8Array> {
  return required(name, "bytes or a text", bytesOf, (random) => Uint8Array.of(below(random, 256), below(random, 256)));
}

/**
 * A value of JSON: a text is parsed. That a bare text as the value is refused (`text` is for those, and a list may hold
 * them) keeps one meaning for whatever is sent, by a prompt or by a program.
 *
 * @typeParam T what the author holds it to be; only that it is JSON is checked
 */
export function json<T extends Json = Json>(name: string): RequiredArgument<T> {
  const read = (value: unknown): T | undefined => parseJson(value) as T | undefined;
  return required(name, "JSON other than a bare text", read, (random) => ({ n: below(random, 8) }) as unknown as T);
}

/** `argument`, which may be left out; null counts as left out too. Only optional ones and a rest may follow. */
export function optional<T>(argument: RequiredArgument<T>): OptionalArgument<T> {
  return { ...argument, occurs: "optional" };
}

/** Any number of `argument`, at the end. */
export function rest<T>(argument: RequiredArgument<T>): RestArgument<T> {
  return { ...argument, occurs: "rest" };
}

/**
 * `argument`, of which only those values will do for which `holds` is true. What will not is refused before the log.
 *
 * @param wanted what will do, in words: "a whole number from 1 to 100"
 * @example `where(int("count"), "a whole number from 1 to 100", (count) => count >= 1 && count <= 100)`
 */
export function where<T>(argument: RequiredArgument<T>, wanted: string, holds: (value: T) => boolean): RequiredArgument<T> {
  const read = (value: unknown): T | undefined => {
    const given = argument.read(value);
    return given === undefined || holds(given) ? given : undefined;
  };
  return { ...argument, wanted, read, generate: (random) => drawn(argument, random, holds) };
}

/** How often a value is drawn before one is taken that will not do: few that hold are few. */
const DRAWS_MAX = 100;

function drawn<T>(argument: RequiredArgument<T>, random: () => number, holds: (value: T) => boolean): T {
  let value = argument.generate(random);
  for (let draws = 1; draws < DRAWS_MAX && !holds(value); draws++) value = argument.generate(random);
  return value;
}

type Read<T> = (value: unknown) => T | undefined;
type Generate<T> = (random: () => number) => T;

function required<T>(name: string, wanted: string, read: Read<T>, generate: Generate<T>): RequiredArgument<T> {
  return { name, occurs: "once", wanted, read, generate };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? utf8OrNull(value) ?? undefined : undefined;
}

function intOf(value: unknown): number | undefined {
  const given = numberOf(value, /^[+-]?\d+$/);
  // No minus zero: it is written like zero, and would not be equal to it everywhere.
  return Number.isSafeInteger(given) ? given + 0 : undefined;
}

function floatOf(value: unknown): number | undefined {
  const given = numberOf(value, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i);
  return Number.isFinite(given) ? given + 0 : undefined;
}

/** The number that `value` is, or says in the form `pattern`; NaN if none. */
function numberOf(value: unknown, pattern: RegExp): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  const said = textOf(value);
  return said !== undefined && pattern.test(said) ? Number(said) : Number.NaN;
}

function boolOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const said = textOf(value);
  if (said === "true" || said === "1" || value === 1) return true;
  return said === "false" || said === "0" || value === 0 ? false : undefined;
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === "string" ? new TextEncoder().encode(value) : undefined;
}

function below(random: () => number, end: number): number {
  return Math.floor(random() * end);
}
