/** Listens, or says in the words of the flag why that cannot be. */
import { formatAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { isHostError } from "../host/files.ts";
import type { Address } from "../host/host.ts";
import type { Mux } from "./mux.ts";

/**
 * @returns the real address
 * @throws DraftError ADDRESS_IN_USE, BAD_CONFIG
 */
export function* bindMux(mux: Mux, address: Address, flag: string): Task<Address> {
  try {
    return yield* wait<Address>((done) => mux.listen(address, done));
  } catch (error) {
    const text = formatAddress(address);
    if (isHostError(error, "EADDRINUSE")) {
      throw new DraftError("ADDRESS_IN_USE", `address ${text} is in use by another process: choose another ${flag}`, { cause: error });
    }
    const said = error instanceof Error ? error.message : String(error);
    throw new DraftError("BAD_CONFIG", `cannot listen on ${text}: ${said}: choose another ${flag}`, { cause: error });
  }
}
