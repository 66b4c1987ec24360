import { readBack } from "../save.ts";
import { after } from "../../core/clock.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { recordIntent, recordOutcome } from "../../store/intents.ts";
import { readReimportItem, updateReimportItem } from "../../store/reimports.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import type { ReimportContext, ReimportItem, ReimportRun } from "./context.ts";
import { reimportPath, tokenHash } from "./links.ts";
import { adoptOwn, auditData, recordTurn, settleItem } from "./settle.ts";
import { passLiveDeletions } from "./target.ts";
import { awaitTemplate } from "./wait.ts";

/**
 * Brings one template as far as it goes: settles what an earlier run left open, compares the bytes in the archive, registers, waits.
 *
 * What concerns this template alone is written into its row, and the others go on.
 * Errors: what ends the whole run: `refused` (stopped, a pass, a deletion), `unavailable` (CloudStack, our link, the lock).
 */
export async function bringBack(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const settled = await settleItem(item, run, c);
  if (!settled.ok) return settled;
  const settledItem = await readAgain(item, c);
  if (settledItem.row.state === "waiting") {
    // A call that was given up may have arrived after all: what stands there already is not made a second time.
    const there = await adoptOwn(settledItem, run, c);
    if (!there.ok) return there;
    const sent = there.value ? ok(undefined) : await bringAnew(settledItem, run, c);
    if (!sent.ok) return sent;
  }
  const begun = await readAgain(item, c);
  return begun.row.state === "downloading" ? awaitTemplate(begun, run, c) : ok(undefined);
}

async function readAgain(item: ReimportItem, c: ReimportContext): Promise<ReimportItem> {
  const row = await readReimportItem(c.db, item.row.id);
  if (row === null) throw new Error("a template of a restore that was there is not there any more");
  return { ...item, row };
}

async function bringAnew(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const { copy } = item;
  const template = run.fit(copy.item);
  const token = c.newToken();
  const path = template.ok ? reimportPath(item.row.id, token, copy.item.facts["format"]) : template;
  const same = path.ok ? await compareBytes(item, c) : path;
  if (!template.ok || !path.ok || !same.ok) {
    const problem = same.ok ? "" : sentenceOf(same.error);
    await recordTurn(item, c, { state: "failed", problem }, "restore.failed", { problem });
    c.say(`${copy.name}: not brought back. ${problem}`);
    return ok(undefined);
  }
  c.say(`${copy.name}: ${copy.bytes} bytes in the archive are what was saved (SHA-256)`);
  // No pass is under way while something is registered: it could open a deletion of this very domain.
  const held = await c.db.withAdvisoryLock("twokey.pass", { waitMs: c.timing.passMs }, async (lock) => {
    const may = await maySend(run, lock, c);
    return may.ok ? send(item, run, { token, path: path.value, template: template.value }, c) : may;
  });
  return held.held
    ? held.value
    : err(failure("refused", "restore.pass_running", "A pass is running", { remedy: "Run it again when the pass has ended: it goes on." }));
}

/** Reads the copy in the archive again, to its end. Errors: as for `readBack`; `contract_broken` when it is not what was saved. */
async function compareBytes({ copy }: ReimportItem, c: ReimportContext): Promise<Result<void, Failure>> {
  const back = await readBack(c.store, copy.key);
  if (!back.ok) return back;
  const { sha256, bytes } = back.value;
  const isSame = sha256 === copy.sha256 && bytes === copy.bytes && sha256 === copy.manifestSha256 && bytes === copy.manifestBytes;
  return isSame
    ? ok(undefined)
    : err(failure("contract_broken", "restore.differs", `The bytes in the archive (key ${copy.key}) are not what its manifest says`));
}

