/** Server-sent events as a client of them reads them, with `fetch` of the runtime. */

/** One event. */
export interface Told {
  /** `message` unless it says otherwise. */
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

/** The changes of a watch, and where it goes on. */
export class EventReader implements AsyncDisposable {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder: TextDecoder = new TextDecoder();
  #text = "";
  /** Of the last event that bore one. */
  lastId = "";

  private constructor(response: Response) {
    this.response = response;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  /** @throws whatever fetch throws; Error with the answer if that is no stream of events */
  static async open(url: string, lastEventId: string = "", signal?: AbortSignal): Promise<EventReader> {
    const response = await fetch(url, { headers: lastEventId === "" ? {} : { "last-event-id": lastEventId }, ...(signal === undefined ? {} : { signal }) });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventReader(response);
  }

  /** The next event; null at the end. */
  async next(): Promise<Told | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const event = parsed(this.#text.slice(0, end));
        this.#text = this.#text.slice(end + 2);
        if (event.id !== "") this.lastId = event.id;
        return event;
      }
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** The next that is of `type`. */
  async nextOf(type: string): Promise<Told> {
    for (;;) {
      const event = await this.next();
      if (event === null) throw new Error(`the stream ended without an event "${type}"`);
      if (event.type === type) return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}

function parsed(block: string): Told {
  const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  return { type: fields.get("event") ?? "message", id: fields.get("id") ?? "", data: JSON.parse(fields.get("data") ?? "null") };
}
