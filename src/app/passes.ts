/** The contexts of passes and of the policy that bounds them. */
import type { Ownership } from "../approvals/ownership.ts";
import type { Failure } from "../core/failure.ts";
import { runTraced } from "../core/trace.ts";
import type { Details, Events } from "../events.ts";
import type { DomainPath } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import { whyReported } from "../core/report-mode.ts";
import type { FleetScope, Scope } from "../core/scope.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { liveDomains, lookAtChanged, lookAtTouched, openDeletion, whyNotOpened } from "../deletion/open.ts";
import type { PolicyContext } from "../policy/context.ts";
import { fingerprintOf } from "../core/policy.ts";
import { readPolicyNow } from "../policy/propose.ts";
import { askAboutScope } from "../policy/service.ts";
import { readPolicy } from "../store/policies.ts";
import { rebuild, type RebuildContext, type RebuildReport } from "../sync/execution/rebuild.ts";
import { runPass, type ReconcileContext, type StartedBy } from "../sync/execution/reconcile.ts";
import { runQuickPass, type QuickPassContext } from "../sync/execution/quick-pass.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { planPolicyOf, type PlanSettings } from "../sync/planning/policy.ts";
import type { Config } from "../config/config.ts";
import type { Parts } from "./parts.ts";

/** The scope of everything managed. */
export function fleetOf(p: { readonly config: Pick<Config, "cloudstack"> }): FleetScope {
  return { kind: "fleet", root: p.config.cloudstack.rootPath as DomainPath };
}

/** All that passes need; what they propose becomes a deletion in `deletions`. */
export function passContext(p: Parts, deletions: DeletionContext): ReconcileContext {
  return {
    ...p,
    ...sidesOf(p),
    deletions: {
      openDeletion: (proposal, requesters) => openDeletion(proposal, requesters, deletions),
      whyNotOpened: (proposal, requesters) => whyNotOpened(proposal, requesters, deletions),
      liveDomains: () => liveDomains(deletions),
      lookAtChanged: (read) => lookAtChanged(read, deletions),
      lookAtTouched: (domains) => lookAtTouched(domains, deletions),
    },
    announcer: p.slack.announcers.plan,
    policyNow: () => readPolicyNow(p.db, p.config.policy.scope),
    settings: planSettings(p),
    ownership: deletions.ownership,
    reported: whyReported("write", p.config.cloudstack.reportOnly),
    scopeFingerprint: fingerprintOf(p.config.policy.scope),
  };
}

/** What quick passes need beyond ordinary ones: how each side says what was changed. */
export function quickPassContext(p: Parts, passes: ReconcileContext): QuickPassContext {
  return {
    ...passes,
    fleet: fleetOf(p),
    readChanges: (since) => p.ci.readChanges(since),
    readTouched: (since) => p.cloud.reader.readTouched(since),
  };
}

/** Runs quick passes; that a side does not say what changed is logged once, until it does: a pass over everything needs neither. */
export function createQuickPasses(c: QuickPassContext, events: Events): () => Promise<void> {
  let failing: string | null = null;
  return async () => {
    const done = await runQuickPass(c);
    if (!done.ok && failing !== done.error.code) events.failed("quick_pass", done.error);
    failing = done.ok ? null : done.error.code;
    if (!done.ok) return;
    const { looked, made, left, unread } = done.value;
    if (looked + left > 0) events[left + unread > 0 ? "warn" : "info"]("quick_pass", { looked, made, left, unread });
    if (made > 0) await c.ownership.keep();
  };
}

/** Connects the policy with Slack, CloudStack and the scope of this process. */
export function policyContext(p: Parts): PolicyContext {
  return {
    ...p,
    approvers: p.slack.approvers,
    announcer: p.slack.announcers.policy,
    findDomain: (idOrPath) => p.cloud.reader.findDomainNamed(idOrPath),
    presentScope: p.config.policy.scope,
    readSource: () => p.ci.readSource(),
    environment: p.config.policy,
  };
}

/** Runs a pass; when it finds a different scope from the confirmed one, two people are asked about it. */
export async function passAndAsk(
  scope: Scope,
  startedBy: StartedBy,
  passes: ReconcileContext,
  policy: PolicyContext,
  events: Events,
): Promise<Result<PlanRecord, Failure>> {
  const done = await runTraced(startedBy.kind === "command" ? { operator: startedBy.operator } : {}, async () => {
    const began = passes.now();
    const ended = await runPass(scope, startedBy, passes);
    events.info("pass", { scope: scope.kind, startedBy: startedBy.kind, ms: passes.now() - began, ...summaryOf(ended) });
    return ended;
  });
  await passes.ownership.keepAndMark();
  // Another database is a read that is partial.
  const asks: readonly string[] = ["scope_changed", "roles_changed", "desired_partial"];
  if (done.ok && done.value.plan.holds.some((h) => asks.includes(h.kind))) await askAboutScope(policy);
  return done;
}

function summaryOf(ended: Result<PlanRecord, Failure>): Details {
  if (!ended.ok) return { outcome: ended.error.kind, code: ended.error.code };
  const { state, plan, outcomes } = ended.value;
  const made = outcomes.filter((o) => o.outcome === "done").length;
  return {
    outcome: state,
    changes: outcomes.length,
    made,
    proposals: plan.proposals.length,
    holds: [...new Set(plan.holds.map((h) => h.kind))].join(" "),
  };
}

/** Rebuilds an empty CloudStack; before the first start under the environment's own policy. */
export async function rebuildAll(
  p: Parts,
  o: { readonly dryRun: boolean } & Pick<RebuildContext, "say">,
  ownership: Ownership,
): Promise<Result<RebuildReport, Failure>> {
  const body = (await readPolicy(p.db))?.body ?? p.config.policy;
  const policy = planPolicyOf(body, planSettings(p));
  return rebuild(o, { ...p, ...sidesOf(p), ...o, ownership, domainIds: p.cloud.domainIds, policy, root: fleetOf(p).root });
}

/** The two sides that a pass compares, and what it changes. */
function sidesOf({ ci, cloud }: Parts) {
  return { desired: ci, observed: cloud.reader, writer: cloud.writer };
}

/** The settings of a plan that no vote changes. */
export function planSettings({ config }: { readonly config: Pick<Config, "cloudstack" | "sync"> }): PlanSettings {
  const { roles, sentinelDomain } = config.cloudstack;
  return { snapshotAgeMsMax: config.sync.snapshotAgeMsMax, roles, sentinelDomain };
}
