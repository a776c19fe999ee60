/** Settings from a file, from the environment and from flags (O11). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { settingsOf } from "../../src/cli/config_file.ts";
import { Options } from "../../src/cli/leaf.ts";
import { CONFIG_KEYS, rawConfig } from "../../src/cli/serve_options.ts";
import { type NodeConfig, parseNodeConfig } from "../../src/node/config.ts";

const test = suite("config file");

const directory = mkdtempSync(join(tmpdir(), "draft-config-"));
test.after(() => rmSync(directory, { recursive: true }));

/** What a node is started with by a file, variables and flags. */
function configured(toml: string, env: Record<string, string> = {}, flags: Record<string, string> = {}): NodeConfig {
  const path = join(directory, "draft.toml");
  writeFileSync(path, toml);
  const given = new Map(Object.entries({ ...flags, config: path }).map(([name, value]) => [name, [value]]));
  return parseNodeConfig(rawConfig(new Options(given), env));
}

function refused(toml: string, says: RegExp, env: Record<string, string> = {}): void {
  let config: NodeConfig;
  try {
    config = configured(toml, env);
  } catch (error) {
    assert.instance(error, DraftError);
    assert.is((error as DraftError).code, "BAD_CONFIG");
    assert.match((error as DraftError).message.replaceAll(`${directory}/`, ""), says);
    return;
  }
  throw new Error(`not refused: ${JSON.stringify(config)}`);
}

test("a flag counts before the variable, the variable before the file, the file before the default", () => {
  const toml = 'id = "a"\nheartbeat-ms = 11\nelection-ms = "100-200"\nlog-level = "warn"\n';
  const config = configured(toml, { DRAFT_HEARTBEAT_MS: "22", DRAFT_ELECTION_MS: "222-333" }, { "heartbeat-ms": "33" });
  const { id, heartbeatMs, electionMinMs, logLevel, valueBytesMax } = config;
  assert.equal([id, heartbeatMs, electionMinMs, logLevel, valueBytesMax], ["a", 33, 222, "warn", 8388608]);
});

test("lists, sizes and switches are what they look like", () => {
  const config = configured('id = "a"\ninitial = [\n  "a@h:1", # here\n  "b@h:2",\n]\nsegment-bytes = "1 MiB"\nmachine = "lock"\n');
  assert.equal(config.initial.map(({ id }) => id), ["a", "b"]);
  assert.equal([config.segmentBytes, config.machines], [1048576, ["lock"]]);
  assert.is(configured('id = "a"\nbootstrap = true').bootstrap, true);
  assert.is(configured('id = "a"\nbootstrap = false').bootstrap, false);
  assert.is(configured('id = "a"\nbootstrap = true', { DRAFT_BOOTSTRAP: "0" }).bootstrap, false, "the variable is heard first");
});

test("a variable that is neither on nor off is refused: it must not found a cluster", () => {
  for (const [text, on] of [["1", true], ["true", true], ["", false], ["0", false], ["false", false]] as const) assert.is(configured('id = "a"', { DRAFT_BOOTSTRAP: text }).bootstrap, on, text);
  for (const text of ["no", "off", "False", "maybe"]) refused('id = "a"', new RegExp(`DRAFT_BOOTSTRAP is "${text}": want 1, true, 0 or false`), { DRAFT_BOOTSTRAP: text });
});

test("an unknown key is refused with line, column and the nearest name", () => {
  refused('id = "a"\n\n# a comment\n  hartbeat-ms = 5\n', /^draft\.toml:4:3: hartbeat-ms is no setting: the nearest is heartbeat-ms/);
  refused('id = "a"\nheartbeat_ms = 5\n', /^draft\.toml:2:1: heartbeat_ms is no setting: the nearest is heartbeat-ms/);
  refused('id = "a"\nzzz = 5\n', /^draft\.toml:2:1: zzz is no setting: its keys are the flags without dashes/);
  refused('config = "other.toml"\n', /^draft\.toml:1:1: config is no setting/);
  refused('id = "a"\n[raft]\nheartbeat-ms = 5\n', /^draft\.toml:2:1: raft is no setting: keys stand by themselves, in no table/);
  refused('initial = [\n  "a@h:1",\n]\n\nboots = 1\n', /^draft\.toml:5:1: boots is no setting/);
});

test("what is no TOML is refused with line and column", () => {
  refused('id = "a"\nlisten = \n', /^draft\.toml:2:\d+: no TOML: /);
  refused('id = "a"\nid = "b"\n', /^draft\.toml:2:\d+: no TOML: /);
  refused("heartbeat-ms = 123456789012345678901\n", /^draft\.toml:1:\d+: /);
});

test("a value of the wrong kind, or out of range, is told by the place that it came from", () => {
  refused('id = "a"\nbootstrap = "yes"\n', /^draft\.toml:2:1: bootstrap is "yes": want true or false/);
  refused('id = "a"\nheartbeat-ms = 1.5\n', /^draft\.toml:2:1: heartbeat-ms is 1\.5: want a text or a whole number/);
  refused("id = 1979-05-27\n", /^draft\.toml:1:1: id is "1979-05-27.*: want a text/);
  refused('id = "a"\n\nheartbeat-ms = 0\n', /^draft\.toml:3:1: heartbeat-ms "0": want a whole number/);
  refused('id = "a"\nlisten = "nonsense"\n', /^draft\.toml:2:1: listen: .*nonsense/);
  refused('id = "a"\ninitial = ["b@h:1"]\n', /^draft\.toml:2:1: initial "b@h:1" does not name this node/);
  refused('id = "a"\n', /^DRAFT_HEARTBEAT_MS "x": want/, { DRAFT_HEARTBEAT_MS: "x" });
});

test("a file that is not there is named", () => {
  const given = new Map([["config", [join(directory, "none.toml")]]]);
  assert.throws(() => rawConfig(new Options(given), {}), /none\.toml" cannot be read: /);
});

test("the example names every setting, and says the defaults", () => {
  const toml = readFileSync(new URL("../../docs/draft.toml", import.meta.url), "utf8");
  const commentedIn = toml.replaceAll(/^# ([a-z-]+ = )/gm, "$1");
  const settings = settingsOf("docs/draft.toml", commentedIn, CONFIG_KEYS);
  assert.equal([...settings.keys()].sort(), CONFIG_KEYS.map(({ name }) => name).sort());
  const plain = configured('id = "a"\ndata = "./data/a"\nlisten = "127.0.0.1:7101"\ninitial = "a@127.0.0.1:7101,b@127.0.0.1:7102,c@127.0.0.1:7103"');
  assert.equal(configured(toml), plain);
  const { advertise, healthListen, join: asked, peerSecretFile, authFile, tls, logFormat, traceFile, ...said } = configured(commentedIn);
  assert.equal([advertise, asked, peerSecretFile, authFile, logFormat, traceFile], ["a.example.org:7101", ["127.0.0.1:7102"], "peer.secret", "auth.toml", "json", "a.ndjson"]);
  assert.equal(tls, { cert: "a.crt", key: "a.key", ca: "clients.pem", peerCa: "nodes.pem", clientAuth: false });
  assert.equal(healthListen, { host: "0.0.0.0", port: 7109 });
  assert.equal({ ...said, advertise: plain.advertise, healthListen: null, join: [], peerSecretFile: null, authFile: null, tls: null, logFormat: null, traceFile: null }, plain);
});

test.run();
