/**
 * The fields of a form, from what an operation says of its arguments, for people: `K V [EX s|PX ms] [GET]`. Words that
 * must be there get a field each, and so do optional ones as long as each is one word; what follows is typed as in a
 * prompt. Pure.
 */
import { splitWords, type Word } from "../base/quoting.ts";

/** One field. */
export interface Field {
  /** As the operation calls it; a literal word that must stand there for `literal`. */
  readonly name: string;
  /** `one` value; `many`: one a line; `line`: words as in a prompt; `literal`: nothing to fill in. */
  readonly kind: "one" | "many" | "line" | "literal";
  readonly required: boolean;
}

/** What a field is filled with. */
export type Values = Readonly<Record<string, string>>;

/** The name of the field for all that is typed as in a prompt. */
export const OPTIONS: string = "options";

/** The fields of `args`. */
export function fieldsOf(args: string): Field[] {
  const pieces = topLevel(args);
  const fields: Field[] = [];
  for (const [at, piece] of pieces.entries()) {
    const field = piece.startsWith("[") ? optionalField(piece) : requiredField(piece, pieces[at + 1]);
    if (field === null) return [...fields, { name: OPTIONS, kind: "line", required: false }];
    fields.push(named(field, fields));
  }
  return fields;
}

/** The hint for the field {@link OPTIONS}: what is not covered by the others. */
export function optionsHint(args: string): string {
  const pieces = topLevel(args);
  return pieces.slice(fieldsOf(args).filter(({ kind }) => kind !== "line").length).join(" ");
}

/**
 * The arguments that the filled form stands for.
 *
 * @throws RangeError that names the field that has to be filled in; DraftError BAD_REQUEST if quotes are not closed
 */
export function argumentsOf(fields: readonly Field[], values: Values): Word[] {
  const words: Word[] = [];
  let leftOut = "";
  for (const { name, kind, required } of fields) {
    const value = values[name] ?? "";
    const isEmpty = kind === "many" ? value.trim() === "" : value === "";
    if (kind === "literal") words.push(name);
    else if (isEmpty && required && kind === "many") throw new RangeError(`${name} has to be filled in`);
    else if (isEmpty && !required) leftOut ||= kind === "line" ? "" : name;
    else if (leftOut !== "") throw new RangeError(`${leftOut} has to be filled in if ${name} is`);
    else if (kind === "one") words.push(value);
    else words.push(...(kind === "line" ? splitWords(value) : value.split("\n").filter((line) => line !== "")));
  }
  return words;
}

/** Words and brackets that stand side by side; what stands in brackets stays together. */
function topLevel(args: string): string[] {
  const pieces: string[] = [];
  let open = 0;
  let piece = "";
  for (const character of args) {
    if (character === "[") open += 1;
    if (character === "]") open -= 1;
    if (character === " " && open === 0) {
      if (piece !== "") pieces.push(piece);
      piece = "";
    } else piece += character;
  }
  return piece === "" ? pieces : [...pieces, piece];
}

function requiredField(piece: string, next: string | undefined): Field | null {
  if (piece.endsWith("…")) return { name: piece.slice(0, -1), kind: "many", required: true };
  if (!/^\w+$/.test(piece)) return null;
  // `IFEQ v`: a word in capitals before one in small letters is to be typed as it is.
  const isLiteral = /^[A-Z]{2,}$/.test(piece) && next !== undefined && /^[a-z]+$/.test(next);
  return { name: piece, kind: isLiteral ? "literal" : "one", required: true };
}

function optionalField(piece: string): Field | null {
  const found = /^\[(\w+)(…?)\]$/.exec(piece);
  const [, name = "", many = ""] = found ?? [];
  return found === null ? null : { name, kind: many === "" ? "one" : "many", required: false };
}

/** Two fields of one name would fill each other. */
function named(field: Field, before: readonly Field[]): Field {
  const same = before.filter(({ name }) => name === field.name || name.startsWith(`${field.name} `)).length;
  return same === 0 ? field : { ...field, name: `${field.name} ${same + 1}` };
}
