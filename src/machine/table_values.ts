/**
 * What a table may hold. A value is kept as it is, not copied, so it must not change behind the table's back: rollback,
 * snapshots and the hash all count on that. And it must come back from a snapshot as what it was, or a restored replica
 * would behave unlike the others.
 */

/**
 * Freezes `value` and all within it that can be frozen, and gives it back. Bytes, Maps, Sets and Dates cannot be:
 * whoever changes those after they were set changes one replica.
 *
 * @param value without circles: those the digest refuses
 * @throws TypeError if the value would come back from a snapshot as something else
 */
export function frozen<V>(value: V): V {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "object":
      if (value !== null) freezeObject(value);
      return value;
    case "bigint":
      // CBOR has one kind of integer: a small bigint comes back as a number.
      throw new TypeError("a table holds no bigint: use a number or text");
    default:
      throw new TypeError(`a table holds no ${typeof value}`);
  }
}

/** A copy of `value` that shares nothing with it: bytes in a restored piece may be views of a buffer used again. */
export function copied<V>(value: V): V {
  return typeof value === "object" && value !== null ? copyObject(value) as V : value;
}

/** About how many bytes `value` takes in a snapshot. */
export function weightOf(value: unknown): number {
  if (typeof value === "string") return value.length + 5;
  if (typeof value !== "object" || value === null) return 9;
  if (ArrayBuffer.isView(value)) return value.byteLength + 5;
  let weight = 5;
  if (Array.isArray(value) || value instanceof Set) for (const item of value) weight += weightOf(item);
  else if (value instanceof Map) for (const [key, item] of value) weight += weightOf(key) + weightOf(item);
  else for (const key of Object.keys(value)) weight += key.length + 5 + weightOf((value as Record<string, unknown>)[key]);
  return weight;
}

/** @throws TypeError if `key` is none that a table has */
export function checkKey(key: string): void {
  if (typeof key !== "string") throw new TypeError(`a table's key is text, not a ${typeof key}`);
  // UTF-8 has no lone surrogates: two keys could come back as one.
  if (!key.isWellFormed()) throw new TypeError("a table's key is well-formed text: it has a lone surrogate");
}

/** `count`. @throws RangeError if it is no whole number from 0 to `max` */
export function checkCount(name: string, count: number, max: number): number {
  if (Number.isSafeInteger(count) && count >= 0 && count <= max) return count;
  throw new RangeError(`${name} is ${count}: must be a whole number from 0 to ${max}`);
}

/** @throws RangeError if `expiresAtMs` is no moment of log time, nor 0 */
export function checkMoment(expiresAtMs: number): void {
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0) {
    throw new RangeError(`a key expires at a whole number of milliseconds, not ${expiresAtMs}`);
  }
}

function freezeObject(value: object): void {
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) freezeWithin(value[at]);
    Object.freeze(value);
  } else if (isPlain(value)) {
    for (const key of Object.keys(value)) freezeWithin((value as Record<string, unknown>)[key]);
    Object.freeze(value);
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      freezeWithin(key);
      freezeWithin(item);
    }
  } else if (value instanceof Set) {
    for (const item of value) freezeWithin(item);
  } else if (!(value instanceof Uint8Array) && !(value instanceof Date)) {
    throw new TypeError("a table holds plain objects, arrays, Uint8Array, Map, Set and Date, no object of another class");
  }
}

function freezeWithin(value: unknown): void {
  if (value !== undefined) frozen(value);
}

function copyObject(value: object): object {
  if (Array.isArray(value)) return (value as unknown[]).map(copied);
  // Not slice(): that of a Buffer is a view.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [copied(key), copied(item)]));
  if (value instanceof Set) return new Set([...value].map(copied));
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) define(copy, key, copied((value as Record<string, unknown>)[key]));
  return copy;
}

/** As `copy[key] = value`, for `__proto__` too. */
function define(copy: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  else copy[key] = value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
