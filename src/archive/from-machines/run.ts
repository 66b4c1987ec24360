/** Makes what was asked for: the snapshot, then the template. Each call is recorded before it is sent, and looked up before another. */
import { jobIdFor } from "../../core/derived-ids.ts";
import { fail, failure, sentenceOf, type Failure } from "../../core/failure.ts";
import type { ResourceId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import { recordAudit } from "../../store/audit.ts";
import { openIntents, recordIntent, recordOutcome, type OpenIntent } from "../../store/intents.ts";
import {
  readMadeTemplate,
  readUnfinishedTemplates,
  recordMadeTemplateTold,
  updateMadeTemplate,
  type MadeTemplate,
} from "../../store/made-templates.ts";
import { hasRoom, mayMake, type Permit } from "./may-make.ts";
import type { Sought, TemplateContext, Wanted } from "./ports.ts";
import { wantedTemplate } from "./service.ts";
import { viewOf } from "./view.ts";

/** How long a call that nothing is known of may still arrive. Units: milliseconds. */
const ARRIVES_MS = 120_000;
/** How long it is tried, and how long its end is told. Units: milliseconds. */
const TRIED_MS = DAY_MS;
/** What is not done a minute after it was asked for is looked at again. Units: milliseconds. */
const SWEEP_AFTER_MS = 60_000;

/** Runs one up to its end, or until it must be looked at again later. Idempotent. */
export async function runTemplate(id: string, c: TemplateContext): Promise<void> {
  const row = await readMadeTemplate(c.db, id);
  if (row === null || row.told) return;
  if (row.endedAt === null) {
    const made = await carryOut(row, c);
    // A later look says how it ended: nothing is sent twice meanwhile.
    if (!made.ok && mayComeTrue(made.error) && c.now() - row.askedAt < TRIED_MS) return;
    await recordEnd(row.id, made, c);
  }
  await tellEnd(id, c);
}

/** Looks at those that a crash, or a CloudStack that did not answer, left unfinished. */
export async function sweepTemplates(c: TemplateContext): Promise<void> {
  for (const id of await readUnfinishedTemplates(c.db, c.now() - SWEEP_AFTER_MS, c.now() - TRIED_MS)) await c.enqueue(id);
}

function mayComeTrue({ kind }: Failure): boolean {
  return kind === "indeterminate" || kind === "unavailable";
}

async function carryOut(row: MadeTemplate, c: TemplateContext): Promise<Result<ResourceId, Failure>> {
  const snapshot = row.snapshotId === null ? await makeSnapshot(row, c) : ok(row.snapshotId);
  if (!snapshot.ok) return snapshot;
  const withSnapshot = await advance(row.id, { state: "template", snapshotId: snapshot.value }, c);
  return step(withSnapshot, "create_template", (may) => wantedTemplate(withSnapshot, may), c);
}

async function makeSnapshot(row: MadeTemplate, c: TemplateContext): Promise<Result<ResourceId, Failure>> {
  const begun = await advance(row.id, { state: "snapshot" }, c);
  const wanted = (may: Permit): Wanted => ({
    kind: "snapshot",
    name: begun.snapshotName,
    domainId: begun.domainId,
    accountName: may.account.name,
    volumeId: may.disk.id,
  });
  return step(begun, "create_snapshot", wanted, c);
}

async function advance(id: string, change: Parameters<typeof updateMadeTemplate>[2], c: TemplateContext): Promise<MadeTemplate> {
  await updateMadeTemplate(c.db, id, change);
  const row = await readMadeTemplate(c.db, id);
  if (row === null) throw new Error(`the template ${id} is not stored any more`);
  await c.announcer.showTemplate(viewOf(row), row.channel);
  return row;
}

/** One thing: found, or made once. Everything is checked again before it is sent. */
async function step(
  row: MadeTemplate,
  command: "create_snapshot" | "create_template",
  wantedBy: (may: Permit) => Wanted,
  c: TemplateContext,
): Promise<Result<ResourceId, Failure>> {
  const owner = { kind: "template", id: row.id } as const;
  const open = (await openIntents(c.db, owner)).find((one) => one.command === command) ?? null;
  const name = command === "create_template" ? row.name : row.snapshotName;
  const kind = command === "create_template" ? "template" : "snapshot";
  const found = await lookUp(open, { kind, name, domainId: row.domainId }, c);
  if (!found.ok) return found;
  if (found.value !== null) return ok(found.value);

  const may = await mayMake(row, c);
  if (!may.ok) return may;
  if (may.value.machine.domainId !== row.domainId || may.value.accountId !== row.accountId)
    return fail("refused", "template.moved", `The machine ${row.machineName} belongs to another account or domain now`);
  const room = await hasRoom(may.value, kind === "template" ? "template" : "snapshot and template", c);
  if (!room.ok) return room;
  const wanted = wantedBy(may.value);
  const intentId = c.newId();
  const params = { item: row.machineId, name: wanted.name };
  await recordIntent(c.db, { id: intentId, owner, command, params, at: c.now() });
  const made = await c.maker.make(wanted, jobIdFor(intentId));
  const result = made.ok ? "done" : made.error.kind === "indeterminate" ? "indeterminate" : "refused";
  const data = made.ok ? { made: made.value } : { code: made.error.code, message: made.error.message };
  await recordOutcome(c.db, { intentId, result, data, at: c.now() });
  return made;
}

/** What an earlier call made, or whatever has this name; null: nothing, and nothing is on its way. */
async function lookUp(open: OpenIntent | null, wanted: Sought, c: TemplateContext): Promise<Result<ResourceId | null, Failure>> {
  const found = await c.maker.findMade(wanted, open === null ? null : jobIdFor(open.id));
  if (open === null) return found;
  const settle = (data: unknown) => recordOutcome(c.db, { intentId: open.id, result: "looked_up", data, at: c.now() });
  if (!found.ok) {
    if (!mayComeTrue(found.error)) await settle({ code: found.error.code, message: found.error.message });
    return found;
  }
  if (found.value === null && c.now() - open.at < ARRIVES_MS)
    return err(failure("indeterminate", "template.not_known", "It is not known yet whether CloudStack has made it"));
  await settle({ found: found.value });
  return found;
}

async function recordEnd(id: string, made: Result<ResourceId, Failure>, c: TemplateContext): Promise<void> {
  await c.db.tx(async (q) => {
    const end = made.ok
      ? ({ state: "made", templateId: made.value } as const)
      : ({ state: "failed", problem: problemOf(made.error) } as const);
    if (!(await updateMadeTemplate(q, id, { ...end, endedAt: c.now() }))) return;
    const data = made.ok ? { template: made.value } : { code: made.error.code };
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: made.ok ? "template.made" : "template.failed", subject: id, data });
  });
}

/** Why, and what to do, in words for who asked. */
function problemOf(error: Failure): string {
  const { kind, code } = error;
  if (mayComeTrue(error)) return `${error.message}. It was tried for a day. Look in CloudStack whether it is there before you ask again.`;
  if (code === "cloudstack.limit")
    return "A limit in CloudStack leaves no room for it. Remove what is not needed any more, or ask the CI team for a higher limit.";
  if (code === "cloudstack.stopped") return "Everything was stopped meanwhile. Ask again when the CI team has resumed.";
  if (code === "cloudstack.not_allowed" || code === "cloudstack.permission")
    return "The bot's key may not make it. Ask the CI team to run the doctor, which names the rights that are missing.";
  const sentence = sentenceOf(error);
  return kind === "rejected" || kind === "stuck" ? `${sentence}. Try again later, or ask in the CI team's channel.` : sentence;
}

async function tellEnd(id: string, c: TemplateContext): Promise<void> {
  const row = await readMadeTemplate(c.db, id);
  if (row === null || row.endedAt === null) return;
  if (await c.announcer.showTemplate(viewOf(row), row.channel)) await recordMadeTemplateTold(c.db, id);
}
