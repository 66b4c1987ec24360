import type { CloudStackWriter } from "./writer.ts";
import type { Failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { unreachable, type Result } from "../../core/result.ts";
import type { ChangeWriter } from "../../sync/execution/ports.ts";
import type { Change } from "../../sync/planning/plan.ts";

/** Carries out a plan's changes with the CloudStack writer: one call for each kind of change, nothing decided here. */
export function changeWriter(writer: CloudStackWriter): ChangeWriter {
  return { applyChange: (change, jobId) => applyChange(writer, change, jobId) };
}

function applyChange(w: CloudStackWriter, c: Change, jobId: JobId): Promise<Result<void, Failure>> {
  switch (c.kind) {
    case "create_domain":
      return w.createDomain({ id: c.domainId, name: c.name, parentId: c.parentId });
    case "create_account":
      return w.createAccount({ id: c.accountId, userId: c.userId, domainId: c.domainId, person: c.person, role: c.role });
    case "create_user":
      return w.createUser({ id: c.userId, accountId: c.accountId, person: c.person });
    case "update_user":
      return w.updateUser({ userId: c.userId, accountId: c.accountId, to: c.to });
    case "set_role":
      return w.setRole({ accountId: c.accountId, role: c.to });
    case "unlock_account":
      return w.unlockAccount(c.accountId);
    case "lock_account":
      return w.lockAccount({ accountId: c.accountId, jobId });
    case "raise_limit":
    case "lower_limit":
      return w.setLimit({ domainId: c.domainId, type: c.type, max: c.to });
    default:
      return unreachable(c);
  }
}
