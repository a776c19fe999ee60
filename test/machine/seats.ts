import { machineOn, type StreamPlugin, Table, type TablesPiece } from "draft";

const seats: StreamPlugin<TablesPiece> = {
  name: "seats",
  version: 1,
  operations: {
    hold: { kind: "write", args: "WHO SEAT…", summary: "holds all of the seats for a minute, or none" },
    holder: { kind: "read", args: "SEAT" },
    held: { kind: "read", args: "[ROW]", summary: "who holds what, seat by seat" },
  },
  create() {
    const held = new Table<string>();
    return machineOn({ held }, {
      apply([, who, ...wanted], entry) {
        for (const seat of wanted.map(String)) {
          if (held.has(seat)) throw entry.reject(`seat ${seat} is taken`); // and those before it are free again
          held.set(seat, String(who), entry.timeMs + 60_000);
        }
        return wanted.length;
      },
      query: ([operation, text = ""]) =>
        operation === "holder" ? held.get(String(text)) : held.list({ prefix: String(text), limit: 100 }).map(({ key, value }) => [key, value]),
    });
  },
};
export default seats;
