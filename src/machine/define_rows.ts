/** What a table of typed arguments says at run time: usages, the check of commands, commands by chance. */
import type { AnyArgument } from "./arguments.ts";
import type { Command, Entry, OperationRow, PluginBase, Reply, View } from "./machine.ts";

/** The most values that a rest is given by chance. */
const REST_MAX = 3;

/** How much of a wrong value an error shows. */
const SHOWN_MAX = 40;

/** An operation of a definition, whatever its types. */
export interface DefinedOperation {
  readonly name: string;
  readonly kind: "read" | "write";
  readonly args: readonly AnyArgument[];
  readonly summary: string | undefined;
  readonly since: number | undefined;
  readonly frees: boolean | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any -- the definition's types have seen to it
  run(...stateMomentAndValues: any[]): Reply;
}

/** A definition's operations, before they have names. */
type Unnamed = Readonly<Record<string, Pick<DefinedOperation, "args" | "run"> & { readonly summary?: string; readonly since?: number; readonly frees?: boolean }>>;

/** A definition, as far as it is the same whatever the state is kept in. */
interface AnyDefinitionRows {
  readonly name: string;
  readonly version: number;
  readonly writes: unknown;
  readonly reads?: unknown;
  generate?(random: () => number): unknown;
}

/**
 * The operations of a definition by name.
 *
 * @throws TypeError if the same name is a write and a read
 */
export function tableOf({ writes, reads = {} }: AnyDefinitionRows): Map<string, DefinedOperation> {
  const table: Map<string, DefinedOperation> = new Map();
  for (const [kind, operations] of [["write", writes as Unnamed], ["read", reads as Unnamed]] as const) {
    for (const [name, { args, summary, since, frees, run }] of Object.entries(operations)) {
      if (table.has(name)) throw new TypeError(`operation '${name}' is a write and a read: must be one of them`);
      table.set(name, { name, kind, args, summary, since, frees, run });
    }
  }
  return table;
}

/**
 * A plugin, all but what makes its machine.
 *
 * @typeParam M its operations as methods, for the compiler alone
 * @throws TypeError if arguments cannot be told apart
 */
export function pluginRows<M>(definition: AnyDefinitionRows, table: ReadonlyMap<string, DefinedOperation>): Required<PluginBase> & {
  readonly operations: Readonly<Record<string, OperationRow>> & { readonly [K in keyof M]: OperationRow };
} {
  const rows = Object.fromEntries([...table].map(([operation, each]) => [operation, rowOf(each)]));
  const generate = definition.generate?.bind(definition) ?? ((random: () => number): Command => generateFrom([...table.values()], random));
  return {
    name: definition.name,
    version: definition.version,
    operations: rows as Readonly<Record<string, OperationRow>> & { readonly [K in keyof M]: OperationRow },
    prepare: (command) => {
      const operation = table.get(command[0]);
      return operation === undefined ? command : prepareWith(operation, command);
    },
    generate: generate as (random: () => number) => Command,
  };
}

/** Runs a prepared command on `state`. */
export function performOn(table: ReadonlyMap<string, DefinedOperation>, state: unknown, command: Command, moment: Entry | View): Reply {
  const operation = table.get(command[0]);
  if (operation === undefined) throw new Error(`the machine has no operation '${command[0]}'`);
  return operation.run(state, moment, ...spread(operation, command));
}

/**
 * What clients are told of `operation`.
 *
 * @throws TypeError if its arguments cannot be told apart
 */
function rowOf(operation: DefinedOperation): OperationRow {
  checkOrder(operation);
  const { kind, args, summary, since, frees } = operation;
  return {
    kind, args: args.map(usageOf).join(" "),
    ...(summary === undefined ? {} : { summary }), ...(since === undefined ? {} : { since }), ...(frees === undefined ? {} : { frees }),
  };
}

/**
 * `command` with its values read as its operation's arguments.
 *
 * @throws Error for the caller: what is wrong, and the usage
 */
