/** Database files in pieces, out of one node and into another. */
import * as fs from "node:fs";

const PIECE_BYTES = 256 * 1024;

/** The file as it is, while it stands still; `ended` hears when nothing more of it is wanted. */
export function piecesOf(path: string, ended: () => void): AsyncIterator<Uint8Array, void> {
  const over: IteratorResult<Uint8Array, void> = { done: true, value: undefined };
  const opening = fs.promises.open(path, "r");
  let at = 0;
  let closing: Promise<void> | null = null;
  const close = async (): Promise<IteratorResult<Uint8Array, void>> => {
    if (closing === null) ended();
    closing ??= opening.then((file) => file.close());
    await closing;
    return over;
  };
  return {
    async next() {
      const file = await opening;
      // It may have been ended while a piece was on its way.
      if (closing !== null) return over;
      const piece = new Uint8Array(PIECE_BYTES);
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, at);
      if (bytesRead === 0) return close();
      at += bytesRead;
      return { done: false, value: piece.subarray(0, bytesRead) };
    },
    return: close,
  };
}

/** Writes a file of the pieces; durable when this ends. */
export async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await fs.promises.open(path, "w", 0o600);
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) at += (await file.write(piece, at, piece.length - at)).bytesWritten;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}
