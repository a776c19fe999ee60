/** The page that is served is the one that src/page says, and needs nothing but its node. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PAGE_ASSET, pageModule } from "../../scripts/page.ts";
import { PAGE_HTML, PAGE_POLICY } from "../../src/gateway/http/page_asset.ts";

const test = suite("page");

/** So large a page may be: it is a part of every executable and package. */
const BYTES_MAX = 150_000;

test("the asset is made from the source as it is: bun scripts/page.ts", () => {
  assert.is(readFileSync(PAGE_ASSET, "utf8"), pageModule());
});

test("the policy names the script and the style that stand in it, and nothing looser", () => {
  for (const name of ["script", "style"]) {
    const [, text = ""] = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(PAGE_HTML) ?? [];
    assert.ok(text.length > 1000);
    assert.match(PAGE_POLICY, `${name}-src 'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  }
  assert.match(PAGE_POLICY, "default-src 'none'");
  assert.not.match(PAGE_POLICY, /unsafe|\*|https?:/);
});

test("it asks nobody else for anything, and is small", () => {
  const addresses = [...PAGE_HTML.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) => address);
  assert.equal([...new Set(addresses)].filter((address) => !address.startsWith("http://www.w3.org/")), [], "names of vocabularies are no addresses");
  assert.ok(PAGE_HTML.length < BYTES_MAX, `${PAGE_HTML.length} characters`);
});

test.run();
