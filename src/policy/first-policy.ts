import type { Config } from "../config.ts";
import type { PresentScope } from "./settings.ts";
import type { TeamPolicy } from "../store/policies.ts";

/** The policy that the environment describes: in force from the first start until two people change it. */
export function firstPolicy(config: Pick<Config, "ci" | "cloudstack" | "deletion" | "slack" | "sync">): TeamPolicy {
  return {
    quorum: config.deletion.quorum,
    approvers: { group: config.slack.approverGroup, ids: config.slack.approverGroup === null ? [...config.slack.approverIds] : [] },
    approvalMs: config.deletion.expiresMs,
    coolOffMs: config.deletion.coolOffMs,
    graceMs: config.deletion.graceMs,
    deletionsPerDay: config.deletion.perDay,
    deletionsPerWeek: config.deletion.perWeek,
    proposalsPerPass: config.sync.proposalsPerPassMax,
    restrictionsPerPass: config.sync.restrictionsPerPassMax,
    changesPerPass: config.sync.changesPerPassMax,
    shrinkMinShare: config.sync.shrinkMinShare,
    absenceReads: config.sync.absence.reads,
    absenceMs: config.sync.absence.forMs,
    protectedDomains: [...config.cloudstack.protectedDomains].toSorted(),
    scope: presentScope(config),
  };
}

/** What this process reads. Another host is another scope: it may be the qualification's. */
export function presentScope(config: Pick<Config, "cloudstack" | "ci">): PresentScope {
  const database = new URL(config.ci.url);
  return {
    root: config.cloudstack.rootPath,
    server: config.cloudstack.url,
    database: `${database.hostname}${database.pathname}`,
    views: { ...config.ci.views },
  };
}
