/** Files that are no plugins, in each way that somebody may have got it wrong, and what draft says. */

/** One of them. */
export interface BadPlugin {
  readonly name: string;
  /** By path. */
  readonly files: Readonly<Record<string, string>>;
  /** What is given to `--machine`. */
  readonly load: string;
  /** What the message says, on every runtime; `{dir}` is where the files are. */
  readonly says: RegExp;
}

const SOUND = 'export default { name: "x", version: 1, operations: { get: { kind: "read" } }, create: () => ({ apply() {}, query: () => 1, snapshot: () => 1, restore() {} }) };\n';

function bad(name: string, text: string, says: RegExp, more: Readonly<Record<string, string>> = {}): BadPlugin {
  return { name, files: { "p.ts": text, ...more }, load: "p.ts", says };
}

/** The sound plugin with one thing in place of another. */
function changed(what: string, by: string, says: RegExp): BadPlugin {
  return bad(by === "" ? `without ${what}` : by, SOUND.replace(what, by), says);
}

/** The sound plugin with another machine. */
function machine(text: string, says: RegExp): BadPlugin {
  return changed("({ apply() {}, query: () => 1, snapshot: () => 1, restore() {} })", text, says);
}

function operations(text: string, says: RegExp): BadPlugin {
  return changed('{ get: { kind: "read" } }', text, says);
}

/** A definition of `defineMachine`, the fields in a line of their own. */
function defined(fields: string, says: RegExp): BadPlugin {
  const text = `import { defineMachine, int, optional, text } from "draft";\nconst used = [int, optional, text];\n` +
    `export default defineMachine({ name: "x", version: used.length - 2,\n  ${fields} });\n`;
  return bad(fields, text, says);
}

const REST = "state: () => 1, snapshot: (s) => s, restore: (s) => s";
const WRITE = "writes: { add: { args: [], run: () => 1 } }";

