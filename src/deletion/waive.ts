import type { DeletionClick } from "./view.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { WAIVERS_NEEDED, readEntries, recordWaiver } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import { recordDeletionEvent, type DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";

/** A click on the Waive button of one thing. */
export type WaiveClick = DeletionClick & { readonly entryId: string };

/**
 * One person's word that one thing may be lost; the second distinct one makes it waived. The deletion's row is locked.
 *
 * Errors: each refusal with its sentence: not proposed, another card, expired, who asked, no approver, nothing to waive, said already.
 * Invariant: INV-8; PostgreSQL refuses the same (`waiver_rules`).
 */
export async function waiveLocked(row: DeletionRow, q: Transaction, click: WaiveClick, c: DeletionContext): Promise<Result<void, Failure>> {
  const me = click.by.operator;
  if (row.phase !== "proposed")
    return refused("phase", "Nothing can be waived now: that is for the time in which a deletion waits for approvals");
  if (click.digest !== row.digest || row.digest === null)
    return err(
      failure("stale", "waiver.stale", "This card is not the newest; nothing was waived", {
        remedy: "Use the newest message: /ci-deletions leads to it.",
      }),
    );
  if (row.expires_at !== null && c.now() >= row.expires_at) return refused("expired", "The time to decide has run out; nothing was waived");
  if (row.requesters.includes(me.id))
    return refused("requester", "You asked for this deletion (you closed the project or started the pass), so you may not waive anything");
  const approvers = await c.approvers.approversNow();
  if (!approvers.ok)
    return err(
      failure("unavailable", "waiver.directory", "Who may waive could not be found out, so nobody may now: try again in a minute"),
    );
  if (!approvers.value.some((a) => a.id === me.id))
    return refused("not_approver", "You are not one of the approvers, so you may not waive");
  const entry = (await readEntries(q, { kind: "deletion", id: row.id })).find((e) => e.id === click.entryId);
  if (entry === undefined) return refused("unknown", "This deletion has no such thing to waive; nothing was done");
  if (entry.state === "verified") return refused("saved", `${entry.name} is saved by now: there is nothing to waive`);
  if (entry.state !== "failed") return refused("saving", `${entry.name} is just being saved: wait for how that ends`);
  if (entry.waivers.some((w) => w.voter === me.id))
    return refused("twice", `You already waived ${entry.name}; one more person, somebody else, is needed`);
  if (entry.waivers.length >= WAIVERS_NEEDED) return refused("done", `${entry.name} is waived already`);
  const at = c.now();
  const problem = entry.problem ?? "not saved";
  await recordWaiver(q, row.id, {
    entryId: entry.id,
    voter: me.id,
    voterName: me.name,
    itemName: entry.name,
    digest: row.digest,
    problem,
    at,
  });
  const data = { entry: entry.id, kind: entry.item_kind, item: entry.item_id, name: entry.name, problem, have: entry.waivers.length + 1 };
  await recordDeletionEvent(q, row.id, at, "waived", { voter: me.id, ...data });
  await recordAudit(q, { at, actor: me.id, kind: "archive.waived", subject: row.id, data });
  return ok(undefined);
}

function refused(code: string, sentence: string): Result<never, Failure> {
  return err(failure("refused", `waiver.${code}`, sentence));
}
