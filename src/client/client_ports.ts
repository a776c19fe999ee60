/** The real ports of a client: plain, or over TLS. */
import { DraftError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import { NodeTlsNet } from "../host/node_tls.ts";
import type { ClientTls } from "./client_options.ts";

/** @throws DraftError BAD_CONFIG if what `tls` holds cannot be used */
export function portsOf(tls: ClientTls | undefined): Pick<Host, "net" | "clock"> {
  const { net, clock } = createNodeHost(silentLog);
  if (tls === undefined) return { net, clock };
  const { ca = null, cert, key } = tls;
  if ((cert === undefined) !== (key === undefined)) throw new DraftError("BAD_CONFIG", "a client shows a certificate and has its key, or neither: give both, or none");
  try {
    const own = cert === undefined || key === undefined ? null : { cert, key };
    return { net: new NodeTlsNet({ own, ca, peerCa: null, demandsCertificate: false }, false), clock };
  } catch (error) {
    throw new DraftError("BAD_CONFIG", `certificate, key or authority cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
