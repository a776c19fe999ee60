/** What `/metrics` tells: text that a scraper takes, values that are what happened, counters that only grow. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Family, familiesIn, valueOf } from "./exposition.ts";
import { EventReader } from "./event_source.ts";
import { HttpRig } from "./http_rig.ts";

const test = suite("metrics");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start({ healthListen: "127.0.0.1:23117" });
});
test.after(() => rig.stop());

async function scrape(): Promise<Map<string, Family>> {
  const { status, headers, text } = await rig.ask("GET", "/metrics");
  assert.equal([status, headers["content-type"]], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  return familiesIn(text);
}

const MAIN = 'group="main"';

test("the text is what a scraper takes, and names follow the conventions", async () => {
  const families = await scrape();
  for (const { name, type } of families.values()) {
    assert.match(name, /^(draft|process)_[a-z_]+$/);
    if (type === "histogram") assert.match(name, /_seconds$/);
  }
  assert.ok(families.size > 50, `${families.size} metrics`);
  const info = [...families.get("draft_info")?.samples ?? []];
  assert.is(info.length, 1);
  assert.match(info[0]?.[0] ?? "", /cluster="[0-9a-f]+",node="a",runtime="\w+ \d.*",version="\d/);
});

test("a reader that is too kind is no test", () => {
  const good = "# HELP a_total x\n# TYPE a_total counter\na_total{b=\"c\"} 1\n";
  assert.is(valueOf(familiesIn(good), "a_total", 'b="c"'), 1);
  for (const bad of [
    good.trimEnd(), `${good}a_total{b="c"} 2\n`, `${good}${good}`, good.replaceAll("a_total", "a"), good.replace("1\n", "x\n"), good.replace("# HELP a_total x\n", ""),
    good.replace('"c"', "c"), good.replace("} 1", "} -1"), `${good}other 1\n`,
    '# HELP h_seconds x\n# TYPE h_seconds histogram\nh_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 1\n',
    '# HELP h_seconds x\n# TYPE h_seconds histogram\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 2\n',
  ]) assert.throws(() => familiesIn(bad), undefined, bad);
});

test("what is counted is what happened", async () => {
  const before = await scrape();
  for (let at = 0; at < 10; at++) assert.is((await rig.ask("PUT", `/v1/kv/m${at}`, { body: "x" })).status, 200);
  await rig.ask("PUT", "/v1/kv/m0?if_revision=999999", { body: "x" });
  await rig.ask("GET", "/nowhere");
  await rig.ask("POST", "/v1/snapshot");
  await rig.node.client.run(["set", "by/client", "no number"]);
  await rig.node.client.run(["incr", "by/client"]).catch(() => undefined);
  const after = await scrape();
  const grown = (name: string, labels: string = MAIN): number => valueOf(after, name, labels) - valueOf(before, name, labels);
  // A session may have been opened besides; the write whose condition failed is an entry, too.
  for (const name of ["draft_proposals_total", "draft_commits_total", "draft_applies_total"]) {
    assert.ok(grown(name) >= 12 && grown(name) <= 16, `${name} grew by ${grown(name)}`);
  }
  for (const name of ["draft_commit_seconds", "draft_apply_seconds"]) {
    const count = (families: ReadonlyMap<string, Family>): number => families.get(name)?.samples.get(`${name}_count{${MAIN}}`) ?? 0;
    assert.is(count(after) - count(before), grown("draft_proposals_total"), name);
  }
  assert.is(grown("draft_refusals_total", 'code="CONFLICT",door="http"'), 1);
  assert.is(grown("draft_refusals_total", 'code="NOT_FOUND",door="http"'), 1);
  assert.is(grown("draft_refusals_total", 'code="REJECTED",door="client"'), 1);
  assert.is(grown("draft_requests_total", 'door="http"'), 14);
  assert.is(grown("draft_snapshots_taken_total"), 1);
  assert.ok(valueOf(after, "draft_snapshot_bytes") > 0);
  const syncs = after.get("draft_disk_sync_seconds")?.samples.get('draft_disk_sync_seconds_count{files="wal"}') ?? 0;
  assert.ok(syncs >= 10, `${syncs} syncs`);
  assert.ok(valueOf(after, "draft_disk_written_bytes_total", 'files="wal"') > 0);
  assert.ok(valueOf(after, "draft_wal_bytes") >= 1024 * 1024);
  assert.equal([valueOf(after, "draft_role", `${MAIN},role="leader"`), valueOf(after, "draft_role", `${MAIN},role="follower"`)], [1, 0]);
  assert.equal([valueOf(after, "draft_has_leader", MAIN), valueOf(after, "draft_ready")], [1, 1]);
  assert.equal([valueOf(after, "draft_elections_won_total", MAIN), valueOf(after, "draft_leader_changes_total", MAIN)], [1, 1]);
  assert.is(valueOf(after, "draft_apply_lag_entries", MAIN), 0);
  assert.ok(valueOf(after, "draft_connections", 'door="client"') >= 1);
  assert.is(valueOf(after, "draft_connections", 'door="http"'), 1);
  assert.ok((after.get("draft_loop_gap_seconds")?.samples.get("draft_loop_gap_seconds_count{}") ?? 0) > 0);
  assert.ok(valueOf(after, "process_resident_memory_bytes") > 1_000_000);
  assert.ok(valueOf(after, "process_start_time_seconds") > 1_600_000_000);
});

test("counters only grow, whatever happens meanwhile", async () => {
  let before = await scrape();
  for (let round = 0; round < 5; round++) {
    await rig.ask("PUT", "/v1/kv/g", { body: "x" });
    const after = await scrape();
    for (const { name, type, samples } of before.values()) {
      if (type === "gauge") continue;
      for (const [series, value] of samples) assert.ok((after.get(name)?.samples.get(series) ?? -1) >= value, series);
    }
    before = after;
  }
});

test("a watch is one as long as it is heard, whoever went away", async () => {
  const events = await EventReader.open(`http://127.0.0.1:${rig.port}/v1/watch?prefix=w`);
  await events.next();
  const during = await scrape();
  assert.equal([valueOf(during, "draft_watches", MAIN), valueOf(during, "draft_http_streams")], [1, 1]);
  await events[Symbol.asyncDispose]();
  for (let tries = 0; tries < 200; tries++) {
    const after = await scrape();
    if (valueOf(after, "draft_watches", MAIN) + valueOf(after, "draft_http_streams") === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.unreachable("the watch is still there");
});

test("--health-listen serves it too, and nothing else", async () => {
  const health = Object.assign(Object.create(rig) as HttpRig, { port: 23117 });
  assert.ok(familiesIn((await health.ask("GET", "/metrics")).text).has("draft_ready"));
  assert.is((await health.ask("GET", "/v1/status")).status, 404);
  assert.is((await health.ask("HEAD", "/metrics")).status, 200);
  assert.is((await health.ask("GET", "/metrics?x=1")).status, 400);
});

test("node.fetch answers it", async () => {
  assert.ok(familiesIn(await (await rig.node.fetch(new Request("http://any/metrics"))).text()).has("draft_term"));
});

test.run();
