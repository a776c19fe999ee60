/** The operations of the machine `kv` that concern one key, as its documentation says them. */
import { TALLY } from "../builds.ts";
import { answerOf, textOf } from "./history.ts";
import {
  bytesOf, type Cell, cellOf, countMeaning, fits, type KvOperation, type KvState, mayBe, put, valueMeaning,
} from "./kv_cells.ts";

/** The states that an operation on the one key at place `at` may lead to. */
export function single(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  switch (operation.name) {
    case "get": return fits(operation, state, valueMeaning(cell));
    case "getrev": return getrev(state, at, operation);
    case "strlen": return fits(operation, state, countMeaning(cell === null ? 0 : bytesOf(cell.value)));
    case "set": return set(state, at, operation);
    case "cas": return cas(state, at, operation);
    case "append": return append(state, at, operation);
    case "delex": return delex(state, at, operation);
    case TALLY:
    case "incr": return add(state, at, operation, 1n);
    case "decr": return add(state, at, operation, -1n);
    case "incrby": return add(state, at, operation, BigInt(operation.args[1]!));
    case "decrby": return add(state, at, operation, -BigInt(operation.args[1]!));
    case "ttl":
    case "pttl": return remaining(state, cell, operation);
    case "expire":
    case "pexpire": return expire(state, at, operation);
    case "persist": return persist(state, at, operation);
    default: throw new Error(`the operation '${operation.name}' is not modelled`);
  }
}

function getrev(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  if (cell === null || !operation.isAnswered) return fits(operation, state, "nil");
  const { reply } = answerOf(operation.recorded.operation);
  if (!Array.isArray(reply) || textOf(reply[0]) !== cell.value || !mayBe(cell, Number(reply[1]))) return [];
  return [put(state, at, { ...cell, revision: Number(reply[1]) })];
}

function set(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  const words = operation.args.slice(2).map((word) => word.toUpperCase());
  // Values may look like options: only the place behind IFEQ and a time holds one.
  let condition = true;
  let expires = false;
  let gives = '"OK"';
  let refusal = "nil";
  for (let word = 0; word < words.length; word++) {
    if (words[word] === "NX") condition = cell === null;
    else if (words[word] === "XX") condition = cell !== null;
    else if (words[word] === "IFEQ") condition = cell?.value === operation.args[2 + ++word];
    else if (words[word] === "KEEPTTL") expires = cell?.expires ?? false;
    else if (words[word] === "GET") gives = refusal = valueMeaning(cell);
    else {
      word += 1;
      expires = true;
    }
  }
  if (!condition) return fits(operation, state, refusal);
  return fits(operation, put(state, at, { ...cellOf(operation.args[1]!, operation), expires }), gives);
}

function cas(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  const wanted = Number(operation.args[1]);
  const isKnown = cell === null || cell.revision >= 0;
  const mayHold = cell === null ? wanted === 0 : mayBe(cell, wanted);
  if (operation.refusal !== null) return isKnown && mayHold ? [] : [state];
  const done = mayHold ? [put(state, at, cellOf(operation.args[2]!, operation))] : [];
  if (operation.isAnswered) return done.filter(() => operation.reply === countMeaning(operation.index));
  return isKnown && mayHold ? done : [...done, state];
}

function append(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  const value = (cell?.value ?? "") + operation.args[1]!;
  const next = put(state, at, { ...cellOf(value, operation), expires: cell?.expires ?? false });
  return fits(operation, next, countMeaning(bytesOf(value)));
}

function delex(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const isIt = state[at]?.value === operation.args[2];
  return fits(operation, isIt ? put(state, at, null) : state, countMeaning(isIt ? 1 : 0));
}

const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;

function add(state: KvState, at: number, operation: KvOperation, by: bigint): readonly KvState[] {
  const cell = state[at] ?? null;
  const isInteger = cell === null || INTEGER.test(cell.value);
  const sum = isInteger ? BigInt(cell?.value ?? "0") + by : 0n;
  const isRefused = !isInteger || sum !== BigInt.asIntN(64, sum);
  if (isRefused) return operation.isAnswered ? [] : [state];
  if (operation.refusal !== null) return [];
  const next = put(state, at, { ...cellOf(String(sum), operation), expires: cell?.expires ?? false });
  return fits(operation, next, countMeaning(sum));
}

function remaining(state: KvState, cell: Cell | null, operation: KvOperation): readonly KvState[] {
  if (cell === null) return fits(operation, state, countMeaning(-2));
  if (!cell.expires) return fits(operation, state, countMeaning(-1));
  return Number(answerOf(operation.recorded.operation).reply) >= 0 ? [state] : [];
}

function expire(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  if (cell === null) return fits(operation, state, countMeaning(0));
  const hasFlags = operation.args.length > 2;
  const kept = hasFlags ? fits(operation, state, countMeaning(0)) : [];
  const next = Number(operation.args[1]) > 0 ? { ...cell, expires: true } : null;
  return [...kept, ...fits(operation, put(state, at, next), countMeaning(1))];
}

function persist(state: KvState, at: number, operation: KvOperation): readonly KvState[] {
  const cell = state[at] ?? null;
  if (cell === null || !cell.expires) return fits(operation, state, countMeaning(0));
  return fits(operation, put(state, at, { ...cell, expires: false }), countMeaning(1));
}
