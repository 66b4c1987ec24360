/** Claims about what the bot does by itself: who asked for a pass asked for its deletions; a clock that disagrees removes no copy. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startStoredLife } from "../cli/stored-life.ts";
import { team } from "../sim/people.ts";
import type { Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { readLiveDeletions } from "../../src/store/deletions.ts";
import { configOf, testBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { abcSha256, at } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
});
afterEach(() => fresh.drop());

test("a pass that a person asked for goes through the queue, and that person is a requester of what it opens", async () => {
  const queued: string[] = [];
  const life = await startStoredLife(fresh, 7, (p) => ({
    ...p,
    enqueue: async (name, id) => void queued.push(`${name} ${id}`),
  }));
  await life.pass();
  await life.pass();
  const project = life.world.ci.projects.findLast((p) => p.state === "active");
  if (project === undefined) throw new Error("no project");
  Object.assign(project, { state: "closed", closedAt: life.world.clock.at, closedBy: null });
  const ada = team[0] as Asker;
  expect(await life.replica.services.sync.startPass(ada, null)).toMatchObject({ ok: true });
  expect(await readLiveDeletions(fresh.db)).toEqual([]);
  const [, id] = /^pass (.*)$/.exec(queued[0] ?? "") ?? [];
  await life.replica.work.pass(id ?? "", new AbortController().signal);
  expect(await readLiveDeletions(fresh.db)).toMatchObject([{ project_id: project.id, requesters: [ada.operator.id] }]);
});

test("copies are pruned by the configuration's rules, and none while the clocks disagree", async () => {
  const saved = async (when: number): Promise<string> => {
    const id = randomUUID();
    await insertEntry(fresh.db, { kind: "backup", id: randomUUID() }, { id, itemKind: "template", itemId: "t", name: "t", at: when });
    await updateEntry(fresh.db, id, when, { state: "verified", key: id, sha256: abcSha256, bytes: 3, manifest: {} });
    return id;
  };
  const day = 86_400_000;
  const [old] = [await saved(1), await saved(2 * day), await saved(3 * day)];
  const removed: string[] = [];
  let skewMs = 30 * day;
  const bot = testBot(fresh.db, {
    config: configOf({ ARCHIVE_KEEP_VERSIONS: "2", ARCHIVE_KEEP_DAYS: "1" }),
    archive: {
      remove: async (key) => (removed.push(key), ok(undefined)),
      open: async () => ok(Readable.from([Buffer.from("abc")])),
    },
    now: () => at(4 * day),
    clockSkew: async () => ({ ms: skewMs, against: "another clock" }),
  });
  const prune = bot.schedules.find((s) => s.name === "prune-archive");
  await prune?.run();
  expect(removed).toEqual([]);
  skewMs = 0;
  await prune?.run();
  expect(removed).toEqual([old]);
});
