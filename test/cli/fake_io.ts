import { Readable } from "node:stream";
import type { Io } from "../../src/cli/io.ts";

/** An Io that keeps what was printed. */
export interface FakeIo extends Io {
  readonly outText: () => string;
  readonly errText: () => string;
}

/** An Io whose input is `input`, no terminal. */
export function fakeIo(input: string = "", env: Record<string, string> = {}): FakeIo {
  let outText = "";
  let errText = "";
  return {
    env,
    input: Readable.from(input === "" ? [] : [input]),
    inputIsTerminal: false,
    outputIsTerminal: false,
    errorIsTerminal: false,
    out: (text) => {
      outText += `${text}\n`;
    },
    err: (text) => {
      errText += `${text}\n`;
    },
    errRaw: (text) => {
      errText += text;
    },
    outText: () => outText,
    errText: () => errText,
  };
}
