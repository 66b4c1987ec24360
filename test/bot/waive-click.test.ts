/** Claims: a Waive click reaches the service with the entry on its button; a forged value or another message never does, and is recorded. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Click } from "../../src/bot/click.ts";
import { answerClick } from "../../src/bot/clicks.ts";
import type { Asker } from "../../src/core/people.ts";
import type { DeletionService } from "../../src/deletion/service.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { op } from "../support/deletions.ts";

const id = "6f1c9a1e-0000-4000-8000-000000000001";
const entry = "6f1c9a1e-0000-4000-8000-000000000003";
const digest = "a".repeat(64);
const by: Asker = { operator: { id: op("ada"), name: "Ada", ciUserId: null }, isTeam: true };

let fresh: FreshDatabase;
let reached: unknown[];
let refused: string[];
let answer: Result<unknown, Failure>;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.db.exec("insert into posted_message (key, channel, ts, digest, at) values ($1, 'C1', '1.1', 'd', 1)", [`deletion:${id}`]);
});
afterAll(() => fresh.drop());
beforeEach(() => {
  reached = [];
  refused = [];
  answer = ok({ archive: [{ id: entry, name: "disk", state: "failed", waivedBy: ["Ada"] }] });
});

const value = `v1:${id}:3:${digest}:${entry}`;
const click = async (more: Partial<Click> = {}) => {
  const deletions = {
    waive: async (given: unknown) => {
      reached.push(given);
      return answer as Result<DeletionView, Failure>;
    },
    recordRefusal: async (_by: unknown, what: string) => {
      refused.push(what);
    },
  } as unknown as DeletionService;
  const answered = await answerClick(
    { action: "deletion_waive_0", value, user: "U1", channel: "C1", ts: "1.1", triggerId: "t", ...more },
    by,
    {
      db: fresh.db,
      client: {} as never,
      services: { deletions } as never,
      channel: "C1",
    },
  );
  return answered !== null && "title" in answered ? answered : null;
};

test.each<[string, Partial<Click>]>([
  ["no entry", { value: `v1:${id}:3:${digest}` }],
  ["an entry that is no id", { value: `v1:${id}:3:${digest}:../../etc` }],
  ["another deletion's card", { value: `v1:6f1c9a1e-0000-4000-8000-00000000000f:3:${digest}:${entry}` }],
  ["another message", { ts: "2.2" }],
  ["another channel", { channel: "C2" }],
  ["a button that is none of ours", { action: "deletion_waive_x" }],
  ["an Approve button with an entry", { action: "deletion_approve" }],
])("%s is refused and recorded, and the service hears nothing", async (_, more) => {
  expect((await click(more))?.title).not.toMatch(/recorded/);
  expect(reached).toEqual([]);
  expect(refused).toHaveLength(1);
});

test("the first word says that one more is needed, the second that it is lost, a refusal is said as it is", async () => {
  expect(JSON.stringify(await click())).toMatch(/One more approver must waive disk/);
  expect(reached).toEqual([{ deletionId: id, version: 3, digest, by, entryId: entry }]);
  answer = ok({ archive: [{ id: entry, name: "disk", state: "waived", waivedBy: ["Ada", "Ben"] }] });
  expect(JSON.stringify(await click())).toMatch(/disk is waived by Ada and Ben/);
  answer = err(failure("refused", "waiver.saved", "disk is saved by now"));
  expect(JSON.stringify(await click())).toMatch(/disk is saved by now/);
});
