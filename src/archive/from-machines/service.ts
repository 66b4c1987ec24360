import { fail, type Failure } from "../../core/failure.ts";
import { ResourceId } from "../../core/ids.ts";
import type { Asker } from "../../core/people.ts";
import { ok, type Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import { recordAudit } from "../../store/audit.ts";
import {
  countUnfinishedTemplatesOf,
  insertMadeTemplate,
  readLastMadeTemplate,
  readMadeTemplate,
  type MadeTemplate,
} from "../../store/made-templates.ts";
import { hasRoom, mayMake, type Permit } from "./may-make.ts";
import type { TemplateContext } from "./ports.ts";
import { viewOf, type TemplateView } from "./view.ts";

/** Makes templates of people's own machines. */
export interface TemplateService {
  /**
   * Has a template made of a machine; its progress is shown in `channel`, the person's direct messages.
   *
   * Errors: `refused`, with what to do; `stale` where it is made already, or being made.
   */
  make(asker: Asker, machineId: string, channel: string): Promise<Result<TemplateView, Failure>>;
}

/** How old a failed try's snapshot may be to be used again. Units: milliseconds. */
const SNAPSHOT_MS = DAY_MS;
/** How many templates of one person may be made at a time: a message shows up to twenty machines, and each takes CloudStack's time. */
const UNFINISHED_MAX = 3;

/** Builds the service through which members have the bot make templates of their machines. */
export function createTemplateService(c: TemplateContext): TemplateService {
  return {
    async make(asker, machineId, channel) {
      const id = ResourceId.safeParse(machineId);
      const { ciUserId } = asker.operator;
      if (!id.success || ciUserId === null) return fail("refused", "template.unknown_person", "It is not known which machines are yours");
      const ask = { machineId: id.data, ciUser: ciUserId };
      const may = await mayMake(ask, c);
      if (!may.ok) return may;
      const last = await readLastMadeTemplate(c.db, id.data);
      const again = await assessAgain(last, may.value, c);
      if (!again.ok) return again;
      const room = await hasRoom(may.value, again.value === null ? "snapshot and template" : "template", c);
      if (!room.ok) return room;
      const row = rowOf(may.value, ask, { asker, channel, snapshotOf: again.value }, c);
      const stored = await c.db.tx(async (q) => {
        const count = await countUnfinishedTemplatesOf(q, ciUserId);
        if (count >= UNFINISHED_MAX) return tooMany(count);
        if (!(await insertMadeTemplate(q, row))) return underWay(row.machineName);
        await c.enqueue(row.id, q);
        const data = { project: row.slug, machine: row.machineId, name: row.name };
        await recordAudit(q, { at: c.now(), actor: row.askedBy, kind: "template.asked", subject: row.id, data });
        const template = await readMadeTemplate(q, row.id);
        return template === null
          ? fail("stuck", "template.lost", "What you asked for was not stored", { remedy: "Click again." })
          : ok(template);
      });
      if (!stored.ok) return stored;
      await c.announcer.showTemplate(viewOf(stored.value), channel);
      return ok(viewOf(stored.value));
    },
  };
}

/** Gives the try whose snapshot can be used; null: there is none. Errors: `stale` where one is made, or being made. */
async function assessAgain(last: MadeTemplate | null, may: Permit, c: TemplateContext): Promise<Result<MadeTemplate | null, Failure>> {
  if (last === null) return ok(null);
  if (last.endedAt === null) return underWay(may.machine.name);
  const { machine } = may;
  const known = last.templateId === null ? null : await c.maker.hasTemplate(last.templateId, last.domainId);
  // A try whose end was never known may have made it after all.
  const unknown = last.templateId !== null ? null : await findUsable(last, c);
  for (const read of [known, unknown]) if (read !== null && !read.ok) return read;
  const isThere = (known?.ok === true && known.value) || (unknown?.ok === true && unknown.value !== null);
  if (isThere)
    return fail("stale", "template.made_before", `There is a template of ${machine.name} already: ${last.name}`, {
      remedy: "To have a newer one, remove that one in CloudStack first, or make it there.",
    });
  if (last.snapshotId === null || last.state !== "failed" || c.now() - last.askedAt > SNAPSHOT_MS) return ok(null);
  const whole = await c.maker.hasSnapshot(last.snapshotId, last.domainId);
  return whole.ok ? ok(whole.value ? last : null) : whole;
}

/** What a failed try may have left under its name; what CloudStack never completed counts for nothing. */
async function findUsable(last: MadeTemplate, c: TemplateContext): Promise<Result<ResourceId | null, Failure>> {
  const found = await c.maker.findMade({ kind: "template", name: last.name, domainId: last.domainId }, null);
  return !found.ok && found.error.code === "cloudstack.not_ready" ? ok(null) : found;
}

function tooMany(count: number): Result<never, Failure> {
  return fail("refused", "template.too_many", `${count} templates are being made for you already`, {
    remedy: "Click again when one of them is made; the messages about them show how far they are.",
  });
}

function underWay(machine: string): Result<never, Failure> {
  return fail("stale", "template.under_way", `A template of ${machine} is being made already`, {
    remedy: "The message about it shows how far it is.",
  });
}

/** What CloudStack is asked to make of the snapshot. */
export function wantedTemplate(row: Pick<MadeTemplate, "name" | "domainId" | "machineName" | "snapshotId">, may: Permit) {
  return {
    kind: "template" as const,
    name: row.name,
    domainId: row.domainId,
    accountName: may.account.name,
    snapshotId: row.snapshotId ?? "",
    osTypeId: may.osTypeId,
    text: `Made by Twokey of the machine ${row.machineName}`.slice(0, 250),
  };
}

function rowOf(
  may: Permit,
  { machineId, ciUser }: { readonly machineId: ResourceId; readonly ciUser: MadeTemplate["ciUser"] },
  of: { readonly asker: Asker; readonly channel: string; readonly snapshotOf: MadeTemplate | null },
  c: TemplateContext,
) {
  const id = c.newId();
  const name = nameOf(may.machine.name, c.now(), id);
  return {
    ...{ id, machineId, ciUser, name },
    machineName: may.machine.name,
    projectId: may.project.id,
    slug: may.project.slug,
    domainId: may.machine.domainId,
    accountId: may.accountId,
    askedBy: of.asker.operator.id,
    channel: of.channel,
    askedAt: c.now(),
    snapshotId: of.snapshotOf?.snapshotId ?? null,
    snapshotName: of.snapshotOf?.snapshotName ?? name,
  };
}

/** A name that people read and that no other try has: what is made is found again by it. */
function nameOf(machine: string, at: number, id: string): string {
  const clean = machine.replace(/[^A-Za-z0-9._-]+/g, "-").slice(0, 60);
  return `${clean}-${new Date(at).toISOString().slice(0, 10)}-${id.slice(0, 8)}`;
}
