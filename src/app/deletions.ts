/** The context of deletions. */
import type { Ownership } from "../approvals/ownership.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { DomainPath } from "../core/ids.ts";
import { whyDeletionsReported } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isOutside, type IsOutside } from "../core/scope.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { readPolicyNow } from "../policy/propose.ts";
import { countManagedDomains } from "../store/managed.ts";
import type { Config } from "../config/config.ts";
import type { Parts } from "./parts.ts";

/** Connects deletions with CloudStack, the CI database, Slack and the archive. */
export function deletionContext(p: Parts, ownership: Ownership): DeletionContext {
  return {
    ...p,
    ...p.cloud,
    ownership,
    evidence: p.ci,
    approvers: p.slack.approvers,
    announcer: p.slack.announcers.deletion,
    work: p,
    policyNow: (q) => readPolicyNow(q, p.config.policy.scope),
    followsChanges: p.config.sync.quickSeconds > 0,
    reported: whyDeletionsReported(p.config.cloudstack.reportOnly),
    archiveKinds: p.config.archive.kinds,
    nameOf: async (person) => {
      const people = await p.ci.listPeople();
      return people.ok ? (people.value.find((one) => one.id !== null && `ci:${one.id}` === person)?.name ?? null) : null;
    },
    fleetSize: () => countManagedDomains(p.db),
    readOutside: outsideReader(p),
  };
}

/**
 * Makes the test of whether a domain lies outside of what may be deleted. CloudStack is asked for the ids of the managed root and its
 * ancestors until they are known.
 *
 * Errors: `unavailable` while they are not known: a check that cannot be made has not passed. Invariant: INV-4. ADR 0401.
 */
export function outsideReader(p: {
  readonly config: Pick<Config, "cloudstack">;
  readonly cloud: { readonly reader: Pick<Parts["cloud"]["reader"], "readManagedRoot"> };
}): DeletionContext["readOutside"] {
  const root = p.config.cloudstack.rootPath as DomainPath;
  let known: IsOutside | null = null;
  return async (): Promise<Result<IsOutside, Failure>> => {
    if (known === null) {
      const found = await p.cloud.reader.readManagedRoot();
      if (!found.ok) return err(rootUnknown(found.error));
      known = isOutside(root, new Set([found.value.id, ...found.value.ancestors]));
    }
    return ok(known);
  };
}

function rootUnknown(cause: Failure): Failure {
  return failure("unavailable", "deletion.root_unknown", `waits: the managed root could not be found: ${cause.message}`, {
    remedy: cause.remedy ?? "It is read again until CloudStack answers.",
  });
}
