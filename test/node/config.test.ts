import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type NodeConfig, parseNodeConfig } from "../../src/node/config.ts";

const test = suite("config");

function parse(flags: Readonly<Record<string, string | true>>): NodeConfig {
  const texts = new Map(Object.entries(flags).map(([name, value]) => [name, String(value)]));
  return parseNodeConfig({
    text: (name) => texts.get(name),
    all: (name) => texts.get(name)?.split(",") ?? [],
    has: (name) => texts.has(name),
  });
}

test("parseNodeConfig() fills in the defaults", () => {
  assert.equal(parse({ id: "a" }), {
    id: "a", data: "./draft-data/a", listen: { host: "127.0.0.1", port: 7100 }, advertise: null, bootstrap: false,
    initial: [], join: [], autoRejoin: false, peerSecretFile: null, authFile: null, machines: ["kv"], priority: 0, heartbeatMs: 60, electionMinMs: 300, electionMaxMs: 600, snapshotBytes: 134217728, snapshotEntries: 1000000,
    retainBytes: 67108864, segmentBytes: 67108864,
    valueBytesMax: 8388608, frameBytesMax: 16777216, queueBytesMax: 268435456, scrubBytesPerSecond: 4194304, logLevel: "info", logFormat: null,
    traceFile: null, healthListen: null, tls: null,
  });
});

test("parseNodeConfig() takes the id from the directory if only that is named", () => {
  assert.equal([parse({ data: "d" }).id, parse({ data: "d" }).data], [null, "d"]);
});

test("parseNodeConfig() advertises the own entry of --initial, else what is said", () => {
  const initial = "a@h:1,b@h:2";
  assert.is(parse({ id: "b", initial }).advertise, "h:2");
  assert.is(parse({ id: "b", initial, advertise: "x:9" }).advertise, "x:9");
  assert.is(parse({ id: "b", listen: "0.0.0.0:1", insecure: true, advertise: "x:9" }).advertise, "x:9");
});

test("parseNodeConfig() reads sizes with and without a unit", () => {
  assert.is(parse({ id: "a", "segment-bytes": "1048576" }).segmentBytes, 1048576);
  assert.is(parse({ id: "a", "segment-bytes": "2MiB" }).segmentBytes, 2097152);
});

const REFUSED: readonly (readonly [Readonly<Record<string, string | true>>, string])[] = [
  [{}, "neither --id nor --data"],
  [{ id: "A" }, '--id "A"'],
  [{ id: "a", listen: "nonsense" }, "nonsense"],
  [{ id: "a", listen: "0.0.0.0:7100", insecure: true }, "--advertise"],
  [{ id: "a", listen: "[::]:7100", insecure: true }, "--advertise"],
  [{ id: "a", listen: "10.0.0.1:7100" }, "nodes have to prove who they are: add --peer-secret-file"],
  [{ id: "a", listen: "10.0.0.1:7100" }, "clients have to: add --tls-cert, --tls-key and --auth-file"],
  [{ id: "a", listen: "10.0.0.1:7100" }, "--insecure"],
  [{ id: "a", listen: "10.0.0.1:7100", "peer-secret-file": "s" }, "clients have to"],
  [{ id: "a", listen: "10.0.0.1:7100", "peer-secret-file": "s", "auth-file": "f" }, "tokens of --auth-file need TLS"],
  [{ id: "a", listen: "10.0.0.1:7100", "auth-file": "f", "tls-cert": "c", "tls-key": "k" }, "nodes have to prove"],
  [{ id: "a", "tls-cert": "c" }, "--tls-key is missing"],
  [{ id: "a", "tls-ca": "c" }, "--tls-cert is missing"],
  [{ id: "a", "tls-cert": "c", "tls-key": "k", "tls-client-auth": true }, "--tls-ca is missing"],
  [{ id: "a", advertise: "h:0" }, "port 0"],
  [{ id: "a", initial: "b@h:1" }, "a@host:port"],
  [{ id: "a", initial: "a@h:1,a@h:2" }, "twice"],
  [{ id: "a", initial: "a@h:1,b@h:1" }, "twice"],
  [{ id: "a", initial: "a@h:1", bootstrap: true }, "--bootstrap"],
  [{ id: "a", bootstrap: true, join: "h:1" }, "--join"],
  [{ id: "a", join: "h:0" }, "port 0"],
  [{ id: "a", join: "h" }, "--join"],
  [{ id: "a", "heartbeat-ms": "0" }, "--heartbeat-ms"],
  [{ id: "a", "heartbeat-ms": "1.5" }, "--heartbeat-ms"],
  [{ id: "a", "heartbeat-ms": "200" }, "half"],
  [{ id: "a", "election-ms": "300" }, "MIN-MAX"],
  [{ id: "a", "election-ms": "600-300" }, "MIN-MAX"],
  [{ id: "a", "frame-bytes-max": "1MiB" }, "--frame-bytes-max"],
  [{ id: "a", "trace-file": "" }, "path of a file"],
  [{ id: "a", "log-level": "loud" }, "one of trace"],
];

for (const [flags, expected] of REFUSED) {
  test(`parseNodeConfig() refuses ${JSON.stringify(flags)} and says why`, () => {
    assert.throws(() => parse(flags), (error: unknown) => {
      assert.instance(error, DraftError);
      assert.equal([(error as DraftError).code, (error as DraftError).exitCode], ["BAD_CONFIG", 14]);
      assert.match((error as DraftError).message, expected);
      return true;
    });
  });
}

test.run();
