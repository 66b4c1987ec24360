import type { JsonObject } from "../json.ts";
import type { Account, Domain, Tag } from "../world/rows.ts";
import type { World } from "../world/world.ts";

/** A domain's path as answers show it: `ROOT/a/b`. */
export function shownPath(domain: Domain): string {
  return `ROOT${domain.path}`.replace(/\/$/, "");
}

/** A domain as texts of refusals name it. */
export function describedDomain(domain: Domain): string {
  return `Domain {"id":${domain.num},"name":"${domain.name}","path":"${domain.path.replaceAll("/", "\\/")}","uuid":"${domain.id}"}`;
}

/** An account as texts of refusals name it, after the word Account. */
export function describedAccount(account: Account): string {
  return `[{"accountName":"${account.name}","id":${account.num},"uuid":"${account.id}"}]`;
}

/** A tag as resources and `listTags` show it. */
export function tagShape(world: World, tag: Tag): JsonObject {
  const { domainpath: _path, ...owner } = ownerFields(world, tag);
  return { key: tag.key, value: tag.value, resourcetype: tag.resourceType, resourceid: tag.resourceId, ...owner };
}

/** Who owns a resource: an account, or a project in place of its hidden account. */
export function ownerFields(world: World, row: { accountId: string; domainId: string }): JsonObject {
  const account = world.accounts.need(row.accountId);
  const domain = world.domains.need(row.domainId);
  const place = { domainid: domain.id, domain: domain.name, domainpath: shownPath(domain) };
  if (account.projectId === undefined) return { account: account.name, ...place };
  const project = world.projects.need(account.projectId);
  return { projectid: project.id, project: project.name, ...place };
}
