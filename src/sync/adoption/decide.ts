import { recordRefusal } from "../../approvals/act.ts";
import { assessVote, decide, type Question } from "../../approvals/ballot.ts";
import { rejectQuestion } from "../../approvals/reject.ts";
import { fail, failure, type Failure } from "../../core/failure.ts";
import type { Asker } from "../../core/people.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { listed } from "../../core/shown-text.ts";
import {
  countDeletionsOf,
  endAdoption,
  endFirstPlans,
  readAdoption,
  readAdoptions,
  recordAdopted,
  recordGivenBack,
  type AdoptionTableRow,
} from "../../store/adoptions.ts";
import { recordAudit, type AuditEntry } from "../../store/audit.ts";
import type { Queryable, Transaction } from "../../store/db.ts";
import { readIdentities } from "../../store/known-accounts.ts";
import { readKnownState } from "../../store/managed.ts";
import { refusalWhileStopped, withPassLock } from "../execution/pass-lock.ts";
import type { AdoptionContext } from "./context.ts";
import { fitsLimits } from "./portion.ts";
import { heldNow, planOf, readMadeBefore, requireOurs, waitingLines } from "./propose.ts";
import { readKnown, survey, whatMoved } from "./survey.ts";

/** One person's click on one table, with the digest that the card showed. */
export interface AdoptionClick {
  readonly id: string;
  readonly digest: string;
  readonly by: Asker;
}

interface AdoptionQuestion extends Question {
  readonly row: AdoptionTableRow;
}

/** How long the deciding approval waits for a pass that is running. Units: milliseconds. */
const PASS_MS = 60_000;

/**
 * Records an approval. Before the deciding one both sides are read again, while no pass runs; with it the table is carried out.
 *
 * Errors: the ballot's refusals; `stale` `adoption.moved` when the table is no longer so: then it has ended, and a new one has to be made. Invariant: INV-2.
 */
export async function approveAdoption(click: AdoptionClick, c: AdoptionContext): Promise<Result<{ readonly applied: boolean }, Failure>> {
  const row = await readAdoption(c.db, click.id);
  if (row === null || row.state !== "proposed") return vote(click, false, c);
  const standing = await assessVote(await questionOf(row, c.db), click, c.ballot);
  // What would be refused anyway is refused, and recorded, by the vote.
  if (!standing.ok || standing.value.have + 1 < standing.value.need) return vote(click, false, c);
  const refuse = (f: Failure): Promise<void> =>
    recordRefusal({ kind: "adoption.approve", subject: row.id, by: click.by.operator.id }, f, c);
  let isRecorded = false;
  const done = await withPassLock(c.db, PASS_MS, async () => {
    isRecorded = true;
    const looked = await lookAgain(row, c);
    if (looked.ok) return vote(click, true, c);
    await refuse(looked.error);
    if (looked.error.code === "adoption.moved") await endMoved(row, looked.error.message, c);
    return looked;
  });
  // A pass that does not end in time keeps the vote back.
  if (!done.ok && !isRecorded) await refuse(done.error);
  return done;
}

function vote(click: AdoptionClick, looked: boolean, c: AdoptionContext): Promise<Result<{ readonly applied: boolean }, Failure>> {
  return decide<AdoptionQuestion, { readonly applied: boolean }>(
    {
      act: { kind: "adoption.approve", subject: click.id },
      click,
      ref: { kind: "adoption", id: click.id },
      open: (q) => openQuestion(click.id, q),
      async examine(_question, { have, need }) {
        if (looked || have + 1 < need) return ok(undefined);
        return fail("unavailable", "adoption.again", "Somebody else voted at this moment; nothing was done", { remedy: "Click again." });
      },
      async follow({ row }, { decided, voters, at }, q) {
        const results = decided ? [await apply(row, voters, at, q)] : [];
        return { value: { applied: decided }, data: auditOf(row), results };
      },
    },
    c.ballot,
  );
}

/** Whether what people are about to agree on is still so. Errors: `stale` `adoption.moved`; why it cannot be told now. */
async function lookAgain(row: AdoptionTableRow, c: AdoptionContext): Promise<Result<void, Failure>> {
  const stopped = await refusalWhileStopped(c.db);
  if (stopped !== null) return err(stopped);
  if (row.kind === "adopt") return lookAtBothSides(row, c);
  const ids = row.body.domains.map((d) => d.domainId);
  if (row.kind === "release") {
    const plan = await c.preview();
    const held = plan.holds.find((h) => h.blocks === "everything");
    if (held !== undefined) return err(heldNow(held.sentence, held.liftedBy));
    const approved = new Set(row.body.lines);
    const more = waitingLines(planOf(plan, new Set(ids))).filter((line) => !approved.has(line));
    return more.length === 0
      ? fitsLimits(plan, new Set(ids), await c.policyNow(), await readMadeBefore(c))
      : moved(
          more.map((line) => `it would also ${line}`),
          "/ci-adopt release",
        );
  }
  const { managedDomains } = await readKnownState(c.db, []);
  const lost = row.body.domains.filter((d) => !managedDomains.some((m) => m.domainId === d.domainId && m.origin === "adopted"));
  if (lost.length > 0)
    return moved(
      lost.map((d) => `${d.path} is not managed any more`),
      "/ci-adopt give-back",
    );
  return (await countDeletionsOf(c.db, ids)) === 0
    ? ok(undefined)
    : moved(["one of these domains is under a deletion now"], "/ci-adopt give-back");
}

