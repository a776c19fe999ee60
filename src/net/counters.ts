/** What the network counts, by name: shown as metrics, and read by tests. */

export type CounterName =
  /** Connections begun, and how those ended that did not come up. */
  | "dialled" | "dialFailed" | "wrongPeer"
  /** A link's connection was lost; control pings that nobody answered. */
  | "lost" | "pingTimeout"
  /** Connections taken in, and why they were closed before they served. */
  | "accepted" | "handshakeTimeout" | "handshakesFull" | "wrongCluster" | "unproved" | "oldProtocol" | "oldBoot" | "refused" | "replaced" | "snapshotsFull"
  /** Questions on a snapshot connection that were refused: it was closed. */
  | "questionsRefused"
  /** Bytes that are no frames or no messages: the connection was closed. */
  | "malformed"
  /** Single messages: of a newer version, of or for somebody else, for want of a link, of room in the queue before it. */
  | "unknownKind" | "wrongSender" | "wrongAddressee" | "dropped" | "queueFull"
  | "messagesIn" | "messagesOut" | "bytesOut";

/** Numbers that only grow. */
export class Counters {
  readonly #values: Map<CounterName, number> = new Map();

  add(name: CounterName, by: number = 1): void {
    this.#values.set(name, this.of(name) + by);
  }

  of(name: CounterName): number {
    return this.#values.get(name) ?? 0;
  }

  /** All that were counted so far. */
  entries(): IterableIterator<[CounterName, number]> {
    return this.#values.entries();
  }
}
