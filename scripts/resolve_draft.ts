/**
 * Lets Node resolve "draft" and "draft/testing", the names under which plugins and their tests import the library, as Bun
 * does by tsconfig.json and Deno by deno.json. Loaded with `node --import`.
 */
import { registerHooks } from "node:module";

const names: ReadonlyMap<string, string> = new Map([["draft", "../mod.ts"], ["draft/testing", "../src/sim/testing.ts"]]);

registerHooks({
  resolve: (specifier, context, next) => {
    const file = names.get(specifier);
    return file === undefined ? next(specifier, context) : { url: new URL(file, import.meta.url).href, shortCircuit: true };
  },
});
