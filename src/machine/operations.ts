/** The operations of a plugin by name: what may be asked of it, and how. Names are matched in any case. */
import { DraftError } from "../base/errors.ts";
import { checkCommand } from "./command.ts";
import type { AnyPlugin, Command, OperationRow } from "./machine.ts";

/** An operation that was found. */
export interface Operation {
  /** As the plugin writes it. */
  readonly name: string;
  readonly row: OperationRow;
}

/** Looks up the operations of one plugin. */
export class Operations {
  readonly #plugin: AnyPlugin;
  readonly #byName: Map<string, Operation> = new Map();
  readonly #inForce: () => number;
  /**
   * Use: who does not run a version yet that others do, in words; "" if nobody is waited for. For who asks a node: what
   * the log is answered with says the same on every node.
   */
  behind: (version: number) => string = () => "";

  /** @param inForce the machine version in force: operations that come with a later one are not there yet */
  constructor(plugin: AnyPlugin, inForce: () => number) {
    this.#plugin = plugin;
    this.#inForce = inForce;
    for (const [name, row] of Object.entries(plugin.operations)) this.#byName.set(name, { name, row });
  }

  /** The operation that `command` names in whatever case; null if there is none at the version in force. */
  find(command: Command): Operation | null {
    const operation = this.#named(command);
    return operation === null || (operation.row.since ?? 1) > this.#inForce() ? null : operation;
  }

  #named(command: Command): Operation | null {
    return this.#byName.get(command[0]) ?? this.#byName.get(command[0].toLowerCase()) ?? null;
  }

  /**
   * How a command must be run. Ask before it is proposed: an unknown operation never enters the log.
   *
   * @throws DraftError UNKNOWN_OPERATION
   */
  kindOf(command: Command): "read" | "write" {
    return this.#known(command).row.kind;
  }

  /**
   * The command as it is to be proposed or queried: its operation's name as the plugin writes it, its arguments
   * checked and typed by the plugin. Runs on the node that received it, once; `kindOf` the result says how to run it.
   *
   * @throws DraftError UNKNOWN_OPERATION; BAD_REQUEST with what the plugin's `prepare` said
   */
  prepare(command: Command): Command {
    const named = Operations.named(command, this.#known(command));
    if (this.#plugin.prepare === undefined) return named;
    try {
      return checkCommand(this.#plugin.prepare(named));
    } catch (thrown) {
      throw new DraftError("BAD_REQUEST", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
    }
  }

  /**
   * Whether the command leaves less than there was, by what its operation says of itself.
   *
   * @throws DraftError UNKNOWN_OPERATION
   */
  frees(command: Command): boolean {
    return this.#known(command).row.frees === true;
  }

  #known(command: Command): Operation {
    const operation = this.find(command);
    if (operation === null) throw this.unknown(command, this.behind);
    return operation;
  }

  /** The error for a command whose operation is not there; `behind` see {@link behind}. */
  unknown(command: Command, behind: (version: number) => string = () => ""): DraftError {
    const { name, version } = this.#plugin;
    const later = this.#named(command);
    if (later !== null) {
      const since = later.row.since ?? 1;
      return new DraftError("UNKNOWN_OPERATION", `operation '${later.name}' comes with version ${since} of the machine '${name}', and ` +
        `${this.#inForce()} is in force: it rises once every node runs the newer one; ${behind(since) || "draft admin states shows which does not"}`);
    }
    const words = [...this.#byName.keys()];
    const known = words.length > 12 ? `${words.slice(0, 12).join(", ")}, …` : words.join(", ");
    const asked = command[0].slice(0, 64);
    const waits = behind(version + 1);
    return new DraftError("UNKNOWN_OPERATION", `unknown operation '${asked}': the machine '${name}' has ${known}` +
      (waits === "" ? "" : `; this node runs version ${version}, and others a later one already, which may bring it: ${waits}`));
  }

  /** `command` with the operation's name as the plugin writes it. */
  static named(command: Command, operation: Operation): Command {
    return command[0] === operation.name ? command : [operation.name, ...command.slice(1)];
  }
}
