/** A plugin that has packages in a `node_modules` beside it: ES modules and CommonJS, by name and by a name's part. */

const PLUGIN = `import { deep } from "esm-package/deep";
import cjs from "cjs-package";
import { relative, type Mine } from "./lib/relative.ts";

const plugin: Mine = {
  name: "packed",
  version: 1,
  operations: {
    get: { kind: "read", summary: [relative, deep, cjs.word].join(" ") },
    put: { kind: "write" },
  },
  create: () => ({ apply: () => cjs.word, query: () => relative, snapshot: () => null, restore: () => {} }),
};
export default plugin;
`;

const RELATIVE = `import { word } from "esm-package";
import { int, type Plugin } from "draft";
export const relative: string = "relative " + word + " " + int("draft").name;
export type Mine = Plugin<null>;
`;

/** The files, the one to load, and what it says of `get` once it is loaded. */
export const WITH_PACKAGES: { readonly files: Readonly<Record<string, string>>; readonly load: string; readonly summary: string } = {
  files: {
    "plugin.ts": PLUGIN,
    "lib/relative.ts": RELATIVE,
    "node_modules/esm-package/package.json": '{"name":"esm-package","version":"1.0.0","type":"module","exports":{".":"./index.js","./deep":"./deep.js"}}',
    "node_modules/esm-package/index.js": 'import { part } from "dependency";\nexport const word = "esm+" + part;\n',
    "node_modules/esm-package/deep.js": 'export const deep = "deep";\n',
    "node_modules/dependency/package.json": '{"name":"dependency","version":"1.0.0","type":"module","main":"part.js"}',
    "node_modules/dependency/part.js": 'export const part = "dependency";\n',
    "node_modules/cjs-package/package.json": '{"name":"cjs-package","version":"1.0.0","main":"index.js"}',
    "node_modules/cjs-package/index.js": 'const part = require("./lib/part");\nmodule.exports = { word: "cjs+" + part };\n',
    "node_modules/cjs-package/lib/part.js": 'module.exports = "part";\n',
  },
  load: "plugin.ts",
  summary: "relative esm+dependency draft deep cjs+part",
};
