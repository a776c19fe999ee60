import process from "node:process";
import type { Options } from "tsup";
import { authorTypes } from "./scripts/author_types.ts";
import { writePage } from "./scripts/page.ts";

writePage();

const options: Options = {
  entry: { mod: "mod.ts", testing: "src/sim/testing.ts", cli: "src/cli/main.ts" },
  // Not dist itself: `clean` would delete the executable that stands there.
  outDir: "dist/npm",
  clean: true,
  format: ["esm"],
  platform: "node",
  target: "node24",
  sourcemap: true,
  define: { AUTHOR_TYPES: JSON.stringify(authorTypes(process.cwd())) },
  // Without its prefix node:sqlite is no module.
  removeNodeProtocol: false,
  external: ["bun:ffi", "cbor-extract"],
  // Its extensions are global: shared with the host application they would change that one's decoders.
  noExternal: ["cbor-x"],
  dts: { entry: { mod: "mod.ts", testing: "src/sim/testing.ts" } },
};

export default options;
