import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import type { Transaction } from "../../store/db.ts";
import { openIntents, recordOutcome, type OpenIntent } from "../../store/intents.ts";
import { readReimportItems, updateReimportItem, type ReimportItemChange } from "../../store/reimports.ts";
import type { RegisteredTemplate } from "./ports.ts";
import type { ReimportContext, ReimportItem, ReimportRun } from "./context.ts";

/**
 * Settles what an earlier run left open of one template, by reading CloudStack: a call whose end is not known, a template that CloudStack
 * lost since. What is found is taken as it is; nothing is registered here. Invariant: INV-5.
 */
export async function settleItem(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const { row } = item;
  if (row.state === "registering") return settleUnknown(item, run, c);
  if (row.template_id !== null && (row.state === "ready" || row.state === "failed")) {
    const found = await c.registrar.findTemplate(row.template_id);
    if (!found.ok) return found;
    if (found.value !== null) return ok(undefined);
    c.say(`${item.copy.name}: CloudStack no longer has its template ${row.template_id}; it is registered again`);
  } else if (row.state !== "failed") return ok(undefined);
  await recordTurn(item, c, { state: "waiting" }, "restore.again", { lost: row.template_id, problem: row.problem });
  return ok(undefined);
}

async function settleUnknown(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const intent = await openIntentOf(item, run, c);
  const due = intent === null ? 0 : intent.at + c.timing.arriveMs - c.now();
  for (const wait of due > 0 ? [due, null] : [null]) {
    const found = await adoptOwn(item, run, c);
    if (!found.ok) return found;
    if (found.value) return ok(undefined);
    if (wait === null) break;
    c.say(`${item.copy.name}: an earlier run ended while it was registered; waiting ${Math.ceil(wait / 1000)} s for that call to arrive`);
    await c.sleep(wait);
  }
  await c.db.tx(async (q) => {
    if (intent !== null) await recordOutcome(q, { intentId: intent.id, result: "looked_up", data: { templateId: null }, at: c.now() });
    await updateReimportItem(q, item.row.id, c.now(), { state: "waiting" });
  });
  return ok(undefined);
}

/** Takes the template that a call of ours made for this thing, if CloudStack lists one; false when it lists none. */
export async function adoptOwn(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<boolean, Failure>> {
  const listed = await c.registrar.listTemplates(run.target.id);
  if (!listed.ok) return listed;
  const taken = new Set((await readReimportItems(c.db, run.row.id)).map((i) => i.template_id));
  const own = listed.value.find((t) => !taken.has(t.id) && isMadeFor(t, item));
  if (own === undefined) return ok(false);
  const intent = await openIntentOf(item, run, c);
  const data = { templateId: own.id };
  await recordTurn(item, c, { state: "downloading", ...data }, "restore.found", data, async (q, at) => {
    if (intent !== null) await recordOutcome(q, { intentId: intent.id, result: "looked_up", data, at });
  });
  return ok(true);
}

/** Whether a listed template is what a re-import registered for a thing: by its link, else by name, owner and checksum. */
export function isMadeFor(t: RegisteredTemplate, item: ReimportItem): boolean {
  if (t.showsLink) return t.madeFor === item.row.id;
  return t.name === item.copy.item.name && t.account === item.row.account && t.checksum === item.copy.sha256;
}

async function openIntentOf(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<OpenIntent | null> {
  const open = await openIntents(c.db, { kind: "restore", id: run.row.id });
  const isOfItem = ({ params }: OpenIntent): boolean =>
    typeof params === "object" && params !== null && "item" in params && params.item === item.row.id;
  return open.findLast(isOfItem) ?? null;
}

/** Records a template's next state (null: unchanged), with its entry in the audit log; `before` runs first, in the same transaction. */
export async function recordTurn(
  item: ReimportItem,
  c: ReimportContext,
  change: ReimportItemChange | null,
  kind: string,
  data: Readonly<Record<string, unknown>>,
  before: (q: Transaction, at: number) => Promise<void> = async () => undefined,
): Promise<void> {
  await c.db.tx(async (q) => {
    const at = c.now();
    await before(q, at);
    if (change !== null) await updateReimportItem(q, item.row.id, at, change);
    await recordAudit(q, { at, actor: "terminal", kind, subject: item.row.restore_id, data: auditData(item, data) });
  });
}

/** What the audit log keeps of a template; never its link. */
export function auditData(item: ReimportItem, more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { entryId, itemId, name, sha256, bytes } = item.copy;
  return { item: item.row.id, entry: entryId, itemId, name, account: item.row.account, sha256, bytes, ...more };
}
