/**
 * Makes the page at `/` out of src/page: one document that needs nothing else, with the sums by which a browser knows
 * its own script and style and runs no other. It goes into src/gateway/http/page_asset.ts as text, for that is the one
 * form that is the same from source, in the executable and in the npm package.
 *
 *   bun scripts/page.ts            writes it
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the page stands, from the project's root. */
export const PAGE_ASSET = "src/gateway/http/page_asset.ts";

/** The text of the module, as it should be. */
export function pageModule(): string {
  const script = built("src/page/main.ts", "--format=iife", "--target=browser");
  const style = built("src/page/page.css");
  if (/<\/(script|style)/i.test(script + style)) throw new Error("the page's script or style would end its own element");
  const html = readFileSync("src/page/page.html", "utf8").replace("/*style*/", () => style).replace("/*script*/", () => script);
  const policy = [
    "default-src 'none'", `script-src '${sumOf(script)}'`, `style-src '${sumOf(style)}'`, "img-src data:", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].join("; ");
  return `/** The page at \`/\`, made from src/page by scripts/page.ts: change it there, and run that. */

/** The document. */
export const PAGE_HTML: string = ${JSON.stringify(html)};

/** What a browser lets it do: run this script, wear this style, ask this node. */
export const PAGE_POLICY: string = ${JSON.stringify(policy)};
`;
}

/** Writes the module if it is another one. */
export function writePage(): void {
  const text = pageModule();
  if (readFileSync(PAGE_ASSET, "utf8") !== text) writeFileSync(PAGE_ASSET, text);
}

/** What a file and all that it imports come to, minified. */
function built(file: string, ...flags: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "draft-page-"));
  const outfile = join(directory, "out");
  try {
    execFileSync("bun", ["build", file, "--minify", ...flags, "--outfile", outfile], { stdio: ["ignore", "ignore", "inherit"] });
    return readFileSync(outfile, "utf8").trim();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function sumOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

if (import.meta.main) writePage();