async function lookAtBothSides({ body }: AdoptionTableRow, c: AdoptionContext): Promise<Result<void, Failure>> {
  const seen = await survey({ pairs: body.mapped }, await readKnown(c.db), c);
  if (!seen.ok) return seen;
  const ours = await requireOurs(seen.value, c);
  if (!ours.ok) return ours;
  const changed = whatMoved(body.domains, seen.value);
  return changed.length === 0 ? ok(undefined) : moved(changed, "/ci-adopt, or npx twokey adopt with the same mapping file");
}

function moved(what: readonly string[], command: string): Result<never, Failure> {
  return fail("stale", "adoption.moved", `It is not as the table says any more, and nothing was done: ${listed(what, 5)}`, {
    remedy: `Make a new table: ${command}.`,
  });
}

async function endMoved(row: AdoptionTableRow, reason: string, c: AdoptionContext): Promise<void> {
  await c.db.tx(async (q) => {
    const open = await readAdoption(q, row.id, true);
    if (open?.state !== "proposed") return;
    await endAdoption(q, row.id, { state: "moved", at: c.now(), by: null, reason });
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: "adoption.moved", subject: row.id, data: { reason } });
  });
}

/** Carries a table out; nothing in CloudStack changes. The table is ended last: PostgreSQL permits its rows while it is open. */
async function apply(row: AdoptionTableRow, voters: readonly string[], at: number, q: Transaction): Promise<AuditEntry> {
  const ids = row.body.domains.map((d) => d.domainId);
  if (row.kind === "adopt") await recordAdopted(q, row.id, row.body, at);
  else if (row.kind === "release") await endFirstPlans(q, ids);
  else if ((await recordGivenBack(q, row.id, ids, at)) !== ids.length) throw new Error("a domain that was given back is not managed");
  await endAdoption(q, row.id, { state: "applied", at, by: null, reason: "approved" });
  const accounts = row.body.domains.reduce((sum, d) => sum + d.accounts.length, 0);
  const data = {
    kind: row.kind,
    digest: row.digest,
    domains: row.body.domains.map(({ domainId, path }) => ({ domainId, path })),
    accounts,
    approvers: voters,
  };
  return { at, actor: "twokey", kind: "adoption.applied", subject: row.id, data };
}

/** Ends a table without any effect; every team member may do so. Errors: `refused`, `invalid` for a reason too short. */
export async function rejectAdoption(
  click: AdoptionClick & { readonly reason: string },
  c: AdoptionContext,
): Promise<Result<void, Failure>> {
  return rejectQuestion<AdoptionQuestion>(
    {
      ref: { kind: "adoption", id: click.id },
      what: "a table of adoption",
      click,
      open: (q) => openQuestion(click.id, q),
      async end({ row }, ended, q) {
        await endAdoption(q, row.id, ended);
        return auditOf(row);
      },
    },
    c,
  );
}

/** Ends the tables whose time to approve has ended. */
export async function expireAdoptions(c: AdoptionContext): Promise<void> {
  for (const { id } of await readAdoptions(c.db, Number.MAX_SAFE_INTEGER))
    await c.db.tx(async (q) => {
      const row = await readAdoption(q, id, true);
      if (row?.state !== "proposed" || c.now() < row.expires_at) return;
      await endAdoption(q, id, { state: "expired", at: c.now(), by: null, reason: "nobody decided in time" });
      await recordAudit(q, { at: c.now(), actor: "twokey", kind: "adoption.expired", subject: id, data: auditOf(row) });
    });
}

/** Locks an open table. Errors: there is none, or it has ended. */
async function openQuestion(id: string, q: Transaction): Promise<Result<AdoptionQuestion, Failure>> {
  const row = await readAdoption(q, id, true);
  if (row === null) return err(failure("refused", "adoption.unknown", "There is no such table", { remedy: "/ci-adopt makes one." }));
  if (row.state !== "proposed") return fail("refused", "adoption.ended", `This table has been decided: ${row.state}`);
  return ok({ ...(await questionOf(row, q)), row });
}

async function questionOf(row: AdoptionTableRow, q: Queryable): Promise<Question> {
  const { identities, withoutAccount } = await readIdentities(q, row.requesters);
  return {
    ref: { kind: "adoption", id: row.id },
    digest: row.digest,
    requesters: identities,
    withoutAccount,
    quorum: row.quorum,
    openedAt: row.proposed_at,
    expiresAt: row.expires_at,
    settlesScope: false,
    askedBy: "You asked for this",
  };
}

function auditOf(row: AdoptionTableRow) {
  return { kind: row.kind, digest: row.digest };
}
