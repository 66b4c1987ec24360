import type { KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import {
  deleteCommands,
  destructiveCommands,
  exportCommands,
  plugInLists,
  readCommands,
  reimportCommands,
  writeCommands,
  writeLists,
} from "../../cloudstack/api/needs.ts";
import type { CloudStackKeys, Config } from "../../config.ts";
import { kindsOf } from "../../core/backup-policy.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "./report.ts";

const { ok, warning, failed, refused } = checksOf("cloudstack");

const keyUses = ["read", "write", "export", "delete"] as const;
type KeyUse = (typeof keyUses)[number];

/** The environment's different key pairs, each with its uses: several when the environment shares it. */
export function pairsOf(config: Config["cloudstack"]): readonly (CloudStackKeys & { readonly uses: readonly KeyUse[] })[] {
  const pairs = new Map<string, CloudStackKeys & { readonly uses: KeyUse[] }>();
  for (const use of keyUses) {
    const { apiKey, secretKey } = config[use];
    const known = pairs.get(apiKey);
    if (known === undefined) pairs.set(apiKey, { uses: [use], apiKey, secretKey });
    else known.uses.push(use);
  }
  return [...pairs.values()];
}

/** Checks one key pair: valid, whose, what it sees, and what its role allows, as CloudStack lists it; no command is tried. */
export async function examineKey(uses: readonly KeyUse[], key: KeyInspector, config: Config): Promise<readonly Check[]> {
  const name = `${uses.join(" + ")} key`;
  const account = await key.readAccount();
  if (!account.ok) return [refused({ ...account.error, message: `${name}: ${account.error.message}` }, "Check the key pair.")];
  const { name: own, domainpath, rolename, roletype } = account.value;
  const root = await key.findRoot();
  const role = `${rolename}${roletype === undefined ? "" : ` (${roletype})`}`;
  const place = `${name}: valid, account ${own} in ${domainpath ?? "a domain"}, role ${role}`;
  return [
    ok(place),
    ...sharedChecks(uses, name),
    root.ok
      ? ok(`${name}: sees ${config.cloudstack.rootPath} (${root.value})`)
      : refused({ ...root.error, message: `${name}: ${root.error.message}` }, "Put its account into that domain or above it."),
    ...(await examineRights(uses, key, name, rolename, config)),
  ];
}

function sharedChecks(uses: readonly KeyUse[], name: string): readonly Check[] {
  if (uses.length === 1) return [];
  const sentence = `${name}: one pair for ${uses.length} uses; whoever steals it can do all of them`;
  return [warning(sentence, "Give each use an account and keys of its own (docs/cloudstack.md).")];
}

async function examineRights(
  uses: readonly KeyUse[],
  key: KeyInspector,
  name: string,
  role: string,
  config: Config,
): Promise<readonly Check[]> {
  const allowed = await key.readAllowed();
  if (!allowed.ok) return [refused({ ...allowed.error, message: `${name}: ${allowed.error.message}` }, "Try again.")];
  const unknown = `${name}: what its role allows is not known, since it may not call listApis`;
  if (allowed.value === null)
    return [warning(unknown, `Allow listApis in the role ${role}: it only describes commands, and changes nothing.`)];
  const may = allowed.value;
  const needed = [...new Set(uses.flatMap((use) => needsOf(use, config)))];
  // Of a plug-in's list, `listApis` does not say whether it is not allowed or not there: `examineLists` sends it.
  const missing = needed.filter((command) => !may.has(command) && !(plugInLists as readonly string[]).includes(command));
  const needs =
    missing.length === 0
      ? ok(`${name}: may send all ${needed.length} commands that it needs`)
      : failed(`${name}: may not send ${listed(missing)}`, `Allow them in the role ${role} (docs/cloudstack.md).`);
  const excess = destructiveCommands.filter((command) => may.has(command) && !needed.includes(command));
  return [needs, ...reimportChecks(uses, name, role, may), ...excessChecks(uses, name, role, excess)];
}

function reimportChecks(uses: readonly KeyUse[], name: string, role: string, may: ReadonlySet<string>): readonly Check[] {
  const missing = uses.includes("write") ? reimportCommands.filter((command) => !may.has(command)) : [];
  if (missing.length === 0) return [];
  const sentence = `${name}: may not send ${listed(missing)}, so "npx twokey reimport" could not register templates again`;
  return [warning(sentence, `Allow them in the role ${role} before they are needed (docs/cloudstack.md).`)];
}

/** Commands that only the deletion key may send. */
const NEVER: ReadonlySet<string> = new Set(["deleteDomain", "deleteAccount", "deleteUser", "expungeVirtualMachine"]);

function excessChecks(uses: readonly KeyUse[], name: string, role: string, excess: readonly string[]): readonly Check[] {
  if (excess.length === 0) return [ok(`${name}: has no destructive command that it does not need`)];
  const remedy = `End the role ${role} with "deny *" after the commands that it needs (docs/cloudstack.md).`;
  // The deletion key may destroy anyway: a right that it does not need is not a risk of its own.
  if (uses.includes("delete")) return [warning(`${name}: may also send ${listed(excess)}`, remedy)];
  // CloudStack lets nobody assign a role that may do more than they: the writing key may need the rights of CI accounts.
  const assignable = uses.includes("write") ? excess.filter((command) => !NEVER.has(command)) : [];
  const rest = excess.filter((command) => !assignable.includes(command));
  const why = "unless a role in CLOUDSTACK_ROLES has it: the writing key can only assign roles whose rights it has";
  return [
    ...(rest.length === 0 ? [] : [failed(`${name}: may send ${listed(rest)}, which is for approved deletions only`, remedy)]),
    ...(assignable.length === 0 ? [] : [warning(`${name}: may send ${listed(assignable)}`, `Deny it, ${why}.`)]),
  ];
}

function needsOf(use: KeyUse, config: Config): readonly string[] {
  if (use === "read") return readCommands;
  if (use === "write") return [...writeLists, ...writeCommands];
  if (use === "delete") return [...readCommands, ...deleteCommands];
  const backedUp = Object.values(config.backups.policies).flatMap((policy) => (policy === null ? [] : kindsOf[policy]));
  const kinds = new Set<string>([...config.archive.kinds, ...backedUp]);
  const extracting = Object.entries(exportCommands).flatMap(([kind, command]) => (kinds.has(kind) ? [command] : []));
  return ["queryAsyncJobResult", ...extracting];
}