/** What cannot be loaded. */
export const UNLOADABLE: readonly BadPlugin[] = [
  { name: "a path that does not exist", files: {}, load: "p.ts", says: /p\.ts does not exist: give the path of a file$/ },
  { name: "a directory", files: { "d/index.ts": SOUND }, load: "d", says: /d is a directory: name the file in it, with its ending$/ },
  { name: "JSON", files: { "p.json": '{ "name": "x" }' }, load: "p.json", says: /p\.json is no module: must be TypeScript or JavaScript, in a file that ends in \.ts or \.js$/ },
  { name: "text", files: { "p.txt": "hello" }, load: "p.txt", says: /p\.txt is no module: / },
  bad("a syntax error", "export default {\n  name: 1 2\n};\n", /p\.ts cannot be loaded: .* at \S+[\\/]p\.ts:2(:\d+)?$/),
  bad("a syntax error in an imported file", 'import { a } from "./b.ts";\nexport default a;\n', /p\.ts cannot be loaded: .* at \S+[\\/]b\.ts:2(:\d+)?$/, { "b.ts": "export const a = 1;\nconst b = ;\n" }),
  bad("an import of a file that is missing", 'import { a } from "./nothing.ts";\nexport default a;\n', /cannot be loaded: .*nothing\.ts'?"? .*p\.ts/),
  bad("an import of a package that is missing", 'import a from "no-such-package";\nexport default a;\n', /cannot be loaded: Cannot find package 'no-such-package' imported from \S+p\.ts: install it beside the plugin$/),
  bad("an import of a name that is missing", 'import { b } from "./b.ts";\nexport default b;\n', /cannot be loaded: .*'b'.*[pb]\.ts/, { "b.ts": "export const a = 1;\n" }),
  bad("an import of a name that draft does not have", 'import { nothing } from "draft";\nexport default nothing;\n', /cannot be loaded: .*'nothing'/),
  bad("a file that throws", 'const a = 1;\nthrow new Error("boom");\nexport default a;\n', /cannot be loaded: boom at \S+[\\/]p\.ts:2(:\d+)?$/),
  bad("a file that throws something else", 'throw "boom";\n', /cannot be loaded: boom$/),
  bad("an imported file that throws", 'import { a } from "./b.ts";\nexport default a;\n', /cannot be loaded: .* at \S+[\\/]b\.ts:2(:\d+)?$/, { "b.ts": "export const a = 1;\nnull.x;\n" }),
  bad("a name that is not defined", "export default {\n  name: nam,\n};\n", /cannot be loaded: nam is not defined at \S+[\\/]p\.ts:2(:\d+)?$/),
];

/** What loads, and is no plugin. */
export const SHAPELESS: readonly BadPlugin[] = [
  bad("an empty file", "", /has no default export that is a plugin: add 'export default'$/),
  bad("no default export", "export const x = 1;\n", /has no default export that is a plugin: add 'export default'$/),
  bad("a plugin under another name", SOUND.replace("default", "const mine ="), /add 'export default mine'$/),
  bad("a function", "export default function plugin() {}\n", /exports a function by default: must be an object, \{ name, version, operations, create \}$/),
  bad("a class", "export default class Mine {}\n", /exports a class by default: must be an object/),
  bad("a promise", SOUND.replace("default", "default Promise.resolve(").replace(";\n", ");\n"), /exports a promise by default: put 'await' before it$/),
  bad("a number", "export default 5;\n", /exports 5 by default: must be a plugin, \{ name, version, operations, create \}$/),
  bad("a list", "export default [];\n", /exports a list by default: must be a plugin/),
  bad("a machine", "export default { apply() {}, snapshot() {}, restore() {} };\n", /exports a machine by default: must be a plugin, with a create\(\) that returns the machine$/),
  changed('name: "x", ', "", /has no name: add name: "…"$/),
  changed('name: "x"', 'name: ""', /has no name: add name: "…"$/),
  changed('name: "x"', "name: 5", /has the name 5: must be text$/),
  changed('name: "x"', 'name: "My Machine"', /is called 'My Machine': must be named in lower-case letters, digits, '_', '\.' and '-', a letter first$/),
  changed("version: 1, ", "", /has no version: add version: 1$/),
  changed("version: 1", "version: 0", /has the version 0: must be a whole number, 1 to begin with$/),
  changed("version: 1", "version: 1.5", /has the version 1\.5: must be a whole number/),
  changed("version: 1", 'version: "1"', /has the version "1": must be a whole number/),
  operations("undefined", /has no operations: add operations: \{ get: \{ kind: "read" \} \}$/),
  operations('["get"]', /has a list for operations: must be \{ get: \{ kind: "read" \} \}$/),
  operations("{ get: null }", /has an operation 'get' that is null: must be \{ kind: "read" \} or \{ kind: "write" \}$/),
  operations("{ get: () => 1 }", /has an operation 'get' that is a function: must be/),
  operations('{ get: { kind: "Read" } }', /has an operation 'get' of the kind "Read": must be "read" or "write"$/),
  operations('{ "get it": { kind: "read" } }', /has an operation 'get it' that nobody could type: must be named in lower-case letters/),
  operations('{ get: { kind: "read" }, Get: { kind: "write" } }', /has an operation 'Get' with capitals: call it 'get', users may type it in any case$/),
  operations('{ get: { kind: "read", args: ["key"] } }', /has an operation 'get' whose args is a list: must be text for users to read$/),
  operations('{ get: { kind: "read", summary: 5 } }', /has an operation 'get' whose summary is 5: must be text for users to read$/),
  bad("no create", 'export default { name: "x", version: 1, operations: {} };\n', /has no create: add create\(\) \{ return \{ apply, query, snapshot, restore \} \}$/),
  bad("create is an object", 'export default { name: "x", version: 1, operations: {}, create: {} };\n', /has an object for create: must be a function that returns a machine$/),
  changed("create:", "prepare: 5, create:", /has 5 for prepare: must be a function, or left out$/),
  defined(REST, /defineMachine\(\) got no writes: add writes: \{ name: .* at \S+[\\/]p\.ts:3(:\d+)?$/),
  defined(`${REST}, writes: { add: 5 }`, /operation 'add' is none: must be \{ args: \[…\], run/),
  defined(`${REST}, writes: { add: { args: [] } }`, /operation 'add' has no run: add run\(state, …\)/),
  defined(`${REST}, writes: { add: { run: () => 1 } }`, /operation 'add' has no args: add args: \[\]/),
  defined(`${REST}, writes: { add: { args: ["n"], run: () => 1 } }`, /operation 'add' has args that are none: must be like args: \[text\("key"\)/),
  defined(`${REST}, writes: { add: { args: [], run: async () => 1 } }`, /run\(\) of operation 'add' is async: it must answer at once, remove 'async'/),
  defined(`${REST}, ${WRITE}, reads: 5`, /defineMachine\(\) got no reads/),
  defined(`${REST}, ${WRITE}, reads: { add: { args: [], run: () => 1 } }`, /operation 'add' is a write and a read: must be one of them/),
  defined(`${REST}, writes: { add: { args: [optional(int("n")), text("t")], run: () => 1 } }`, /'t' of 'add' follows 'n', which is optional: must be optional too at \S+[\\/]p\.ts:3/),
  defined(`${WRITE}, snapshot: (s) => s, restore: (s) => s`, /defineMachine\(\) got no state: add state: \(\) => /),
  defined(`${WRITE}, state: () => 1, restore: (s) => s`, /defineMachine\(\) got no snapshot: add snapshot/),
  defined(`${WRITE}, state: () => 1, snapshot: (s) => s`, /defineMachine\(\) got no restore: add restore/),
];

/** Plugins whose `create` makes no machine. */
export const MACHINELESS: readonly BadPlugin[] = [
  machine('{ throw new Error("no room"); }', /plugin 'x': create\(\) threw: no room$/),
  machine("null", /plugin 'x': create\(\) returned null: it must return \{ apply, query, snapshot, restore \}$/),
  machine("Promise.resolve({})", /plugin 'x': create\(\) returned a promise: it must return the machine at once$/),
  machine("({ query: () => 1, snapshot: () => 1, restore() {} })", /create\(\) returned a machine without apply: add apply\(\) to it$/),
  machine("({ apply() {}, snapshot: () => 1, restore() {} })", /create\(\) returned a machine without query: add query\(\) to it$/),
  machine("({ apply() {}, query: () => 1, restore() {} })", /create\(\) returned a machine without snapshot: add snapshot\(\) to it$/),
  machine("({ apply() {}, query: () => 1, snapshot: () => 1 })", /create\(\) returned a machine without restore: add restore\(\) to it$/),
  machine("({ async apply() {}, query: () => 1, snapshot: () => 1, restore() {} })", /apply\(\) of its machine is async: it must answer at once, remove 'async'$/),
  machine("({ apply() {}, query: () => 1, snapshot: () => 1, restore() {}, wakeAt: () => 1 })", /its machine has wakeAt but no wake: add wake\(\), which does what is due$/),
  machine("({ apply() {}, query: () => 1, snapshot: () => 1, restore() {}, wake() {} })", /its machine has wake but no wakeAt: add wakeAt\(\), which says when$/),
  machine("({ apply() {}, query: () => 1, snapshot: () => 1, restore() {}, commit() {} })", /its machine has commit but not lastApplied and memos: add lastApplied\(\)/),
  machine("({ apply() {}, query: () => 1, snapshot: () => 1, restore() {}, async commit() {} })", /commit\(\) of its machine is async/),
];
