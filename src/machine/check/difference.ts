/** In what two states differ, and whether in their order alone. */
import { decode, encode } from "../../base/codec.ts";
import { type JsonValue, toJsonValue } from "../../base/json_value.ts";
import { textOf } from "./finding.ts";
import type { Look } from "./copy.ts";

/** In what the states differ, as words for an author; null if in nothing that can be seen. */
export function differenceOf(one: Look, other: Look): string | null {
  if (!isSameBytes(one.saved?.pieces ?? [], other.saved?.pieces ?? [])) return "the snapshot";
  if (one.hash !== other.hash) return `hash(), ${one.hash} and ${other.hash}`;
  return one.wakeAt === other.wakeAt ? null : `wakeAt(), ${textOf(one.wakeAt)} and ${textOf(other.wakeAt)}`;
}

/** Whether the snapshots differ, and hold the same in another order. */
export function isReordered(one: Look, other: Look): boolean {
  const [ours = [], theirs = []] = [one, other].map(({ saved }) => saved?.pieces ?? []);
  return !isSameBytes(ours, theirs) && sorted(ours.map(jsonOf)) === sorted(theirs.map(jsonOf));
}

/** Whether the answers are one and the same; errors by code and words. */
export function isSameAnswer(one: unknown, other: unknown): boolean {
  return isSameBytes([bytesOf(one)], [bytesOf(other)]);
}

/** Whether the answers hold the same in another order. */
export function isReorderedAnswer(one: unknown, other: unknown): boolean {
  return sorted(toJsonValue(one)) === sorted(toJsonValue(other));
}

/** An answer as it is at this moment: it may be live state, which the next command changes. */
export function answerNow(answer: unknown): unknown {
  return typeof answer === "object" && answer !== null && !(answer instanceof Error) ? (decode(bytesOf(answer).slice()) as [unknown])[0] : answer;
}

function bytesOf(answer: unknown): Uint8Array {
  if (answer instanceof Error) return encode([answer.name, "code" in answer ? answer.code : null, answer.message]);
  return encode([answer ?? null]);
}

function isSameBytes(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length && one.every((bytes, at) => isEqual(bytes, other[at]));
}

function isEqual(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function jsonOf(piece: Uint8Array): JsonValue {
  return toJsonValue(decode(piece.slice()));
}

/** The value with whatever has an order in one order. */
function sorted(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sorted).sort().join()}]`;
  return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${sorted(each as JsonValue)}`).sort().join()}}`;
}
