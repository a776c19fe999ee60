/** Sends an answer in pieces: each is made when the one before it went out, so nothing of it waits in memory. */
import type { ServerResponse } from "node:http";

/** Behind the head, which went out or is to go with the first piece. Ends once all was handed to the system, or nobody wants it. */
export async function sendPieces(response: ServerResponse, pieces: ReadableStream<Uint8Array>, isFull: (isFull: boolean) => void): Promise<void> {
  const reader = pieces.getReader();
  let goOn = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    response.on("drain", () => goOn());
    response.on("finish", resolve).on("close", () => {
      resolve();
      goOn();
      // Whoever makes the pieces lets go of what they are made of.
      reader.cancel().catch(() => undefined);
    });
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || response.destroyed) break;
      if (response.write(value)) continue;
      isFull(true);
      await new Promise<void>((resolve) => (goOn = resolve));
      isFull(false);
    }
    response.end();
  } catch {
    // In the midst of an answer nothing but its end can tell that it is not whole.
    response.destroy();
  }
  await over;
}
