/** The operations of a machine as methods: what stands behind `client.as`. Their types are `Methods` of the machine. */
import type { Command, OperationRow } from "../machine/machine.ts";

/** Sends commands: a client, as far as it matters here. */
interface Sender<O> {
  /** As the machine says. */
  run(command: Command, options: O): Promise<{ readonly result: unknown }>;
  write(command: Command, options: O): Promise<{ readonly result: unknown }>;
  read(command: Command, options: O): Promise<{ readonly result: unknown }>;
}

type Method = (...values: unknown[]) => Promise<unknown>;

/**
 * One method for each operation.
 *
 * @param operations what there is; null: whatever is called, and the cluster says whether it is a write or a read
 */
export function operationMethods<O>(sender: Sender<O>, operations: Readonly<Record<string, OperationRow>> | null, options: O): object {
  if (operations === null) return new Proxy({}, { get: (_, name) => anyMethod(sender, name, options) });
  const methods = Object.entries(operations).map(([name, { kind }]): [string, Method] => [
    name,
    async (...values) => (await sender[kind]([name, ...values], options)).result,
  ]);
  return Object.freeze(Object.fromEntries(methods));
}

function anyMethod<O>(sender: Sender<O>, name: string | symbol, options: O): Method | undefined {
  // What has a `then` would be called by whoever awaits it or returns it from an async function.
  if (typeof name === "symbol" || name === "then") return undefined;
  return async (...values) => (await sender.run([name, ...values], options)).result;
}
