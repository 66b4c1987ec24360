import type { Call, Command } from "./command.ts";
import { accountByName } from "./scope.ts";
import type { Row } from "./world/rows.ts";
import type { TableName } from "./world/world.ts";

const TABLES: Readonly<Record<string, TableName>> = {
  Domain: "domains",
  Account: "accounts",
  User: "users",
  VirtualMachine: "machines",
  Volume: "volumes",
  Snapshot: "snapshots",
  Template: "templates",
  Network: "networks",
  Project: "projects",
};

/**
 * Notes that a job was queued (and that what it is about was made at once, if it was). The line belongs to the owner of what the job
 * acts on. Returns the line's id.
 */
export function recordScheduled(call: Call, command: Command, entityId: string | undefined, created: boolean): string | undefined {
  const createdId = created ? record(call, command, "Created", "INFO", entityId, undefined, false) : undefined;
  return record(call, command, "Scheduled", "INFO", entityId, createdId, true);
}

/** Notes that a job ended or a command was answered; the lines belong to the caller. */
export function recordCompleted(call: Call, command: Command, entityId: string | undefined, failed: boolean, startId?: string): void {
  if (command.job !== undefined) record(call, command, "Started", "INFO", entityId, startId, false);
  record(call, command, "Completed", failed ? "ERROR" : "INFO", entityId, startId, false);
}

function record(
  call: Call,
  command: Command,
  state: "Created" | "Scheduled" | "Started" | "Completed",
  level: "INFO" | "ERROR",
  entityId: string | undefined,
  parentId: string | undefined,
  ofOwner: boolean,
): string | undefined {
  const spec = command.event;
  if (spec === undefined) return undefined;
  const { world, settings, now, caller } = call;
  const table = TABLES[spec.resource];
  const id = call.params.text("entityid") ?? entityId ?? call.params.text("id") ?? moved(call, spec.resource);
  const entity = table === undefined ? undefined : (world.tables()[table].find(id) as Subject | undefined);
  const owner = ofOwner ? ownerOf(call, spec.resource, entity) : undefined;
  const event = world.events.insert({
    id: settings.newId(),
    type: spec.type,
    level,
    state,
    description: sentence(spec.text, state, level, entity),
    userId: caller.user.id,
    accountId: owner ?? caller.account.id,
    created: now,
    resourceType: spec.resource,
    ...(entity === undefined ? {} : { resourceId: entity.id, resourceName: entity.name ?? entity.username ?? entity.id }),
    ...(parentId === undefined ? {} : { parentId }),
  });
  return event.id;
}

/** Whose a scheduled job is: the owner of what it acts on; an account named by `account` and `domainid` has no resource id there. */
function ownerOf(call: Call, resource: string, entity: Subject | undefined): string | undefined {
  if (resource !== "Account") return entity?.accountId;
  const domain = call.world.domains.find(call.params.text("domainid"));
  const name = call.params.text("account");
  return entity?.id ?? (domain === undefined || name === undefined ? undefined : accountByName(call.world, domain.id, name)?.id);
}

type Subject = Row & { name?: string; username?: string; accountId?: string };

function moved(call: Call, resource: string): string | undefined {
  return resource === "Domain" ? call.params.text("domainid") : undefined;
}

function sentence(text: string, state: string, level: string, entity: Subject | undefined): string {
  const subject = entity === undefined ? "" : `: ${entity.num}`;
  if (state !== "Completed") return `${text}${subject}`;
  return level === "ERROR" ? `Error while ${text}${subject}` : `Successfully completed ${text}${subject}`;
}
