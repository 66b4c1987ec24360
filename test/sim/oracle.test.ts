/** Claim: the simulation's oracle counts no approval of who closed the project, though the bot forgot to write that person down as a requester. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeletionId, DomainId, DomainPath } from "../../src/core/ids.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, insertWithAnyWaits, policy } from "../support/deletions.ts";
import type { Process } from "./crash.ts";
import { Oracle } from "./oracle.ts";
import { team } from "./people.ts";
import { resetDatabase } from "./reset.ts";
import { createWorld } from "./world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const process: Process = { name: "A1", points: 0, dieAt: Number.POSITIVE_INFINITY, dead: false, skewMs: 0, apiKeys: new Set(["key"]) };

test.each([
  ["who closed it and one more", "u1", ["INV-2: disableAccount in ROOT/ci/doomed with 1 approvals that count"]],
  ["two others", "u3", []],
] as const)("approved by %s", async (_who, closedBy, expected) => {
  await resetDatabase(fresh.db);
  const w = await createWorld(1, fresh.db);
  const oracle = new Oracle(w);
  const ci = w.cloud.tree().children.find((d) => d.name === "ci");
  const domain = w.cloud.addDomain({ name: "doomed", parent: ci?.id ?? "" });
  const account = w.cloud.addAccount({ domain, name: "ann" }).accountId;
  oracle.refresh();

  const id = "6f1c9a1e-0000-4000-8000-0000000000dd" as DeletionId;
  const place = { domain_id: domain as DomainId, path: "ROOT/ci/doomed" as DomainPath, slug: "doomed", name: "doomed" };
  const evidence = { kind: "closed", projectId: "p-9", slug: "doomed", closedAt: at(0), closedBy } as never;
  await insertWithAnyWaits(fresh.db, { id, ...place, project_id: "p-9" as never, policy, opened_at: at(1), requesters: [], evidence });
  const voters = team.slice(0, 2).map((p) => [p.operator.id, { at: 0, isSure: true }] as const);
  w.approvals.set(id, new Map(voters));
  oracle.evidence.set("A1 p-9", { state: "closed", used: false });

  await oracle.judge(new URLSearchParams({ command: "disableAccount", id: account }), process);
  expect(w.violations.filter((v) => v.startsWith("INV-2"))).toEqual(expected);
  await w.cloud.close();
});
