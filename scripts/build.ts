/**
 * Makes the executable: dist/draft, or dist/draft-<platform> for another one.
 *
 *   bun scripts/build.ts [--target bun-linux-arm64|bun-linux-x64-musl|bun-darwin-arm64|bun-windows-x64|…]
 *
 * A build for this machine is tried at once, from an empty directory. Never `strip` the result: the program stands
 * behind the sections that strip knows.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { version } from "../src/base/version.ts";
import { authorTypes } from "./author_types.ts";
import { writePage } from "./page.ts";

/**
 * What `bun build` is told. With bytecode the program starts in 12 ms instead of 30; cbor-x does without its native
 * addon; a .env or bunfig.toml in the working directory would else be obeyed, and the latter executed; plugins resolve
 * their own packages by the package.json beside them.
 */
const FLAGS = "--compile --minify --bytecode --format=esm --sourcemap --external cbor-extract " +
  "--no-compile-autoload-dotenv --no-compile-autoload-bunfig --compile-autoload-package-json";

const { values } = parseArgs({ options: { target: { type: "string" } } });
const outfile = join("dist", values.target === undefined ? "draft" : `draft-${values.target.replace(/^bun-/, "")}`);
const target = values.target === undefined ? [] : [`--target=${values.target}`];
const types = `--define=AUTHOR_TYPES=${JSON.stringify(authorTypes())}`;
writePage();
execFileSync("bun", ["build", ...FLAGS.split(" "), ...target, types, "src/cli/main.ts", "--outfile", outfile], {
  stdio: ["ignore", "ignore", "inherit"],
});
if (values.target === undefined) tryOut(resolve(outfile));
console.log(`${outfile}: ${version}, ${(statSync(exeOf(outfile)).size / 2 ** 20).toFixed(1)} MiB`);

/** Runs the executable where nothing of the project is near, and compares the version that it prints. */
function tryOut(path: string): void {
  const directory = mkdtempSync(join(tmpdir(), "draft-build-"));
  try {
    const printed = execFileSync(path, ["--version"], { cwd: directory, encoding: "utf8", timeout: 10_000 });
    if (!printed.includes(version)) throw new Error(`${outfile} --version printed "${printed}": want ${version}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Bun adds .exe for Windows. */
function exeOf(path: string): string {
  return process.platform === "win32" || values.target?.includes("windows") === true ? `${path}.exe` : path;
}
