/** What authors without a compiler leave out of a definition: said when it is defined, and not when it is missed. */

/** What the state of a machine is made, saved and restored with. */
export const MACHINE_METHODS = {
  state: "state: () => ({ … })",
  snapshot: "snapshot: (state) => …, the whole state as one value",
  restore: "restore: (saved) => …, the state that was saved",
} as const;

/** The same of a machine whose state is in tables, which save themselves. */
export const TABLE_MACHINE_METHODS = { tables: "tables: () => ({ rows: new Table() })" } as const;

const OPERATION = "{ args: […], run(state, …) { … } }";

/**
 * Checks what the types of a definition say.
 *
 * @param by the function that was given it
 * @param methods what it must have, each with what to add
 * @throws TypeError that says what to add
 */
export function checkDefinition(by: string, methods: Readonly<Record<string, string>>, definition: Readonly<Record<string, unknown>>): void {
  for (const [field, wanted] of Object.entries(methods)) {
    if (typeof definition[field] !== "function") throw new TypeError(`${by}() got no ${field}: add ${wanted}`);
  }
  checkTable(by, "writes", definition["writes"]);
  if (definition["reads"] !== undefined) checkTable(by, "reads", definition["reads"]);
}

function checkTable(by: string, field: "writes" | "reads", table: unknown): void {
  if (!isObject(table)) throw new TypeError(`${by}() got no ${field}: add ${field}: { name: ${OPERATION} }`);
  for (const [name, operation] of Object.entries(table)) {
    if (!isObject(operation)) throw new TypeError(`operation '${name}' is none: must be ${OPERATION}`);
    const { args, run } = operation;
    if (!Array.isArray(args)) throw new TypeError(`operation '${name}' has no args: add args: [], or args: [text("key")]`);
    if (!args.every(isArgument)) throw new TypeError(`operation '${name}' has args that are none: must be like args: [text("key"), int("count")]`);
    if (typeof run !== "function") throw new TypeError(`operation '${name}' has no run: add run(state, …) { … }`);
    const isAsync = Object.prototype.toString.call(run) === "[object AsyncFunction]";
    if (isAsync) throw new TypeError(`run() of operation '${name}' is async: it must answer at once, remove 'async'`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArgument(value: unknown): boolean {
  return isObject(value) && typeof value["name"] === "string" && typeof value["read"] === "function";
}
