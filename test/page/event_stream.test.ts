import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EventStream, type StreamEvent } from "../../src/page/event_stream.ts";

const test = suite("event stream");
const TEXT = 'event: progress\nid: 7.0\ndata: {"index":7}\n\nid: 8.1\ndata: {"key":"ä: b","value":"x"}\n\ndata: \n\n';
const EVENTS: readonly StreamEvent[] = [
  { name: "progress", id: "7.0", data: '{"index":7}' },
  { name: "", id: "8.1", data: '{"key":"ä: b","value":"x"}' },
  { name: "", id: "", data: "" },
];

test("events are the same wherever the pieces are cut, within a character too", () => {
  const bytes = new TextEncoder().encode(TEXT);
  for (let size = 1; size <= bytes.length; size++) {
    const stream = new EventStream();
    const events: StreamEvent[] = [];
    for (let from = 0; from < bytes.length; from += size) events.push(...stream.take(bytes.subarray(from, from + size)));
    assert.equal(events, EVENTS, `pieces of ${size} bytes`);
  }
});

test("an event that has not ended is not told", () => {
  const stream = new EventStream();
  assert.equal(stream.take(new TextEncoder().encode("data: 1\n")), []);
  assert.equal(stream.take(new TextEncoder().encode("\n")), [{ name: "", id: "", data: "1" }]);
});

test.run();
