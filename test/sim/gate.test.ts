import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Socket, SocketHandlers } from "../../src/host/host.ts";
import { Gate } from "../../src/sim/gate.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimNet } from "../../src/sim/sim_net.ts";

/** Handlers that note under `name` what they hear. */
function listener(name: string, heard: string[], more: Partial<SocketHandlers> = {}): SocketHandlers {
  return {
    data: (bytes) => heard.push(`${name} ${bytes.join()}`),
    drained: () => undefined,
    closed: () => heard.push(`${name} closed`),
    ...more,
  };
}

test("what waited while a process was paused is heard by whoever listens by then, as on a real socket", () => {
  const scheduler = new Scheduler();
  const net = new SimNet(scheduler);
  const accepted: Socket[] = [];
  net.host("b").listen({ host: "b", port: 7 }, (socket) => accepted.push(socket), () => undefined);
  scheduler.runUntil(1);
  const gate = new Gate();
  const heard: string[] = [];
  gate.net(net.host("a")).dial({ host: "b", port: 7 }, 1000, (...[error, socket]) => {
    if (error !== null) throw error;
    const opening = listener("opening", heard, {
      data: () => {
        heard.push("opening: answered");
        socket.open(listener("serving", heard));
      },
    });
    socket.open(opening);
  });
  scheduler.runUntil(100);
  gate.shut();
  const far = accepted[0] as Socket;
  far.open(listener("far", []));
  far.write([Uint8Array.of(1)]);
  scheduler.runUntil(200);
  far.write([Uint8Array.of(2)]);
  far.end();
  scheduler.runUntil(1000);
  assert.equal(heard, []);
  gate.release();
  scheduler.runUntil(2000);
  assert.equal(heard, ["opening: answered", "serving 2", "serving closed"]);
});

test.run();
