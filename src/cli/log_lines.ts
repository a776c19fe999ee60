/**
 * The log of a node on standard error: a line for people, or one JSON object a line.
 */
import { toJsonValue } from "../base/json_value.ts";
import type { Log, LogLevel } from "../host/host.ts";
import { LOG_LEVELS, type LogFormat } from "../node/config.ts";
import type { Style } from "./io.ts";

/** Where lines go and how they look. */
export interface LogLinesOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly style: Style;
  readonly print: (line: string) => void;
  /** Unix time in milliseconds. */
  readonly nowMs: () => number;
}

/** A log that prints lines of `level` and above. */
export function logLines({ level, format, style, print, nowMs }: LogLinesOptions): Log {
  let least = level;
  const enabled = (each: LogLevel): boolean => LOG_LEVELS.indexOf(each) >= LOG_LEVELS.indexOf(least);
  return {
    enabled,
    setLevel: (next) => {
      const before = least;
      least = next;
      return before;
    },
    write: (each, message, fields = {}) => {
      if (!enabled(each)) return;
      const time = new Date(nowMs()).toISOString();
      print(format === "json" ? jsonLine(time, each, message, fields) : textLine(time, each, message, fields, style));
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function jsonLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  return JSON.stringify({ time, level, message, ...toJsonValue(fields) as object });
}

function textLine(time: string, level: LogLevel, message: string, fields: Fields, style: Style): string {
  const shown = Object.entries(fields).map(([name, value]) => style.dim(`${name}=`) + shownValue(value));
  const label = level.toUpperCase().padEnd(5);
  return [style.dim(time.slice(11, 23)), level === "error" || level === "warn" ? style.red(label) : label, message, ...shown].join(" ");
}

function shownValue(value: unknown): string {
  const json = toJsonValue(value);
  return typeof json === "string" && /^[\w.:@/+-]+$/.test(json) ? json : JSON.stringify(json);
}
