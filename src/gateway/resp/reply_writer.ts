/**
 * Replies as RESP2 or RESP3, written one behind the other into one buffer, which is taken at the end of the turn. How a
 * value of a machine is shown is said once, here:
 *
 * ```text
 *                        RESP2                  RESP3
 * bytes, text            $… (OK: +OK)           the same
 * integer                :… beyond 64 bits $…   :…            beyond 64 bits (…
 * float, boolean         $…, :1 :0              ,… #t #f
 * null, undefined        $-1                    _
 * list, set              *…                     the same
 * object, map            *… key, value, …       %…
 * ```
 */
import { entriesOf, toJsonValue } from "../../base/json_value.ts";

/** Which of the two a client speaks. */
export type Protocol = 2 | 3;

const FIRST_BYTES = 1024;

/** Room is made in advance for a turn like the last one, up to here: a turn of large replies makes its own. */
const ADVANCE_BYTES_MAX = 1024 * 1024;

/** Texts up to this length are written by hand, if they are ASCII. */
const SHORT_TEXT_MAX = 64;

const INTEGER_MIN: bigint = -(2n ** 63n);
const INTEGER_MAX: bigint = 2n ** 63n - 1n;

const CR = 0x0d;
const LF = 0x0a;
const encoder = new TextEncoder();

/** Collects replies. */
export class ReplyWriter {
  protocol: Protocol = 2;
  #bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #end = 0;

  /** Bytes of the replies since they were taken. */
  get length(): number {
    return this.#end;
  }

  /** The replies since the last call, or null; they are never written again. */
  take(): Uint8Array | null {
    if (this.#end === 0) return null;
    const taken = this.#bytes.subarray(0, this.#end);
    const rest = this.#bytes.subarray(this.#end);
    const advance = Math.min(4 * this.#end, ADVANCE_BYTES_MAX);
    // The rest of a buffer serves the next turn; a small rest would only have to grow.
    this.#bytes = rest.length >= Math.min(this.#end, advance) && rest.length >= FIRST_BYTES / 4 ? rest : new Uint8Array(Math.max(FIRST_BYTES, advance));
    this.#end = 0;
    return taken;
  }

  /** Back to where `length` was: what was written since is no reply after all. */
  truncate(length: number): void {
    this.#end = length;
  }

  /** `+text`. */
  simple(text: string): void {
    this.#line("+", text);
  }

  /** `-text`: its first word is the code. */
  error(text: string): void {
    this.#line("-", text.replace(/[\r\n]+/g, " "));
  }

  integer(value: number | bigint): void {
    this.#line(":", String(value));
  }

  null(): void {
    if (this.protocol === 3) this.#line("_", "");
    else this.#line("$", "-1");
  }

  /** What EXEC answers when a watched key changed. */
  nullArray(): void {
    if (this.protocol === 3) this.#line("_", "");
    else this.#line("*", "-1");
  }

  bulk(value: string | Uint8Array): void {
    if (typeof value === "string" && value.length <= SHORT_TEXT_MAX && this.#shortText(value)) return;
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    this.#line("$", String(bytes.length));
    this.#reserve(bytes.length + 2);
    this.#copy(bytes);
    this.#endLine();
  }

  /** The head of a list of `count` items, which follow. */
  array(count: number): void {
    this.#line("*", String(count));
  }

  /** The head of `count` pairs of key and value. */
  map(count: number): void {
    if (this.protocol === 3) this.#line("%", String(count));
    else this.#line("*", String(2 * count));
  }

  /** The head of `count` items that nobody asked for; RESP3 alone has them. */
  push(count: number): void {
    this.#line(">", String(count));
  }

  /** A value of a machine. */
  value(value: unknown): void {
    if (typeof value === "string") return value === "OK" ? this.simple(value) : this.bulk(value);
    if (typeof value === "number") return this.#number(value);
    if (typeof value === "bigint") return this.#whole(value);
    if (typeof value === "boolean") return this.#boolean(value);
    if (value === null || typeof value !== "object") return this.null();
    this.#object(value);
  }

  #object(value: object): void {
    if (value instanceof Uint8Array) return this.bulk(value);
    if (value instanceof Date) return this.bulk(String(toJsonValue(value)));
    if (Array.isArray(value) || value instanceof Set) {
      const items = [...value];
      this.array(items.length);
      for (const item of items) this.value(item);
      return;
    }
    const entries = entriesOf(value);
    this.map(entries.length);
    for (const [key, item] of entries) {
      this.bulk(key);
      this.value(item);
    }
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || Object.is(value, -0)) this.#float(value);
    else if (Number.isSafeInteger(value)) this.integer(value);
    else this.#whole(BigInt(value));
  }

  #whole(value: bigint): void {
    if (value >= INTEGER_MIN && value <= INTEGER_MAX) this.integer(value);
    else if (this.protocol === 3) this.#line("(", String(value));
    else this.bulk(String(value));
  }

  #float(value: number): void {
    const text = Object.is(value, -0) ? "-0" : Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (this.protocol === 3) this.#line(",", text);
    else this.bulk(text);
  }

  #boolean(value: boolean): void {
    if (this.protocol === 3) this.#line("#", value ? "t" : "f");
    else this.integer(value ? 1 : 0);
  }

  #line(kind: string, text: string): void {
    const utf8BytesMax = 3 * text.length;
    this.#reserve(utf8BytesMax + 3);
    this.#bytes[this.#end] = kind.charCodeAt(0);
    this.#end += 1;
    if (!this.#ascii(text)) this.#copy(encoder.encode(text));
    this.#endLine();
  }

  /** Writes a bulk string whose text is ASCII; false, and nothing is written, if it is not. */
  #shortText(text: string): boolean {
    const from = this.#end;
    this.#line("$", String(text.length));
    this.#reserve(text.length + 2);
    if (!this.#ascii(text)) {
      this.#end = from;
      return false;
    }
    this.#endLine();
    return true;
  }

  /** Writes text for which room was made; false, and nothing is written, if it is not all ASCII. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const from = this.#end;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[from + i] = unit;
    }
    this.#end = from + text.length;
    return true;
  }

  /** Copies bytes for which room was made. */
  #copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #endLine(): void {
    this.#bytes[this.#end] = CR;
    this.#bytes[this.#end + 1] = LF;
    this.#end += 2;
  }

  #reserve(count: number): void {
    const needed = this.#end + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}
