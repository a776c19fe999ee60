/**
 * Words of a line, quoted as in redis-cli: `"…"` with `\n \r \t \b \a \\ \" \xHH`, `'…'` where only `\'` is special.
 * A word is text, or bytes where `\xHH` made something that is no UTF-8.
 */
import { DraftError } from "./errors.ts";
import { utf8OrNull } from "./json_value.ts";

/** One word as it was typed. */
export type Word = string | Uint8Array;

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };
const SHOWN: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\x07": "\\a",
  '"': '\\"',
  "\\": "\\\\",
};

/**
 * The words of `line`.
 *
 * @throws DraftError BAD_REQUEST if a quote is not closed, or something stands right behind a closing quote
 */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at])) at += 1;
    if (at >= line.length) return words;
    const word = readWord(line, at);
    words.push(word.value);
    at = word.end;
  }
}

/** Pieces of a word so far: text, and bytes of `\xHH`. */
class WordBuilder {
  readonly #bytes: number[] = [];
  #text = "";

  text(piece: string): void {
    this.#text += piece;
  }

  byte(value: number): void {
    this.#flush();
    this.#bytes.push(value);
  }

  value(): Word {
    if (this.#bytes.length === 0) return this.#text;
    this.#flush();
    const bytes = Uint8Array.from(this.#bytes);
    return utf8OrNull(bytes) ?? bytes;
  }

  #flush(): void {
    for (const byte of new TextEncoder().encode(this.#text)) this.#bytes.push(byte);
    this.#text = "";
  }
}

function readWord(line: string, from: number): { value: Word; end: number } {
  const word = new WordBuilder();
  let at = from;
  while (at < line.length && !isBlank(line[at])) {
    const quote = line[at];
    if (quote === '"' || quote === "'") {
      at = quote === '"' ? readDouble(line, at + 1, word) : readSingle(line, at + 1, word);
      if (at < line.length && !isBlank(line[at])) throw unbalanced(line);
    } else {
      word.text(line[at] as string);
      at += 1;
    }
  }
  return { value: word.value(), end: at };
}

function readDouble(line: string, from: number, word: WordBuilder): number {
  let at = from;
  while (at < line.length) {
    const char = line[at] as string;
    if (char === '"') return at + 1;
    const next = line[at + 1];
    if (char !== "\\" || next === undefined) {
      word.text(char);
      at += 1;
      continue;
    }
    const hex = next === "x" ? line.slice(at + 2, at + 4) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      word.byte(Number.parseInt(hex, 16));
      at += 4;
    } else {
      word.text(ESCAPES[next] ?? next);
      at += 2;
    }
  }
  throw unbalanced(line);
}

function readSingle(line: string, from: number, word: WordBuilder): number {
  let at = from;
  while (at < line.length) {
    const char = line[at] as string;
    if (char === "'") return at + 1;
    const escaped = char === "\\" && line[at + 1] === "'";
    word.text(escaped ? "'" : char);
    at += escaped ? 2 : 1;
  }
  throw unbalanced(line);
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t" || char === "\n" || char === "\r" || char === "\0" || char === "\f" || char === "\v";
}

function unbalanced(line: string): DraftError {
  return new DraftError("BAD_REQUEST", `quotes in ${quoted(line)} do not balance: close each, and put a blank behind it`);
}

/** `value` in double quotes, as it could be typed again: what cannot be seen is escaped. */
export function quoted(value: Word): string {
  const text = typeof value === "string" ? value : utf8OrNull(value);
  if (text === null) return `"${[...(value as Uint8Array)].map(shownByte).join("")}"`;
  return `"${text.replace(/["\\]|\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, (char) => SHOWN[char] ?? hexOfText(char))}"`;
}

function shownByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return SHOWN[char] ?? (byte >= 0x20 && byte < 0x7f ? char : hexOf(byte));
}

function hexOfText(text: string): string {
  return [...new TextEncoder().encode(text)].map(hexOf).join("");
}

function hexOf(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
