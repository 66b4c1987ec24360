import { readBack } from "../save.ts";
import { after } from "../../core/clock.ts";
import { fail, sentenceOf, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordIntent, recordOutcome } from "../../store/intents.ts";
import { readReimportItem, updateReimportItem, type ReimportItemChange } from "../../store/reimports.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import type { ReimportContext, ReimportItem, ReimportRun } from "./context.ts";
import { LINK_MS, tokenHash } from "../links.ts";
import { reimportPath } from "./links.ts";
import { adoptOwn, auditData, recordTurn, settleItem } from "./settle.ts";
import { requireNoDeletion } from "./target.ts";
import { awaitTemplate, lockLost } from "./wait.ts";

/**
 * Re-imports one template as far as possible: settles what an earlier run left open, compares the bytes in the archive, registers, waits.
 *
 * A failure of this template alone is recorded in its row, and the run continues with the others.
 * Errors: what ends the whole run: `refused` (stopped, a pass, a deletion), `unavailable` (CloudStack, our link, the lock).
 */
export async function reimportItem(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const settled = await settleItem(item, run, c);
  if (!settled.ok) return settled;
  const waiting = await readAgain(item, c);
  if (waiting.row.state === "waiting") {
    // A call that was given up may have arrived after all: what it registered is not registered a second time.
    const there = await adoptOwn(waiting, run, c);
    if (!there.ok) return there;
    const sent = there.value ? ok(undefined) : await register(waiting, run, c);
    if (!sent.ok) return sent;
  }
  const begun = await readAgain(item, c);
  return begun.row.state === "downloading" ? awaitTemplate(begun, run, c) : ok(undefined);
}

async function readAgain(item: ReimportItem, c: ReimportContext): Promise<ReimportItem> {
  const row = await readReimportItem(c.db, item.row.id);
  if (row === null) throw new Error("the row of a re-imported template is gone");
  return { ...item, row };
}

async function register(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
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
  // No pass runs while something is registered: it could open a deletion of this very domain.
  const held = await c.db.withAdvisoryLock("twokey.pass", { waitMs: c.timing.passMs }, async (lock) => {
    const may = await maySend(run, lock, c);
    return may.ok ? send(item, run, { token, path: path.value, template: template.value }, c) : may;
  });
  if (held.held) return held.value;
  return fail("refused", "restore.pass_running", "A pass is running", { remedy: "Run it again when the pass has ended: it continues." });
}

/** Reads the whole copy in the archive again. Errors: as for `readBack`; `contract_broken` when it is not what was saved. */
async function compareBytes({ copy }: ReimportItem, c: ReimportContext): Promise<Result<void, Failure>> {
  const back = await readBack(c.store, copy.key);
  if (!back.ok) return back;
  const { sha256, bytes } = back.value;
  const isSame = sha256 === copy.sha256 && bytes === copy.bytes && sha256 === copy.manifestSha256 && bytes === copy.manifestBytes;
  if (isSame) return ok(undefined);
  return fail("contract_broken", "restore.differs", `The bytes in the archive (key ${copy.key}) are not what its manifest says`);
}

async function maySend(run: ReimportRun, lock: AbortSignal, c: ReimportContext): Promise<Result<void, Failure>> {
  const running = await requireNoStop(c);
  if (!running.ok) return running;
  if (run.signal.aborted || lock.aborted) return lockLost();
  return requireNoDeletion(run.target, c.db);
}

/** Errors: `refused` while everything is stopped. */
export async function requireNoStop(c: ReimportContext): Promise<Result<void, Failure>> {
  const stop = await readStop(c.db);
  if (!stop.stopped) return ok(undefined);
  const remedy = "/ci-resume takes two people. Then run it again: it continues.";
  return fail("refused", "restore.stopped", `Everything is stopped: ${stop.reason}`, { remedy });
}

async function send(
  item: ReimportItem,
  run: ReimportRun,
  link: { readonly token: string; readonly path: string; readonly template: InventoryItem },
  c: ReimportContext,
): Promise<Result<void, Failure>> {
  const { row, copy } = item;
  const { target } = run;
  const intentId = c.newId();
  await c.db.tx(async (q) => {
    const at = c.now();
    const linkUntil = after(at, LINK_MS);
    await updateReimportItem(q, row.id, at, { state: "registering", tokenSha256: tokenHash(link.token), linkUntil });
    const params = auditData(item, { domainId: target.id, path: target.path });
    await recordIntent(q, { id: intentId, owner: { kind: "restore", id: run.row.id }, command: "registerTemplate", params, at });
  });

  const [account, url] = [row.account, `${c.links.publicUrl ?? ""}${link.path}`];
  const served = await c.links.reach(link.path, copy.bytes);
  const sent = served.ok
    ? await c.registrar.registerTemplate({ item: link.template, domainId: target.id, account, sha256: copy.sha256, link: url })
    : served;
  await recordEnd(item, intentId, sent, c);
  if (sent.ok) {
    c.say(`${copy.name}: registered for ${account} as ${sent.value}`);
    return ok(undefined);
  }
  if (isItsOwn(sent.error)) {
    c.say(`${copy.name}: not brought back. ${sentenceOf(sent.error)}`);
    return ok(undefined);
  }
  // What was not even sent ends the run; the next run continues here.
  if (sent.error.kind !== "indeterminate") return sent;
  c.say(`${copy.name}: not known whether it is registered. ${sent.error.message}`);
  const found = await adoptOwn(item, run, c);
  return found.ok ? ok(undefined) : found;
}

/** Whether a failure concerns one template, not every call to CloudStack. */
function isItsOwn(f: Failure): boolean {
  return f.kind === "rejected" || (f.kind === "refused" && f.code === "cloudstack.unsendable_text") || f.code === "cloudstack.not_a_uuid";
}

/** Records how the call ended: the outcome, the row, and the entry in the audit log, or none of them. Invariant: INV-5. */
async function recordEnd(item: ReimportItem, intentId: string, sent: Result<string, Failure>, c: ReimportContext): Promise<void> {
  const result = sent.ok ? "done" : sent.error.kind === "indeterminate" ? "indeterminate" : "refused";
  const data = sent.ok ? { templateId: sent.value } : { code: sent.error.code, problem: sent.error.message };
  await recordTurn(item, c, changeAfter(sent), `restore.register.${result}`, data, (q, at) =>
    recordOutcome(q, { intentId, result, data, at }),
  );
}

/** Null: whether the call arrived is not known. */
function changeAfter(sent: Result<string, Failure>): ReimportItemChange | null {
  if (sent.ok) return { state: "downloading", templateId: sent.value };
  if (isItsOwn(sent.error)) return { state: "failed", problem: sentenceOf(sent.error) };
  return sent.error.kind === "indeterminate" ? null : { state: "waiting" };
}
