/** The context of deletions. */
import type { Ownership } from "../approvals/ownership.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import type { DomainPath } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isOutside } from "../core/scope.ts";
import type { DeletionContext } from "../deletion/context.ts";
import { readPolicyNow } from "../policy/propose.ts";
import { countManagedDomains } from "../store/managed.ts";
import type { Parts } from "./parts.ts";

/** All that deletions need. */
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
    archiveKinds: p.config.archive.kinds,
    nameOf: async (person) => {
      const people = await p.ci.listPeople();
      return people.ok ? (people.value.find((one) => `ci:${one.id}` === person)?.name ?? null) : null;
    },
    fleetSize: () => countManagedDomains(p.db),
    isProtected: protection(p),
  };
}

/**
 * Whether a domain lies outside of what may be deleted. The ids of the managed root and its ancestors are read from CloudStack until they
 * are known, and kept then.
 *
 * Errors: `unavailable` while they are not known: a check that cannot be made has not passed. Invariant: INV-4. ADR 0401.
 */
function protection(p: Parts): DeletionContext["isProtected"] {
  const root = p.config.cloudstack.rootPath as DomainPath;
  let known: ReturnType<typeof isOutside> | null = null;
  return async (id, path, isLocked = false): Promise<Result<boolean, Failure>> => {
    if (known === null) {
      const found = isLocked
        ? fail("unavailable", "deletion.root_not_asked", "CloudStack has not said yet which domain it is")
        : await p.cloud.reader.readManagedRoot();
      if (!found.ok) return err(rootUnknown(found.error));
      known = isOutside(root, new Set([found.value.id, ...found.value.ancestors]));
    }
    return ok(known(id, path));
  };
}

function rootUnknown(cause: Failure): Failure {
  return failure("unavailable", "deletion.root_unknown", `waits: the managed root could not be found: ${cause.message}`, {
    remedy: cause.remedy ?? "It is read again until CloudStack answers.",
  });
}
