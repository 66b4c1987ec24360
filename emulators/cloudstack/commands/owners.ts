import type { Call } from "../command.ts";
import { ApiFault, invalidValue, permissionDenied } from "../failure.ts";
import { RESOURCE_KINDS } from "../limits.ts";
import { describedAccount } from "../shapes/owner.ts";
import { accountByName, namedDomain, requireOwner } from "../scope.ts";
import { accountTotals, domainTotals } from "../totals.ts";
import type { Account, Domain } from "../world/rows.ts";

/** Whose a new resource becomes: a project's, an account's named with its domain if it is enabled, or the caller's. */
export function newOwner(call: Call): Account {
  const owner = namedOwner(call);
  if (owner !== call.caller.account) requireActive(owner);
  return owner;
}

/** The project's account, the account named with its domain, or the caller's. */
export function namedOwner(call: Call): Account {
  const { world, params, caller } = call;
  const project = world.projects.live(params.text("projectid"));
  if (project !== undefined) return world.accounts.need(project.accountId);
  const name = params.text("account");
  if (name === undefined) return caller.account;
  const domain = namedDomain(call);
  const account = domain === undefined ? undefined : accountByName(world, domain.id, name);
  if (account === undefined) throw invalidValue(`Unable to find account ${name} in domain ${params.text("domainid") ?? ""}`);
  requireOwner(call, { accountId: account.id, domainId: account.domainId });
  return account;
}

/** Refuses with 531 to give something to an account that is not enabled, whoever asks. Source: recording 23. */
function requireActive(account: Account): void {
  if (account.state === "enabled") return;
  const who = describedAccount(account);
  throw permissionDenied(`Can't add resources to the account Account ${who} in state=${account.state} as it's no longer active`);
}

/** Refuses with 535 what would exceed the limit of an account, or of a domain above it. */
export function requireRoom(call: Call, account: Account, type: number): void {
  const kind = RESOURCE_KINDS[type];
  if (kind === undefined || account.type === 1) return;
  const limit = account.limits[type] ?? kind.account;
  const held = accountTotals(call.world, account.id)[type] ?? 0;
  const domain = call.world.domains.need(account.domainId);
  requireRoomAbove(call, domain, type, kind.name);
  if (limit < 0 || held + 1 <= limit) return;
  throw new ApiFault(
    535,
    `Maximum amount of resources of Type = '${kind.name}', tag = 'null' for Account Name = ${account.name} in Domain Id = ${domain.num} ` +
      `is exceeded: Account Resource Limit = ${limit}, Current Account Resource Amount = ${held}, ` +
      "Current Account Resource Reservation = 0, Requested Resource Amount = 1.",
  );
}

function requireRoomAbove(call: Call, domain: Domain, type: number, kind: string): void {
  const { world } = call;
  for (let at: Domain | undefined = domain; at !== undefined; at = world.domains.find(at.parentId)) {
    const limit = at.limits[type] ?? -1;
    const held = domainTotals(world, at.id)[type] ?? 0;
    if (limit < 0 || held + 1 <= limit) continue;
    throw new ApiFault(
      535,
      `Maximum domain resource limits of Type = '${kind}', tag = 'null' for Domain Id = ${at.num} is exceeded: ` +
        `Domain Resource Limit = ${limit}, Current Domain Resource Amount = ${held}, Requested Resource Amount = 1.`,
    );
  }
}
