import type { Clock, NewId } from "../../core/clock.ts";
import { fail, type Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath, ProjectId } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { isMeasured, recordMeasurement } from "../../store/backup-sizes.ts";
import type { Database } from "../../store/db.ts";
import type { Inventory } from "../../core/inventory.ts";
import { measureInventory } from "./sizes.ts";

/** What measuring needs. */
export interface MeasureContext {
  readonly db: Database;
  readonly rootPath: DomainPath;
  readonly readRoot: () => Promise<Result<{ readonly id: DomainId }, Failure>>;
  readonly readInventory: (id: DomainId, path: DomainPath) => Promise<Result<Inventory, Failure>>;
  readonly managedDomains: () => Promise<readonly { readonly domainId: DomainId; readonly projectId: ProjectId }[]>;
  readonly now: Clock;
  readonly newId: NewId;
}

/**
 * Measures the fleet, once each UTC day; false when this day was measured already.
 *
 * It is a job of its own and not a part of a pass: a pass reads domains and accounts only, every few minutes, and would become ten times
 * as slow. One inventory of the root is one set of lists, whatever the number of projects.
 *
 * Errors: the failure of the read. Nothing is recorded then: a gap is visible, an incomplete day would look like a deletion.
 */
export async function measureFleet(c: MeasureContext): Promise<Result<boolean, Failure>> {
  const day = new Date(c.now()).toISOString().slice(0, 10);
  if (await isMeasured(c.db, day)) return ok(false);
  const root = await c.readRoot();
  if (!root.ok) return root;
  const inventory = await c.readInventory(root.value.id, c.rootPath);
  if (!inventory.ok) return inventory;

  const measured = measureInventory(inventory.value, await c.managedDomains());
  if (measured.sizes.length === 0)
    return fail("unavailable", "backup.nothing_managed", "There is no project yet whose sizes could be measured", {
      remedy: "Wait for the first complete pass; it records which domains belong to which project.",
    });
  const id = c.newId();
  return c.db.tx(async (q) => {
    if (!(await recordMeasurement(q, id, day, measured))) return ok(false);
    const data = { day, sizes: measured.sizes.length, otherBytes: measured.otherBytes };
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: "backup.measured", subject: id, data });
    return ok(true);
  });
}
