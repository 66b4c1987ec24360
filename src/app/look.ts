/** What a pass would do now, without Slack, without keys that change anything, and without writing anything anywhere. */
import { createOwnership, type Inspection, type Ownership } from "../approvals/ownership.ts";
import { createHeadCopy } from "../archive/head-copy.ts";
import type { LookConfig } from "../config/config.ts";
import { claimsOfMarks } from "../core/claims.ts";
import type { Clock, NewId, Sleep } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { DomainPath, Slug } from "../core/ids.ts";
import type { ApproverDirectory } from "../core/people.ts";
import { fingerprintOf, type PolicyNow } from "../core/policy.ts";
import { whyDeletionsReported, whyReported } from "../core/report-mode.ts";
import { ok, type Result } from "../core/result.ts";
import { liveDomains, whyNotOpened } from "../deletion/open.ts";
import { createEvents } from "../events.ts";
import { readPolicyNow } from "../policy/propose.ts";
import type { Database, Queryable } from "../store/db.ts";
import { findInstallation } from "../store/installation.ts";
import { readPolicy } from "../store/policies.ts";
import { createSkewMeter } from "../store/server-clock.ts";
import { readStop } from "../store/stop-switch.ts";
import { lookState } from "../sync/execution/new-record.ts";
import { previewPass, type PreviewContext } from "../sync/execution/reconcile.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { findScope } from "../sync/execution/service.ts";
import { outsideReader } from "./deletions.ts";
import { fleetOf, planSettings } from "./passes.ts";
import { archiveStore, ciDatabase, cloudStack } from "./systems.ts";

/** What a look found. */
export interface Look {
  readonly record: PlanRecord;
  /** What a pass would do with it. */
  readonly state: ReturnType<typeof lookState> | "stopped";
  /** Why everything is stopped; null: it is not. */
  readonly stopped: string | null;
  /** Whether the bot has never been started with this database: what its first pass would do. */
  readonly isFirst: boolean;
}

/**
 * Reads both sides and makes the plan that a pass would make now, over everything or over one project.
 *
 * `db` is opened for reading; null: there is none yet. Errors: there is no such project, or the CI database does not say.
 */
export async function lookNow(
  slug: Slug | null,
  config: LookConfig,
  db: Database | null,
  a: { readonly now: Clock; readonly sleep: Sleep; readonly newId: NewId },
): Promise<Result<Look, Failure>> {
  const events = createEvents("silent", config.environment);
  const known = db !== null && (await readPolicy(db)) !== null && (await findInstallation(db)) !== null ? db : null;
  const ci = ciDatabase(config, known ?? nothing, { now: a.now, events });
  try {
    const { reader } = cloudStack(config, known ?? nothing, { ...a, events });
    const fleet = fleetOf({ config });
    const scope = await findScope(slug, { fleet, findProject: (one) => ci.project({ slug: one }) });
    if (!scope.ok) return scope;
    const source = known === null ? await ci.readSource() : ok(null);
    if (!source.ok) return source;
    const policy = firstPolicy(config, source.value);
    const policyNow = async (): Promise<PolicyNow> => (known === null ? policy : readPolicyNow(known, config.policy.scope));
    const context: PreviewContext = {
      ...a,
      db: known,
      desired: ci,
      observed: reader,
      policyNow,
      settings: planSettings({ config }),
      scopeFingerprint: fingerprintOf(config.policy.scope),
      reported: whyReported("write", config.cloudstack.reportOnly),
      deletions: known === null ? noDeletions : deletionsOf(known, policyNow, config, { ...a, reader }),
      ownership: known === null ? firstOwnership(reader, fleet.root, a.newId()) : await ownershipOf(known, reader, config, a.now),
    };
    const record = await previewPass(scope.value, { kind: "schedule" }, context);
    const stop = known === null ? null : await readStop(known);
    const stopped = stop?.stopped === true ? stop.reason : null;
    return ok({ record, state: stopped === null ? lookState(record) : "stopped", stopped, isFirst: known === null });
  } finally {
    await ci.close();
  }
}

type Reader = ReturnType<typeof cloudStack>["reader"];

/** The database before the first start: it says nothing, and nothing that is asked of it here needs an answer. */
const nothing: Queryable = {
  many: async () => [],
  maybe: async () => null,
  one: () => Promise.reject(new Error("there is no database yet")),
  exec: async () => 0,
};

/** As the first start records it. */
function firstPolicy({ policy }: LookConfig, source: PolicyNow["scope"]["source"] | null): PolicyNow {
  const scope = source === null || source === undefined ? policy.scope : { ...policy.scope, source };
  return { ...policy, scope, version: 1, scopeIsConfirmed: true };
}

const noDeletions: PreviewContext["deletions"] = { liveDomains: async () => [], whyNotOpened: async () => null };

/** Who may approve is Slack's to say: that too few could is found by the pass itself. */
const noSlack: Pick<ApproverDirectory, "approversNow" | "learnAccounts" | "listedNow"> = {
  approversNow: async () => fail("unavailable", "look.no_slack", "Slack is not asked"),
  learnAccounts: async () => undefined,
  listedNow: async () => ok(() => true),
};

function deletionsOf(
  db: Database,
  policyNow: () => Promise<PolicyNow>,
  config: LookConfig,
  { now, reader }: { readonly now: Clock; readonly reader: Reader },
): PreviewContext["deletions"] {
  const readOutside = outsideReader({ config, cloud: { reader } });
  const reported = whyDeletionsReported(config.cloudstack.reportOnly);
  const clockSkew = createSkewMeter(db, now, now);
  return {
    liveDomains: () => liveDomains({ db }),
    whyNotOpened: (proposal, requesters) =>
      whyNotOpened(proposal, requesters, { db, now, clockSkew, policyNow, readOutside, reported, approvers: noSlack }),
  };
}

async function ownershipOf(db: Database, reader: Reader, config: LookConfig, now: Clock): Promise<Ownership> {
  const store = await archiveStore(config);
  return createOwnership({
    ...{ db, now, root: config.cloudstack.rootPath as DomainPath, copy: createHeadCopy(store) },
    readMarks: () => reader.readMarks(),
    addMark: async () => fail("refused", "look.only", "Nothing is written"),
    removeMark: async () => fail("refused", "look.only", "Nothing is written"),
    onFailure: () => undefined,
  });
}

/** Before the first start every mark is another installation's, and nobody has accepted anything. */
function firstOwnership(reader: Reader, root: DomainPath, id: string): PreviewContext["ownership"] {
  return {
    async inspect(): Promise<Result<Inspection, Failure>> {
      const marks = await reader.readMarks();
      return marks.ok ? ok({ ...claimsOfMarks({ id, mark: null, markRoot: null }, marks.value, root), marks: marks.value }) : marks;
    },
    unsettled: async (claims) => claims,
  };
}
