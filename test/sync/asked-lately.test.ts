/** Claim: while people's no to a deletion counts, its domain brings no message at each pass; a day later it is asked again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PlanRecord } from "../../src/sync/execution/record.ts";
import { readLiveDeletions, updateDeletion } from "../../src/store/deletions.ts";
import { startStoredLife } from "../cli/stored-life.ts";
import { changed } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

test("a refused deletion is proposed again after a day, and is silent until then", async () => {
  const shown: PlanRecord[] = [];
  const hear = async (record: PlanRecord): Promise<void> => void shown.push(record);
  const { world, replica, pass } = await startStoredLife(fresh, 7, (p) => changed(p, { plans: { showPlan: hear } }));
  await pass();
  await pass();
  const project = world.ci.projects.findLast((p) => p.state === "active");
  if (project === undefined) throw new Error("no project");
  Object.assign(project, { state: "closed", closedAt: world.clock.at });
  const proposals = async (afterMs: number): Promise<number> => {
    world.clock.at += afterMs;
    shown.length = 0;
    const done = await replica.runPass(null, { kind: "schedule" });
    if (!done.ok) throw new Error(done.error.message);
    return new Set(shown.filter((r) => r.plan.proposals.some((p) => p.projectId === project.id)).map((r) => r.id)).size;
  };
  expect(await proposals(60_000)).toBe(1);
  const [row] = await readLiveDeletions(fresh.db, project.id);
  if (row === undefined) throw new Error("no deletion was opened");
  const at = world.clock.at;
  await updateDeletion(fresh.db, row.id, { phase: "closed", closed_because: "rejected", closed_by: "Ada", entered_at: at as never });
  for (let i = 0; i < 3; i++) expect(await proposals(60_000)).toBe(0);
  expect(await proposals(24 * 3600_000)).toBe(1);
});
