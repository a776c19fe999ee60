/** When a key shall expire, as arguments say it. */
import type { Entry } from "../../src/machine/machine.ts";
import { NOT_AN_INTEGER, integerOf } from "./integers.ts";
import type { Refuse } from "./text.ts";

/** Seconds or milliseconds, from now or (AT) in Unix time. */
export type Unit = "EX" | "PX" | "EXAT" | "PXAT";

/** Whose argument it is. */
interface Asked {
  readonly unit: Unit;
  readonly operation: string;
}

/** The milliseconds that `argument` stands for, at least `from`. */
export function msOf(argument: unknown, asked: Asked & { readonly from: number }, refuse: Refuse): number {
  const amount = integerOf(argument, refuse);
  if (amount < asked.from) throw refuse(invalid(asked.operation));
  const amountMs = Number(amount) * (asked.unit.startsWith("EX") ? 1000 : 1);
  if (!Number.isSafeInteger(amountMs)) throw refuse(typeof amount === "bigint" ? NOT_AN_INTEGER : invalid(asked.operation));
  return amountMs;
}

/** The log time that `amountMs` means at `entry`. */
export function deadlineOf(amountMs: number, asked: Asked, entry: Entry): number {
  if (asked.unit.endsWith("AT")) return amountMs;
  const atMs = entry.timeMs + amountMs;
  if (!Number.isSafeInteger(atMs)) throw entry.reject(invalid(asked.operation));
  return atMs;
}

function invalid(operation: string): string {
  return `invalid expire time in '${operation}' command`;
}
