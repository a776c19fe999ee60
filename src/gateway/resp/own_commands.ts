/** The commands that the door answers itself, whatever the machine is. */
import { CLIENT_COMMANDS } from "./client_commands.ts";
import { CLUSTER_COMMANDS } from "./cluster_commands.ts";
import { CONNECTION_COMMANDS } from "./connection_commands.ts";
import { DRAFT_COMMANDS } from "./draft_commands.ts";
import { SERVER_COMMANDS } from "./server_commands.ts";
import { SUBSCRIPTION_COMMANDS } from "./subscription_commands.ts";
import type { OwnCommand } from "./talk.ts";
import { TRANSACTION_COMMANDS } from "./transaction_commands.ts";

/** By their names in lower case. */
export const OWN_COMMANDS: ReadonlyMap<string, OwnCommand> = new Map(Object.entries({
  ...CONNECTION_COMMANDS, ...CLIENT_COMMANDS, ...SERVER_COMMANDS, ...CLUSTER_COMMANDS, ...TRANSACTION_COMMANDS, ...SUBSCRIPTION_COMMANDS, ...DRAFT_COMMANDS,
}));
