/**
 * DNS rebinding: a name that somebody else owns may be made to lead here, and then a page of theirs counts as one of
 * ours. Such a request names that name as its host, so only names that nobody else can own are taken.
 */
import { DraftError } from "../../base/errors.ts";

const IP_V4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IP_V6 = /^\[[0-9a-f:.]+\]$/;

/**
 * @param hosts every `Host` of the request
 * @param own the host of the address that this node advertises
 * @param optional HTTP/1.0 knows no host
 * @throws DraftError BAD_REQUEST, FORBIDDEN
 */
export function checkHost(hosts: readonly string[], own: string, optional: boolean): void {
  const [host] = hosts;
  if (hosts.length > 1 || (host === undefined && !optional)) throw new DraftError("BAD_REQUEST", `the request has ${hosts.length} Host headers: want one`);
  if (host === undefined) return;
  const name = host.toLowerCase().replace(/:\d{1,5}$/, "");
  if (name === "localhost" || name === own.toLowerCase() || IP_V4.test(name) || IP_V6.test(name)) return;
  throw new DraftError("FORBIDDEN", `host "${host.slice(0, 128)}": this node answers as an IP address, localhost, or ${own}`);
}