function prepareWith(operation: DefinedOperation, command: Command): Command {
  const { args } = operation;
  let given = command.length - 1;
  // Whatever is left out at the end leaves no trace, so that the log has one form for one meaning.
  while (given > 0 && isLeftOut(command[given]) && argumentAt(args, given - 1)?.occurs === "optional") given -= 1;
  checkCount(operation, given);
  const prepared: [string, ...unknown[]] = [operation.name];
  for (let at = 0; at < given; at++) prepared.push(valueAt(operation, at, command[at + 1]));
  return prepared;
}

/** The values of a prepared command as `run` gets them. */
function spread(operation: DefinedOperation, command: Command): unknown[] {
  const { args } = operation;
  // One that was left out in the middle is null in the log.
  return command.slice(1).map((value, at) => value === null && args[at]?.occurs === "optional" ? undefined : value);
}

/** A command of one of `operations` by chance. */
function generateFrom(operations: readonly DefinedOperation[], random: () => number): Command {
  const operation = operations[Math.floor(random() * operations.length)];
  if (operation === undefined) throw new RangeError("there is no operation to try");
  const command: [string, ...unknown[]] = [operation.name];
  for (const argument of operation.args) {
    if (argument.occurs === "optional" && random() < 0.5) break;
    const count = argument.occurs === "rest" ? Math.floor(random() * (REST_MAX + 1)) : 1;
    for (let i = 0; i < count; i++) command.push(argument.generate(random));
  }
  return command;
}

function checkOrder({ name, args }: DefinedOperation): void {
  const ranks = { once: 0, optional: 1, rest: 2 } as const;
  for (const [at, argument] of args.entries()) {
    if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(argument.name)) {
      throw new TypeError(`an argument of '${name}' is called "${argument.name}": must be a word`);
    }
    const before = args[at - 1];
    if (before === undefined) continue;
    if (before.occurs === "rest") throw new TypeError(`'${before.name}' of '${name}' takes all that follow: must stand last`);
    if (ranks[argument.occurs] < ranks[before.occurs]) {
      throw new TypeError(`'${argument.name}' of '${name}' follows '${before.name}', which is optional: must be optional too`);
    }
  }
}

function usageOf({ name, occurs }: AnyArgument): string {
  const shown = name.toUpperCase();
  return occurs === "once" ? shown : occurs === "optional" ? `[${shown}]` : `[${shown}…]`;
}

/** The argument that the value at `at` is for; undefined beyond the last. */
function argumentAt(args: readonly AnyArgument[], at: number): AnyArgument | undefined {
  const last = args.at(-1);
  return args[at] ?? (last?.occurs === "rest" ? last : undefined);
}

function isLeftOut(value: unknown): boolean {
  return value === null || value === undefined;
}

function checkCount(operation: DefinedOperation, given: number): void {
  const { args } = operation;
  const least = args.filter(({ occurs }) => occurs === "once").length;
  const most = args.at(-1)?.occurs === "rest" ? Number.POSITIVE_INFINITY : args.length;
  if (given >= least && given <= most) return;
  const wanted = most === least ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
  throw wrong(operation, `got ${given} argument${given === 1 ? "" : "s"}, wanted ${wanted}`);
}

function valueAt(operation: DefinedOperation, at: number, value: unknown): unknown {
  const argument = argumentAt(operation.args, at);
  if (argument === undefined) throw new RangeError(`'${operation.name}' has no argument ${at}`);
  if (argument.occurs === "optional" && isLeftOut(value)) return null;
  const read: unknown = argument.read(value);
  if (read === undefined) throw wrong(operation, `${argument.name.toUpperCase()} is ${shown(value)}, wanted ${argument.wanted}`);
  return read;
}

function wrong({ name, args }: DefinedOperation, what: string): Error {
  return new Error(`${[name, ...args.map(usageOf)].join(" ")}: ${what}`);
}

/** `value` as a caller knows it, in short. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const said = typeof value === "string" ? JSON.stringify(value) : String(value);
  return said.length <= SHOWN_MAX ? said : `${said.slice(0, SHOWN_MAX)}…`;
}
