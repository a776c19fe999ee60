/**
 * Makes `import { … } from "name"` mean something of this program, for modules that are loaded later from anywhere: a
 * plugin finds the library by it though nothing is installed beside it, in the executable too. Each runtime has its own
 * way. Without it Bun would fetch whatever package bears the name.
 */
import * as nodeModule from "node:module";

/** What a module exports. */
export type Exports = Readonly<Record<string, unknown>>;

/** The part of Bun that adds modules. */
interface BunPlugins {
  plugin(plugin: { name: string; setup(build: { module(name: string, load: () => { exports: Exports; loader: "object" }): void }): void }): unknown;
}

/** Where provided modules find their exports. The process owns it, as it owns the names of modules. */
const SHARED: unique symbol = Symbol.for("draft.provided-modules");

/** From now on `name` is a module with these exports, in all of the process. The first that are given stay. */
export function provideModule(name: string, exports: Exports): void {
  const provided = (globalThis as { [SHARED]?: Map<string, Exports> })[SHARED] ??= new Map<string, Exports>();
  if (provided.has(name)) return;
  provided.set(name, exports);
  const { Bun } = globalThis as { readonly Bun?: BunPlugins };
  if (Bun !== undefined) {
    Bun.plugin({ name, setup: (build) => build.module(name, () => ({ exports: { ...exports }, loader: "object" })) });
    return;
  }
  const url = `provided:${name}`;
  const source = sourceOf(name, Object.keys(exports));
  nodeModule.registerHooks({
    resolve: (specifier, context, next) => specifier === name ? { url, shortCircuit: true } : next(specifier, context),
    load: (asked, context, next) => asked === url ? { format: "module", source, shortCircuit: true } : next(asked, context),
  });
}

/** A module that hands on the exports `names`. */
function sourceOf(name: string, names: readonly string[]): string {
  const from = `globalThis[Symbol.for(${JSON.stringify(SHARED.description)})].get(${JSON.stringify(name)})`;
  return [`const from = ${from};`, ...names.map((each) => `export const ${each} = from.${each};`)].join("\n");
}
