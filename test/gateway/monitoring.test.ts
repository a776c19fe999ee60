/** What stands in docs/monitoring is there: every metric that dashboard, alerts and the page name, every alert's paragraph. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { METRICS } from "../../src/gateway/metrics/reader.ts";

const test = suite("monitoring");

const dashboard = readFileSync(new URL("../../docs/monitoring/dashboard.json", import.meta.url), "utf8");
const alerts = readFileSync(new URL("../../docs/monitoring/alerts.yml", import.meta.url), "utf8");
const page = readFileSync(new URL("../../docs/monitoring.md", import.meta.url), "utf8");

const NAMES: ReadonlyMap<string, string> = new Map(METRICS.map(({ name, type }) => [name, type]));

/** Metrics that `text` names. */
function namedIn(text: string): string[] {
  return [...new Set([...text.matchAll(/\b(?:draft|process)_[a-z_]+\b/g)].map(([name]) => name))];
}

function isThere(name: string): boolean {
  return NAMES.has(name) || NAMES.get(name.replace(/_(?:bucket|sum|count)$/, "")) === "histogram";
}

test("every metric that is named exists, and of histograms the parts that they have", () => {
  for (const [where, text] of Object.entries({ dashboard, alerts, page })) {
    const names = namedIn(text);
    assert.ok(names.length > 10, where);
    assert.equal(names.filter((name) => !isThere(name)), [], where);
  }
  assert.not.ok(isThere("draft_term_bucket"));
});

test("the page tells of every metric", () => {
  const told = new Set(namedIn(page));
  assert.equal([...NAMES.keys()].filter((name) => !told.has(name)), []);
});

test("rates are of counters and histograms, and states of gauges", () => {
  for (const text of [dashboard, alerts]) {
    for (const [, name = ""] of text.matchAll(/\b(?:rate|increase)\((\w+)/g)) assert.ok(NAMES.get(name) === "counter" || !NAMES.has(name), name);
    for (const [, name = ""] of text.matchAll(/\b(?:predict_linear|deriv|changes)\((\w+)/g)) assert.is(NAMES.get(name), "gauge", name);
  }
});

test("the dashboard is one: panels in their places, each with what it asks", () => {
  const { panels, templating } = JSON.parse(dashboard) as {
    panels: { id: number; type: string; title: string; gridPos: { x: number; y: number; w: number; h: number }; targets?: { expr: string }[] }[];
    templating: { list: { name: string }[] };
  };
  assert.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  const variables = templating.list.map(({ name }) => name);
  const taken = new Set<string>();
  for (const { title, type, gridPos: { x, y, w, h }, targets = [] } of panels) {
    assert.ok(type === "row" || targets.length > 0, title);
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.not.ok(taken.has(`${column}/${line}`), title);
        taken.add(`${column}/${line}`);
      }
    }
    for (const { expr } of targets) {
      for (const [, variable = ""] of expr.matchAll(/\$(\w+)/g)) assert.ok(variables.includes(variable), expr);
      for (const [open, close] of ["()", "{}", "[]"]) assert.is(expr.split(open as string).length, expr.split(close as string).length, expr);
    }
  }
});

test("every alert says what it asks, for how long, how bad it is, and has its paragraph", () => {
  const rules = alerts.split(/^ {6}- alert: /m).slice(1);
  assert.ok(rules.length > 10);
  const titles = [...page.matchAll(/^### (Draft\w+)$/gm)].map(([, title]) => title);
  const names = rules.map((rule) => {
    const [, name = "", expr = "", severity = "", runbook = ""] =
      /^(Draft\w+)\n {8}expr: '((?:[^']|'')+)'\n {8}for: \d+[sm]\n {8}labels:\n {10}severity: (critical|warning)\n {8}annotations:\n {10}summary: '(?:[^']|'')+'\n {10}runbook: docs\/monitoring\.md#(\w+)\n$/.exec(rule) ?? [];
    assert.ok(severity !== "", rule);
    assert.is(runbook, name.toLowerCase());
    assert.match(expr, /[<>=]/);
    for (const [open, close] of ["()", "{}", "[]"]) assert.is(expr.split(open as string).length, expr.split(close as string).length, expr);
    return name;
  });
  assert.equal(names, titles);
});

test.run();
