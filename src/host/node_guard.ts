/**
 * The guard of machines in this process: globals that look whether a machine runs. They are put in place before a plugin
 * is loaded, so that one that keeps `const now = Date.now` keeps a guarded one; for everybody else they do what they
 * always did. `remove` puts the runtime's own back.
 */
import * as nodeModule from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ForbiddenGlobal, type ForbiddenKind, type Guard, type GuardedMethod } from "./guard.ts";

// Not imported: Bun makes the named exports of a module when it is first imported, and a plugin's should be guarded.
const nodeCrypto: object = process.getBuiltinModule("node:crypto");
const nodeTimers: object = process.getBuiltinModule("node:timers");

/** A guard that is in force. */
export interface InstalledGuard extends Guard {
  /** Gives up this guard; with the last one the runtime's own globals are back. May be called again. */
  remove(): void;
}

/** What a machine does now. */
interface Running {
  readonly method: GuardedMethod;
  readonly operation: string | null;
  /** The first that it used. */
  caught: ForbiddenGlobal | null;
}

/** What all guards of the process share: there is one set of globals. */
interface Shared {
  guards: number;
  running: Running | null;
  restore: readonly (() => void)[];
}

/** The process owns it, as it owns its globals. */
const SHARED: unique symbol = Symbol.for("draft.guard");

/** Guards the globals of this process, from now until it is removed. */
export function installGuard(): InstalledGuard {
  const shared = (globalThis as { [SHARED]?: Shared })[SHARED] ??= { guards: 0, running: null, restore: [] };
  if (shared.guards === 0) {
    shared.restore = forbidden().map((each) => replace(each, shared));
    nodeModule.syncBuiltinESMExports();
  }
  shared.guards += 1;
  let isInForce = true;
  return {
    run: (method, operation, work) => run(shared, { method, operation, caught: null }, work),
    remove: () => {
      if (!isInForce) return;
      isInForce = false;
      shared.guards -= 1;
      if (shared.guards > 0) return;
      for (const restore of shared.restore) restore();
      shared.restore = [];
      nodeModule.syncBuiltinESMExports();
    },
  };
}

function run<T>(shared: Shared, running: Running, work: () => T): T {
  const outer = shared.running;
  shared.running = running;
  let result: T;
  try {
    result = work();
  } catch (thrown) {
    // It may have been caught and made something else of.
    throw running.caught ?? thrown;
  } finally {
    shared.running = outer;
  }
  if (running.caught !== null) throw running.caught;
  return result;
}

/** A function that machines may not call. */
interface Forbidden {
  readonly holder: object;
  readonly key: string;
  /** As users write it. */
  readonly global: string;
  readonly kind: ForbiddenKind;
}

function forbidden(): Forbidden[] {
  const { Bun = {}, Temporal = {} } = globalThis as { readonly Bun?: object; readonly Temporal?: { readonly Now?: object } };
  const { Now = {} } = Temporal as { readonly Now?: object };
  const all = (holder: object, prefix: string, kind: ForbiddenKind, keys: readonly string[]): Forbidden[] =>
    keys.map((key) => ({ holder, key, global: `${prefix}${key}()`, kind }));
  return [
    ...all(Date, "Date.", "clock", ["now"]),
    ...all(globalThis, "", "clock", ["Date"]),
    ...all(performance, "performance.", "clock", ["now"]),
    ...all(process.hrtime, "process.hrtime.", "clock", ["bigint"]),
    ...all(process, "process.", "clock", ["hrtime", "uptime"]),
    ...all(Bun, "Bun.", "clock", ["nanoseconds"]),
    ...all(Now, "Temporal.Now.", "clock", ["instant", "plainDateISO", "plainDateTimeISO", "plainTimeISO", "zonedDateTimeISO"]),
    ...all(Math, "Math.", "chance", ["random"]),
    ...all(crypto, "crypto.", "chance", ["getRandomValues", "randomUUID"]),
    ...all(crypto.subtle, "crypto.subtle.", "chance", ["generateKey"]),
    ...all(nodeCrypto, "crypto.", "chance", [
      "generateKeyPair", "generateKeyPairSync", "generateKeySync", "getRandomValues", "randomBytes", "randomFill", "randomFillSync",
      "randomInt", "randomUUID", "randomUUIDv7",
    ]),
    ...all(Bun, "Bun.", "chance", ["randomUUIDv7"]),
    ...all(globalThis, "", "timer", ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]),
    ...all(nodeTimers, "", "timer", ["setTimeout", "setInterval", "setImmediate"]),
    ...all(process, "process.", "timer", ["nextTick"]),
    ...all(globalThis, "", "network", ["fetch"]),
  ];
}

