/** What an error is called over RESP: as Redis would say it where Redis has a word for it, else by its code. */
import type { DraftError } from "../../base/errors.ts";
import type { Argument } from "./request_parser.ts";

/** What Redis says of arguments that it does not understand. */
export const SYNTAX = "ERR syntax error";

/** How much of a command Redis repeats. */
const SHOWN_MAX = 128;

/** Prefixes that stand at the beginning of a machine's own words. */
const REDIS_PREFIX = /^(?:WRONGTYPE|NOSCRIPT|OOM|BUSYKEY) /;

/** The line of an error, without its `-`. */
export function errorLine({ code, message }: DraftError): string {
  switch (code) {
    case "BAD_REQUEST":
    case "REJECTED":
    case "TOO_LARGE":
    case "UNKNOWN_OPERATION":
      return REDIS_PREFIX.test(message) ? message : `ERR ${message}`;
    case "UNAUTHORIZED": return "NOAUTH Authentication required.";
    case "FORBIDDEN": return `NOPERM ${message}`;
    default: return `${code} ${message}`;
  }
}

/** What Redis says of a command that it does not have. */
export function unknownCommand([name = "", ...args]: readonly Argument[]): string {
  let shown = "";
  for (const argument of args) {
    if (shown.length >= SHOWN_MAX) break;
    shown += `'${textOf(argument).slice(0, SHOWN_MAX - shown.length)}' `;
  }
  return `ERR unknown command '${textOf(name).slice(0, SHOWN_MAX)}', with args beginning with: ${shown}`;
}

/** What Redis says of a part of a command that it does not have. */
export function unknownSubcommand(command: string, subcommand: string): string {
  return `ERR unknown subcommand '${subcommand.slice(0, SHOWN_MAX)}'. Try ${command.toUpperCase()} HELP.`;
}

/** What Redis says of a command with too few arguments, or too many. */
export function wrongCount(command: string): string {
  return `ERR wrong number of arguments for '${command}' command`;
}

/** An argument as text: what is no UTF-8 is shown as it can be. */
export function textOf(argument: Argument): string {
  return typeof argument === "string" ? argument : new TextDecoder().decode(argument);
}
