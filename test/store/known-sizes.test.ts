/** Claim: a domain that an approved deletion took does not count as a source that shrank; one that vanished by itself does. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DomainId, ProjectId } from "../../src/core/ids.ts";
import { readKnownState, recordCompleteRead, recordDomainDeleted, recordManagedDomains } from "../../src/store/managed.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

test("the last complete size is less what was deleted since, and only that", async () => {
  const ids = [1, 2, 3].map(() => randomUUID() as DomainId);
  const domains = ids.map((domainId, i) => ({ domainId, projectId: `p-${i}` as ProjectId, generation: 1, origin: "created" as const }));
  await recordManagedDomains(fresh.db, domains, 1);
  const read = { present: [], projects: 3, domains: 3, isUnsure: false, at: 100 };
  const size = async (): Promise<number | undefined> => (await readKnownState(fresh.db, [])).lastComplete?.domains;
  await recordDomainDeleted(fresh.db, ids[0] as DomainId, 50);
  await recordCompleteRead(fresh.db, read);
  expect(await size()).toBe(3);
  await recordDomainDeleted(fresh.db, ids[1] as DomainId, 150);
  expect(await size()).toBe(2);
  await recordCompleteRead(fresh.db, { ...read, domains: 2, at: 200 });
  expect(await size()).toBe(2);
});
