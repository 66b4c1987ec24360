/**
 * Claim: a deletion whose stored row cannot be read keeps nobody else's from going on: it is named in every list and called for once, and its
 * domain stays under deletion, so that no pass changes it or asks about it anew.
 */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerDeletions } from "../../src/commands/deletions.ts";
import { giveBackFromTerminal } from "../../src/deletion/from-terminal.ts";
import { liveDomains } from "../../src/deletion/open.ts";
import type { DeletionId, DomainId, DomainPath, ProjectId, Slug } from "../../src/core/ids.ts";
import { insertDeletion, readLastClosed, readLiveDeletions, readUnreadable } from "../../src/store/deletions.ts";
import { sweepNotices } from "../../src/app/notices.ts";
import type { State } from "../../src/store/notices.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, insertWithAnyWaits, op, policy } from "../support/deletions.ts";
import { team } from "../sim/people.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase();
});
afterEach(() => fresh.drop());

const domain = randomUUID() as DomainId;
/** A deletion as another version, or a hand, left it. */
async function storeOdd(evidence: object, requesters = [op("chen")]): Promise<DeletionId> {
  const id = randomUUID() as DeletionId;
  await insertWithAnyWaits(fresh.db, {
    ...{ id, domain_id: domain, project_id: "p-2" as ProjectId, slug: "b", path: "ROOT/ci/b" as DomainPath, name: "b" },
    ...{ policy, opened_at: at(1), requesters, evidence: evidence as never },
  });
  return id;
}
const closed = (closedBy: string) => ({ kind: "closed", projectId: "p-2", slug: "b", closedAt: 0, closedBy });
const unreadable = { kind: "moved", projectId: "p-2" };

test("the other deletions are swept, listed and go on; it is named", async () => {
  const w = await smallWorld(fresh.db);
  const { row, bot } = await approveIn(w);
  const bad = await storeOdd(unreadable);
  const asked: string[] = [];
  w.now = 130;
  await bot
    .with({ enqueue: async (_name, id) => void asked.push(id) })
    .schedules.find((s) => s.name === "sweep-deletions")
    ?.run();
  expect(asked).toContain(row.id);
  expect(asked).not.toContain(bad);
  expect(await bot.services.deletions.list()).toMatchObject({ ok: true, value: [{ id: row.id }] });
  const [asker] = team.map(({ operator }) => ({ operator, isTeam: true }));
  if (asker === undefined) throw new Error("nobody asks");
  expect(JSON.stringify(await answerDeletions(asker, bot.services.deletions))).toMatch(/ROOT\/ci\/b.*cannot be read \(evidence\)/);
  await bot.advance(row.id);
  expect((await expectRow(fresh.db, row.id)).phase).toBe("grace");
});

test("a click on its card is refused with why", async () => {
  const { bot } = await approveIn(await smallWorld(fresh.db));
  const deletionId = await storeOdd(unreadable);
  const by = { operator: { id: op("ada"), name: "Ada", ciUserId: null }, isTeam: true };
  const refused = { ok: false, error: { code: "deletion.unreadable", remedy: expect.stringContaining("Start the version") } };
  expect(await bot.services.deletions.restore({ deletionId, by, version: 1 } as never)).toMatchObject(refused);
  expect(await bot.services.deletions.lookAgain({ deletionId, by, version: 1 } as never)).toMatchObject(refused);
});

test("its domain stays under deletion, and a terminal is told why it cannot be given back", async () => {
  await storeOdd(unreadable);
  expect(await liveDomains({ db: fresh.db })).toEqual([domain]);
  expect(await readLiveDeletions(fresh.db)).toEqual([]);
  for (const named of ["b", "ROOT/ci/b", domain])
    expect(
      await giveBackFromTerminal(named, { id: op("ada"), name: "Ada", ciUserId: null }, { db: fresh.db, now: () => at(5) }),
    ).toMatchObject({
      error: { code: "deletion.unreadable", message: expect.stringContaining("The deletion of ROOT/ci/b: its row") },
    });
});

test("people are called for it once", async () => {
  const w = await smallWorld(fresh.db);
  const { bot } = await approveIn(w);
  const id = await storeOdd(unreadable);
  const called: State[] = [];
  const { parts } = bot;
  const c = {
    ...parts,
    slack: {
      ...parts.slack,
      announcers: {
        ...parts.slack.announcers,
        notice: { ...parts.slack.announcers.notice, mention: async (s: State) => called.push(s) > 0 },
      },
    },
    config: { ...parts.config, notices: { ...parts.config.notices, mention: "channel", quiet: null } },
  } as Parameters<typeof sweepNotices>[0];
  await sweepNotices(c);
  await sweepNotices(c);
  const ours = called.filter((s) => s.key === `unreadable:${id}`);
  expect(ours).toMatchObject([{ kind: "frozen", about: "ROOT/ci/b", reason: expect.stringContaining("cannot be read (evidence)") }]);
});

test("one that ended with a row that cannot be read still tells that people refused it", async () => {
  const id = await storeOdd(unreadable);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set phase = 'closed', closed_because = 'rejected', closed_by = 'Ada', entered_at = 7 where id = $1", [
      id,
    ]);
  });
  expect(await readLastClosed(fresh.db, domain)).toMatchObject({ closed_because: "rejected", entered_at: 7 });
});

test("a closed_by of 201 characters: a row of before is read, and a new one is refused", async () => {
  const closedBy = "u".repeat(201);
  await storeOdd(closed(closedBy), [op(closedBy)]);
  expect(await readUnreadable(fresh.db)).toEqual([]);
  expect(await readLiveDeletions(fresh.db)).toMatchObject([{ evidence: { closedBy } }]);
});

test.each([
  ["a closed_by of 201 characters", { closedBy: "u".repeat(201) }, [op("chen")], "deletion_closed_by"],
  ["an empty closed_by", { closedBy: "" }, [op("chen")], "deletion_closed_by"],
  ["a closed_by with a line feed", { closedBy: "u\n1" }, [op("chen")], "deletion_closed_by"],
  ["a closing at no point in time", { closedAt: 9e15 }, [op("chen")], "deletion_closed_at"],
  ["a closing between two milliseconds", { closedAt: 0.5 }, [op("chen")], "deletion_closed_at"],
  ["somebody who is no person", {}, [op("chen"), "chen" as never], "deletion_requesters"],
])("PostgreSQL refuses a deletion asked for by %s", async (_what, more, requesters, rule) => {
  const day = 86_400_000;
  const done = insertDeletion(fresh.db, {
    ...{
      id: randomUUID() as DeletionId,
      domain_id: domain,
      project_id: "p-2" as ProjectId,
      slug: "b" as Slug,
      path: "ROOT/ci/b" as DomainPath,
    },
    ...{ name: "b", policy: { ...policy, approvalMs: 7 * day, coolOffMs: day, graceMs: 7 * day }, opened_at: at(1), requesters },
    evidence: { ...closed("u1"), ...more } as never,
  });
  await expect(done).rejects.toMatchObject({ kind: "constraint", constraint: rule });
});