/** Puts a guarded function in the place of the runtime's own, if it has one there; undoes that. */
function replace(wanted: Forbidden, shared: Shared): () => void {
  const { key } = wanted;
  const holder = ownerOf(wanted.holder, key);
  const before = holder === null ? undefined : Object.getOwnPropertyDescriptor(holder, key);
  if (holder === null || before === undefined || (before.configurable !== true && before.writable !== true)) return () => undefined;
  const original: unknown = Reflect.get(holder, key, wanted.holder);
  if (typeof original !== "function") return () => undefined;
  const guarded = guardedFunction(original, wanted, shared);
  const set = (value: unknown, isBack: boolean): void => {
    if (before.configurable !== true) Reflect.set(holder, key, value);
    else if (isBack) Object.defineProperty(holder, key, before);
    else Object.defineProperty(holder, key, { value, writable: true, configurable: true, enumerable: before.enumerable === true });
    // All dates are of one class, to whoever asks for their constructor.
    if (key === "Date") Reflect.set(original.prototype as object, "constructor", value);
  };
  set(guarded, false);
  return () => {
    // Somebody may have put his own in its place, whose business it is then.
    if (Reflect.get(holder, key, wanted.holder) === guarded) set(original, true);
  };
}

/** `object` or the prototype of it that has `key`. */
function ownerOf(object: object, key: string): object | null {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, key)) return at;
  }
  return null;
}

/** A proxy, since the functions bear other properties: those of `Date`, the promised form of `setTimeout`. */
function guardedFunction(original: object, { global, kind, key }: Forbidden, shared: Shared): object {
  const isDate = key === "Date";
  const handler: ProxyHandler<() => unknown> = {
    apply(target, self, values) {
      if (shared.running !== null) check(shared.running, { global, kind }, handler.apply);
      return Reflect.apply(target, self, values) as unknown;
    },
    construct(target, values, newTarget) {
      // Only a date of nothing is of now.
      const isNow = isDate && values.length === 0;
      if (isNow && shared.running !== null) check(shared.running, { global: "new Date()", kind }, handler.construct);
      return Reflect.construct(target, values, newTarget) as object;
    },
  };
  return new Proxy(original as () => unknown, handler);
}

/** @throws ForbiddenGlobal, unless the runtime itself does what it does for something harmless, as `console.log` */
function check(running: Running, { global, kind }: Pick<Forbidden, "global" | "kind">, above: unknown): void {
  const stack = stackAbove(above);
  if (kind === "timer" && isRuntime(stack)) return;
  const error = new ForbiddenGlobal({ method: running.method, operation: running.operation, global, kind, place: placeOf(stack) });
  running.caught ??= error;
  throw error;
}

/** The lines of the stack from the caller of `above` on. */
function stackAbove(above: unknown): string[] {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, above as () => void);
  return String(holder.stack).split("\n");
}

/** Frames from here on are below the machine. */
const OWN_FILE: string = import.meta.url.replace(/^file:\/\//, "");
/** A file with line and column. */
const FILE = /(?:\(|at |async )((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^()]*):(\d+):(\d+)\)?$/;
/** A module of the runtime with a line: node: of Node, ext: of Deno. */
const RUNTIME = /(?:\(|at )(?:node|ext|bun|internal):.*:\d+:\d+\)?$/;

/** Whether the caller is a part of the runtime: frames of native code, as of `Array.map`, are nobody's. */
function isRuntime(stack: readonly string[]): boolean {
  const first = stack.find((line) => FILE.test(line) || RUNTIME.test(line));
  return first !== undefined && RUNTIME.test(first);
}

/** Where the machine's code is; not known if it returned what it called, and the runtime forgot it for that. */
function placeOf(stack: readonly string[]): string | null {
  for (const line of stack) {
    if (line.includes(OWN_FILE)) return null;
    const [, file, row, column] = FILE.exec(line) ?? [];
    if (file !== undefined) return `${file.startsWith("file:") ? fileURLToPath(file) : file}:${row}:${column}`;
  }
  return null;
}
