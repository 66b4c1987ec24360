import type { Command } from "./command.ts";
import { ACCOUNT_COMMANDS } from "./commands/accounts.ts";
import { ADDRESS_COMMANDS } from "./commands/addresses.ts";
import { DEDICATION_COMMANDS } from "./commands/dedications.ts";
import { DOMAIN_COMMANDS } from "./commands/domains.ts";
import { EXTRACTION_COMMANDS } from "./commands/extraction.ts";
import { GROUP_COMMANDS } from "./commands/groups.ts";
import { ISO_COMMANDS } from "./commands/isos.ts";
import { installationCommands } from "./commands/installation.ts";
import { logCommands } from "./commands/log.ts";
import { MACHINE_COMMANDS } from "./commands/machines.ts";
import { MARK_COMMANDS } from "./commands/marks.ts";
import { NETWORK_COMMANDS } from "./commands/networks.ts";
import { ROLE_COMMANDS } from "./commands/roles.ts";
import { RULE_COMMANDS } from "./commands/rules.ts";
import { SMALL_THING_COMMANDS } from "./commands/small-things.ts";
import { STORAGE_COMMANDS } from "./commands/storage.ts";
import { SYSTEM_COMMANDS } from "./commands/system.ts";
import { TEMPLATE_COMMANDS } from "./commands/templates.ts";
import { USER_COMMANDS } from "./commands/users.ts";
import { VPC_COMMANDS } from "./commands/vpcs.ts";
import { VOLUME_CHANGE_COMMANDS } from "./commands/volume-changes.ts";
import { registerKnownCommands } from "./rights.ts";

/** Every command that the emulator answers; any other one is answered as unknown (401). */
export const COMMANDS: readonly Command[] = [
  ...DOMAIN_COMMANDS,
  ...DEDICATION_COMMANDS,
  ...ACCOUNT_COMMANDS,
  ...USER_COMMANDS,
  ...MACHINE_COMMANDS,
  ...STORAGE_COMMANDS,
  ...VOLUME_CHANGE_COMMANDS,
  ...TEMPLATE_COMMANDS,
  ...ISO_COMMANDS,
  ...EXTRACTION_COMMANDS,
  ...NETWORK_COMMANDS,
  ...ADDRESS_COMMANDS,
  ...RULE_COMMANDS,
  ...VPC_COMMANDS,
  ...SMALL_THING_COMMANDS,
  ...GROUP_COMMANDS,
  ...ROLE_COMMANDS,
  ...MARK_COMMANDS,
  ...SYSTEM_COMMANDS,
  ...installationCommands(() => COMMANDS),
  ...logCommands(lookUpCommand),
];

const BY_NAME: ReadonlyMap<string, Command> = new Map(COMMANDS.map((command) => [command.name.toLowerCase(), command]));

registerKnownCommands(COMMANDS);

/** The command of that name; case does not matter. */
export function lookUpCommand(name: string): Command | undefined {
  return BY_NAME.get(name.toLowerCase());
}
