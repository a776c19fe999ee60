/**
 * Input that is not a terminal, line by line.
 */
import type { Readable } from "node:stream";

/** A line that is longer is refused: nobody types it, and a file without line breaks must not fill the memory. */
const LINE_CHARACTERS_MAX = 64 * 1024 * 1024;

/** The lines of `input`, without their ends; the last one may have none. */
export async function* linesOf(input: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of input as AsyncIterable<Uint8Array | string>) {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.replace(/\r$/, "");
    if (rest.length > LINE_CHARACTERS_MAX) throw new RangeError(`a line of the input has more than ${LINE_CHARACTERS_MAX} characters`);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