async function maySend(run: ReimportRun, lock: AbortSignal, c: ReimportContext): Promise<Result<void, Failure>> {
  const stop = await readStop(c.db);
  if (stop.stopped) return err(stoppedReimport(stop.reason));
  if (run.signal.aborted || lock.aborted)
    return err(
      failure("unavailable", "restore.lock_lost", "The connection that held the lock was lost", { remedy: "Run it again: it goes on." }),
    );
  return passLiveDeletions(run.target, c.db);
}

/** Why nothing goes on while everything is stopped. */
export function stoppedReimport(reason: string): Failure {
  return failure("refused", "restore.stopped", `Everything is stopped: ${reason}`, {
    remedy: "/ci-resume takes two people. Then run it again: it goes on.",
  });
}

async function send(
  item: ReimportItem,
  run: ReimportRun,
  link: { readonly token: string; readonly path: string; readonly template: InventoryItem },
  c: ReimportContext,
): Promise<Result<void, Failure>> {
  const intentId = c.newId();
  await c.db.tx(async (q) => {
    const at = c.now();
    await updateReimportItem(q, item.row.id, at, {
      state: "registering",
      tokenSha256: tokenHash(link.token),
      linkUntil: after(at, c.timing.linkMs),
    });
    const params = auditData(item, { domainId: run.target.id, path: run.target.path });
    await recordIntent(q, { id: intentId, owner: { kind: "restore", id: run.row.id }, command: "registerTemplate", params, at });
  });
  const served = await c.links.reach(link.path, item.copy.bytes);
  const sent = served.ok
    ? await c.registrar.registerTemplate({
        item: link.template,
        domainId: run.target.id,
        account: item.row.account,
        sha256: item.copy.sha256,
        link: `${c.links.publicUrl ?? ""}${link.path}`,
      })
    : served;
  await recordEnd(item, intentId, sent, c);
  if (sent.ok) {
    c.say(`${item.copy.name}: registered for ${item.row.account} as ${sent.value}`);
    return ok(undefined);
  }
  if (isItsOwn(sent.error)) {
    c.say(`${item.copy.name}: not brought back. ${sentenceOf(sent.error)}`);
    return ok(undefined);
  }
  // What was not even sent ends the run; it goes on here when it is run again.
  if (sent.error.kind !== "indeterminate") return sent;
  c.say(`${item.copy.name}: not known whether it is registered. ${sent.error.message}`);
  const found = await adoptOwn(item, run, c);
  return found.ok ? ok(undefined) : found;
}

/** Whether a refusal concerns one template, not all that CloudStack is asked. */
function isItsOwn(f: Failure): boolean {
  return f.kind === "rejected" || (f.kind === "refused" && f.code === "cloudstack.unsendable_text") || f.code === "cloudstack.not_a_uuid";
}

function sentenceOf(f: Failure): string {
  return f.remedy === undefined ? f.message : `${f.message}. ${f.remedy}`;
}

/** Writes down how the call ended: the outcome, the row, and the line in the audit log, or none of them. Invariant: INV-5. */
async function recordEnd(item: ReimportItem, intentId: string, sent: Result<string, Failure>, c: ReimportContext): Promise<void> {
  const unknown = !sent.ok && sent.error.kind === "indeterminate";
  const result = sent.ok ? "done" : unknown ? "indeterminate" : "refused";
  const data = sent.ok ? { templateId: sent.value } : { code: sent.error.code, problem: sent.error.message };
  await c.db.tx(async (q) => {
    const at = c.now();
    await recordOutcome(q, { intentId, result, data, at });
    if (sent.ok) await updateReimportItem(q, item.row.id, at, { state: "downloading", templateId: sent.value });
    else if (isItsOwn(sent.error)) await updateReimportItem(q, item.row.id, at, { state: "failed", problem: sentenceOf(sent.error) });
    else if (!unknown) await updateReimportItem(q, item.row.id, at, { state: "waiting" });
    await recordAudit(q, {
      at,
      actor: "terminal",
      kind: `restore.register.${result}`,
      subject: item.row.restore_id,
      data: auditData(item, data),
    });
  });
}
