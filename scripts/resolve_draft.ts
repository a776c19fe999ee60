/**
 * Lets Node resolve "draft", the name under which plugins import the library, as Bun does by tsconfig.json and Deno by
 * deno.json. Loaded with `node --import`.
 */
import { registerHooks } from "node:module";

const library = new URL("../mod.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "draft" ? { url: library, shortCircuit: true } : next(specifier, context),
});
