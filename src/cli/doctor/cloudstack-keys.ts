import type { KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import {
  destructiveCommands,
  keyUses,
  needsOf,
  plugInLists,
  reimportCommands,
  roleTypes,
  templateCommands,
  templateLists,
  usefulTo,
  type KeyUse,
} from "../../cloudstack/api/needs.ts";
import type { CloudStackKeys, Config } from "../../config/config.ts";
import { kindsOf } from "../../core/backup-policy.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, warning, failed, refused, skipped } = checksOf("cloudstack");

/** The environment's different key pairs, each with its uses: several when the environment shares it. */
export function pairsOf(config: Config["cloudstack"]): readonly (CloudStackKeys & { readonly uses: readonly KeyUse[] })[] {
  const pairs = new Map<string, CloudStackKeys & { readonly uses: KeyUse[] }>();
  for (const use of keyUses) {
    const pair = config[use];
    if (pair === null) continue;
    const { apiKey, secretKey } = pair;
    const known = pairs.get(apiKey);
    if (known === undefined) pairs.set(apiKey, { uses: [use], apiKey, secretKey });
    else known.uses.push(use);
  }
  return [...pairs.values()];
}

/**
 * Checks one key pair: valid, whose, what it sees, and what its role allows, as CloudStack lists it; no command is tried.
 *
 * `members` is what the roles allow that the writing key hands out; null: not known. `lackRoot`: that the managed root is not there was
 * found with the reading key, and is not told again.
 */
export async function examineKey(
  uses: readonly KeyUse[],
  key: KeyInspector,
  config: Config,
  known: { readonly members: readonly string[] | null; readonly lackRoot: boolean },
): Promise<{ readonly checks: readonly Check[]; readonly lacksRoot: boolean }> {
  const name = `${uses.join(" + ")} key`;
  const account = await key.readAccount();
  if (!account.ok) {
    const sentence = `${name}: ${account.error.message}`;
    return { checks: [refused({ ...account.error, message: sentence }, "Check the key pair.")], lacksRoot: false };
  }
  const { name: own, domainpath, rolename, roletype } = account.value;
  const root = await key.findRoot();
  const role = `${rolename}${roletype === undefined ? "" : ` (${roletype})`}`;
  const place = `${name}: valid, account ${own} in ${domainpath ?? "a domain"}, role ${role}`;
  const rootChecks = root.ok
    ? [ok(`${name}: sees ${config.cloudstack.rootPath} (${root.value})`)]
    : known.lackRoot
      ? []
      : [refused({ ...root.error, message: `${name}: ${root.error.message}` }, "Put its account into that domain or above it.")];
  const checks = [
    ok(place),
    ...sharedChecks(uses, name),
    ...rootChecks,
    ...typeChecks(uses, name, roletype ?? "unknown"),
    ...(await examineRights(uses, key, name, rolename, {
      kinds: kindsAsked(config),
      members: known.members ?? [],
      isMembersKnown: known.members !== null,
      makesTemplates: config.notices.nudgeAfterMs !== null,
    })),
  ];
  return { checks, lacksRoot: !root.ok };
}

function sharedChecks(uses: readonly KeyUse[], name: string): readonly Check[] {
  if (uses.length === 1) return [];
  const sentence = `${name}: one pair for ${uses.length} uses; whoever steals it can do all of them`;
  return [warning(sentence, "Give each use an account and keys of its own (docs/cloudstack.md).")];
}

/** Source: recording 29. */
function typeChecks(uses: readonly KeyUse[], name: string, type: string): readonly Check[] {
  const needsAdmin = uses.some((use) => roleTypes[use] === "Admin");
  if (needsAdmin && type !== "Admin") {
    const what = "CloudStack then refuses it templates of other accounts, and accounts that may do more than it";
    const remedy =
      'Give it an account in ROOT with a role of the type Admin that allows a few commands and ends in "deny *" (docs/cloudstack.md).';
    return [failed(`${name}: its role is of the type ${type}; ${what}`, remedy)];
  }
  if (needsAdmin) return [ok(`${name}: its role is of the type Admin, which may touch accounts that may do more than it`)];
  if (type === "User")
    return [failed(`${name}: its role is of the type User, which sees its own account only`, "Use the type DomainAdmin.")];
  if (type === "Admin" && uses.includes("write")) {
    const sentence = `${name}: its role is of the type Admin, which reaches every domain, not only those of CI`;
    return [warning(sentence, "Give it an account in the managed root with a role of the type DomainAdmin (docs/cloudstack.md).")];
  }
  return [];
}

async function examineRights(
  uses: readonly KeyUse[],
  key: KeyInspector,
  name: string,
  role: string,
  asked: Parameters<typeof needsOf>[1] & { readonly makesTemplates: boolean; readonly isMembersKnown: boolean },
): Promise<readonly Check[]> {
  const allowed = await key.readAllowed();
  if (!allowed.ok) return [refused({ ...allowed.error, message: `${name}: ${allowed.error.message}` }, "Try again.")];
  const unknown = `${name}: what its role allows is not known, since it may not call listApis`;
  if (allowed.value === null)
    return [warning(unknown, `Allow listApis in the role ${role}: it only describes commands, and changes nothing.`)];
  const may = allowed.value;
  const needed = [...new Set(uses.flatMap((use) => needsOf(use, asked)))];
  // Of a plug-in's list, `listApis` does not say whether it is not allowed or not there: `examineLists` sends it.
  const missing = needed.filter((command) => !may.has(command) && !(plugInLists as readonly string[]).includes(command));
  const needs =
    missing.length === 0
      ? ok(`${name}: may send all ${needed.length} commands that it needs`)
      : failed(`${name}: may not send ${listed(missing)}`, `Allow them in the role ${role} (docs/cloudstack.md).`);
  const expected = new Set<string>([...needed, ...uses.flatMap((use) => usefulTo[use])]);
  const excess = [...may].filter((command) => !expected.has(command) && !ONLY_READS.test(command)).toSorted();
  return [
    needs,
    ...reimportChecks(uses, name, role, may),
    ...templateChecks(uses, name, role, may, asked),
    ...excessChecks(uses, name, role, excess, asked),
  ];
}

/** Commands that only read. */
const ONLY_READS = /^(?:list|get|query|find)[A-Z]/;
const destructive: ReadonlySet<string> = new Set(destructiveCommands);

function reimportChecks(uses: readonly KeyUse[], name: string, role: string, may: ReadonlySet<string>): readonly Check[] {
  const missing = uses.includes("export") ? reimportCommands.filter((command) => !may.has(command)) : [];
  if (missing.length === 0) return [];
  const sentence = `${name}: may not send ${listed(missing)}, so "npx twokey reimport" could not register templates again`;
  return [warning(sentence, `Allow them in the role ${role} before they are needed (docs/cloudstack.md).`)];
}

/** The button in the weekly message to owners of machines without a template. */
function templateChecks(
  uses: readonly KeyUse[],
  name: string,
  role: string,
  may: ReadonlySet<string>,
  { makesTemplates }: { readonly makesTemplates: boolean },
): readonly Check[] {
  const wanted = makesTemplates && uses.includes("write") ? [...templateCommands, ...templateLists] : [];
  const missing = wanted.filter((command) => !may.has(command));
  if (missing.length === 0) return [];
  const sentence = `${name}: may not send ${listed(missing)}, so the button "Make a template" (TWOKEY_NUDGE_AFTER_DAYS) ends in a refusal`;
  return [warning(sentence, `Allow them in the role ${role} (docs/cloudstack.md).`)];
}

function excessChecks(
  uses: readonly KeyUse[],
  name: string,
  role: string,
  excess: readonly string[],
  { isMembersKnown }: { readonly isMembersKnown: boolean },
): readonly Check[] {
  if (excess.length === 0) return [ok(`${name}: may change nothing that it does not need to`)];
  const remedy = `End the role ${role} with "deny *" after the commands that it needs (docs/cloudstack.md).`;
  // The deletion key may destroy anyway: a right that it does not need is not a risk of its own.
  const [grave, rest] = uses.includes("delete")
    ? [[], excess]
    : [excess.filter((command) => destructive.has(command)), excess.filter((command) => !destructive.has(command))];
  return [
    ...(grave.length === 0 ? [] : [failed(`${name}: may send ${listed(grave)}, which is for approved deletions only`, remedy)]),
    ...(rest.length === 0 ? [] : [restCheck(uses, name, rest, remedy, isMembersKnown)]),
  ];
}

/** The writing key needs all that members may do: what that is, is not known while a role of theirs cannot be read. */
function restCheck(uses: readonly KeyUse[], name: string, rest: readonly string[], remedy: string, isMembersKnown: boolean): Check {
  return uses.includes("write") && !isMembersKnown
    ? skipped(`not checked, since a role of CLOUDSTACK_ROLES could not be read: whether the ${name} may send more than it needs`)
    : warning(`${name}: may also send ${listed(rest)}, which it does not need`, remedy);
}

function kindsAsked(config: Config): ReadonlySet<string> {
  const backedUp = Object.values(config.backups.policies).flatMap((policy) => (policy === null ? [] : kindsOf[policy]));
  return new Set<string>([...config.archive.kinds, ...backedUp]);
}
