import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NOBODY } from "../../src/gateway/auth/principal.ts";
import { startingAnswer } from "../../src/gateway/http/app.ts";
import { errorIn, HttpRig } from "./http_rig.ts";

const test = suite("page route");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

test("the page goes out with what a browser is to forbid it", async () => {
  const { status, headers, text } = await rig.ask("GET", "/");
  assert.is(status, 200);
  assert.match(text, /^<!doctype html>/);
  assert.match(headers["content-security-policy"] ?? "", /^default-src 'none'; script-src 'sha256-/);
  assert.equal(
    ["content-type", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "cache-control"].map((name) => headers[name]),
    ["text/html; charset=utf-8", "nosniff", "no-referrer", "same-origin", "no-store"],
  );
  const head = await rig.ask("HEAD", "/");
  assert.equal([head.status, head.text], [200, ""]);
});

test("another name, another method or a page of somebody else's does not get it", async () => {
  assert.is(errorIn(await rig.ask("GET", "/", { headers: { host: "evil.example" } })), "FORBIDDEN not-done");
  assert.is(errorIn(await rig.ask("GET", "/", { headers: { origin: "http://evil.example" } })), "FORBIDDEN not-done");
  assert.is((await rig.ask("POST", "/")).status, 405);
  assert.is((await rig.ask("GET", "/index.html")).status, 404);
});

test("a node that has not recovered shows it already", () => {
  const answer = startingAnswer({ method: "GET", path: "/", query: "", principal: NOBODY, remote: "127.0.0.1:1", header: () => null, body: () => Promise.reject(new Error("none")) });
  assert.equal([answer.status, answer.headers["content-type"]], [200, "text/html; charset=utf-8"]);
});

test.run();
