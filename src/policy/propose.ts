import { readClocks } from "../approvals/clocks.ts";
import { isOneOf, teamOnly, type Asker } from "../core/people.ts";
import { after } from "../core/clock.ts";
import { canonicalJson, digestOf } from "../core/digest.ts";
import { fail, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import { mergedNote, readIdentities, readPersons } from "../store/known-accounts.ts";
import { insertPolicyChange, readNewestPolicyChange, readPolicy, type PolicyVersion } from "../store/policies.ts";
import { fingerprintOf, type PolicyNow, type TeamPolicy } from "../core/policy.ts";
import { ASK_AGAIN_MS, readReason, reasonLength } from "../core/votes.ts";
import type { Queryable } from "../store/db.ts";
import type { PolicyContext } from "./context.ts";
import { resolveProtected } from "./protected.ts";
import { assessPolicy, findSetting, settings, type PresentScope } from "./settings.ts";

/** A change that a person wants, as typed. */
export interface Wish {
  readonly setting: string;
  readonly text: string;
  readonly reason: string;
}

/**
 * Records a person's proposal; gives its id.
 *
 * Errors: `invalid` for what is not a value; `refused` for somebody who may not propose, for the present value, and for a value that could not work.
 */
export async function proposeChange(by: Asker, wish: Wish, c: PolicyContext): Promise<Result<string, Failure>> {
  if (!by.isTeam) return err(teamOnly("propose a change of policy"));
  const setting = findSetting(wish.setting);
  if (setting === undefined) {
    const remedy = `There are: ${settings.map((s) => s.name).join(", ")}.`;
    return fail("invalid", "policy.setting", "There is no such setting", { remedy });
  }
  const { min, max } = reasonLength.change;
  const reason = readReason(wish.reason, { min, max });
  if (reason === null)
    return fail("invalid", "policy.reason", `A change needs a reason of ${min} to ${max} characters`, {
      remedy: `For example: /ci-policy set ${setting.name} ${setting.name === "scope" ? "present" : "…"} because the storage is nearly full`,
    });

  const base = await expectPolicy(c);
  const present = setting.name === "scope" ? await readPresentScope(base, c) : ok(c.presentScope);
  if (!present.ok) return present;
  const typed = setting.read(base.body, wish.text, present.value);
  if (!typed.ok) return typed;
  const read = await resolveProtected(typed.value, base.body, c);
  if (!read.ok) return read;
  if (canonicalJson(read.value) === canonicalJson(base.body))
    return fail("refused", "policy.same", `${setting.title} already has this value: ${setting.write(base.body)}`);
  const assessed = await assessNow(read.value, setting.name, c);
  if (!assessed.ok) return assessed;
  const possible = await requireVoters(by, base, c);
  if (!possible.ok) return possible;
  return insert(setting.name, read.value, base, { id: by.operator.id, name: by.operator.name }, reason, c);
}

/**
 * Proposes the scope of this process when it is not the confirmed one; gives the change's id, or null. At most one is open.
 *
 * A scope that people refused is not proposed again for a day.
 */
export async function proposePresentScope(c: PolicyContext): Promise<string | null> {
  const base = await expectPolicy(c);
  const present = await readPresentScope(base, c);
  // Nobody can confirm a database that does not say which it is.
  if (!present.ok) return null;
  const body: TeamPolicy = { ...base.body, scope: present.value };
  if (canonicalJson(body) === canonicalJson(base.body)) return null;

  const last = await readNewestPolicyChange(c.db, "scope");
  const isSame = last !== null && canonicalJson(last.body.scope) === canonicalJson(present.value);
  const refused = isSame && (last.state === "rejected" || last.state === "expired");
  if (last?.state === "proposed") return null;
  if (refused) {
    // By a clock that jumped ahead they refused it long ago.
    const clocks = await readClocks(c);
    if (!clocks.ok || clocks.value.earliest - (last.ended_at ?? 0) < ASK_AGAIN_MS) return null;
  }
  const reason = "this process reads another scope, or gives other roles, than the confirmed one says";
  const made = await insert("scope", body, base, { id: "twokey", name: "Twokey" }, reason, c);
  return made.ok ? made.value : null;
}

/**
 * What this process reads now, with what the CI database says of itself; its address is another word for the same database while that is
 * the confirmed one. Errors: the CI database does not answer.
 */
async function readPresentScope({ body: { scope } }: PolicyVersion, c: PolicyContext): Promise<Result<PresentScope, Failure>> {
  const source = await c.readSource();
  if (!source.ok) return source;
  if (source.value === null) return ok(c.presentScope);
  const isSame = canonicalJson(source.value) === canonicalJson(scope.source ?? null);
  return ok({ ...c.presentScope, database: isSame ? scope.database : c.presentScope.database, source: source.value });
}

/** Errors: `refused` where too many of those who would decide are one person, so that nobody could approve the card. */
async function requireVoters(by: Asker, { body }: PolicyVersion, c: PolicyContext): Promise<Result<void, Failure>> {
  const found = await c.approvers.resolve(body.approvers);
  if (!found.ok) return ok(undefined);
  const { identities } = await readIdentities(c.db, [by.operator.id]);
  const { count, merged } = await readPersons(
    c.db,
    found.value.filter((a) => !isOneOf(a, identities)),
  );
  if (count >= body.quorum || merged.length === 0) return ok(undefined);
  return fail("refused", "policy.one_person", `Nobody could approve it, ${body.quorum} people must: ${mergedNote(merged)}`, {
    remedy: merged.some((m) => m.until === null)
      ? "Who voted as one person stays one: let somebody else join the approvers' Slack group."
      : "Correct slack_id or the e-mail in the CI database, and propose it after that day.",
  });
}

/** Assesses a policy; a change of the approvers or of their number reads the list of approvers from Slack. */
export async function assessNow(body: TeamPolicy, changed: string, c: PolicyContext): Promise<Result<void, Failure>> {
  if (changed !== "approvers" && changed !== "quorum") return assessPolicy(body, changed, null);
  const found = await c.approvers.resolve(body.approvers);
  if (!found.ok) return found;
  // Names that are one person give one approval.
  const { count, merged } = await readPersons(c.db, found.value);
  const assessed = assessPolicy(body, changed, count);
  if (assessed.ok || merged.length === 0) return assessed;
  return err({ ...assessed.error, message: `${assessed.error.message}: ${mergedNote(merged)}` });
}

/** Reads the policy in force. Errors: throws before the first start recorded one. */
export async function expectPolicy(c: { readonly db: Queryable }): Promise<PolicyVersion> {
  const policy = await readPolicy(c.db);
  if (policy === null) throw new Error("There is no policy yet: the first start records it.");
  return policy;
}

/** Reads the policy in force, and whether it confirms the scope of this process. Errors: as for `expectPolicy`. */
export async function readPolicyNow(q: Queryable, present: PresentScope): Promise<PolicyNow> {
  const { body, version } = await expectPolicy({ db: q });
  return { ...body, version, scopeIsConfirmed: fingerprintOf(body.scope) === fingerprintOf(present) };
}

async function insert(
  setting: string,
  body: TeamPolicy,
  base: PolicyVersion,
  by: { readonly id: Asker["operator"]["id"] | "twokey"; readonly name: string },
  reason: string,
  c: PolicyContext,
): Promise<Result<string, Failure>> {
  const id = c.newId();
  const at = c.now();
  const made = await c.db.tx(async (q) => {
    const inserted = await insertPolicyChange(q, {
      id,
      base_version: base.version,
      setting,
      body,
      digest: digestOf({ base: base.version, body }),
      proposed_by: by.id,
      proposed_by_name: by.name,
      reason,
      quorum: base.body.quorum,
      proposed_at: at,
      expires_at: after(at, base.body.approvalMs),
    });
    const data = { setting, base: base.version, before: base.body, after: body, reason };
    if (inserted) await recordAudit(q, { at, actor: by.id, kind: "policy.proposed", subject: id, data });
    return inserted;
  });
  const remedy = "Decide on its card in the team's channel first.";
  return made ? ok(id) : fail("refused", "policy.open", "There is already an open change of this setting", { remedy });
}
