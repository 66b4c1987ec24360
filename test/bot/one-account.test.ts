/** Claim INV-2: one Slack account has one vote, whatever name the CI database puts behind it between two clicks. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createIdentity } from "../../src/bot/identity.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { putInForce, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { recordKnownAccounts } from "../../src/store/known-accounts.ts";
import { op, proposeOne } from "../support/deletions.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await putInForce(fresh.db);
  // Of who asks, an account is known: else nobody whom the CI database does not know could vote.
  await recordKnownAccounts(fresh.db, [{ account: "T1/U9", operator: op("chen") }], 1);
});
afterAll(() => fresh.drop());

type Account = { readonly team_id: string; readonly enterprise_user?: { readonly id: string; readonly enterprise_id: string } };
/** The identity of one replica: accounts U1 to U3, and what the CI database knows of people just then. */
const identityOf = (account: Account, knows: boolean) => {
  const client = {
    users: {
      info: async ({ user: id }: { user: string }) => ({
        ok: true,
        user: { id, ...account, is_email_confirmed: true, profile: { email: `${id}@example.org`, real_name: id } },
      }),
    },
    conversations: {
      info: async () => ({ ok: true, channel: { is_private: true } }),
      members: async () => ({ ok: true, members: ["U1", "U2", "U3"] }),
    },
  } as never;
  return createIdentity({
    client,
    patient: client,
    channel: "C1",
    here: { teamId: "T1", enterpriseId: account.enterprise_user?.enterprise_id ?? null, appId: null, botUserId: "B" },
    remember: async () => undefined,
    onLeftOut: () => undefined,
    approvers: async () => ({ group: null, ids: ["U1", "U2", "U3"] }),
    teamGroup: null,
    listPeople: async () => ok(knows ? [{ id: "7" as CiUserId, name: "Una", email: "U1@example.org", slackId: "U1", enabled: true }] : []),
    now: () => 20 as Instant,
    sleep: () => new Promise(() => undefined),
  });
};

test.each<[string, Account]>([
  ["of a workspace", { team_id: "T1" }],
  ["of an organisation on Enterprise Grid", { team_id: "T1", enterprise_user: { id: "W1", enterprise_id: "E1" } }],
])("an account %s that the CI database comes to know between two clicks is still one", async (_, account) => {
  const row = await proposeOne(fresh.db);
  const entryId = randomUUID();
  const owner = { kind: "deletion", id: row.id } as const;
  await insertEntry(fresh.db, owner, { id: entryId, itemKind: "template", itemId: "template-t", name: "t", at: 5 });
  await updateEntry(fresh.db, entryId, 6, { state: "failed", problem: "gone" });
  const waive = async (knows: boolean) => {
    const identity = identityOf(account, knows);
    const by = await identity.identify("U1");
    if (!by.ok) throw new Error(by.error.message);
    const { deletions } = testBot(fresh.db, { approvers: identity, now: () => 20 as Instant }).services;
    const done = await deletions.waive({ deletionId: row.id, version: row.version, digest: row.digest, by: by.value, entryId });
    return [by.value.operator.id, done.ok ? "ok" : done.error.code];
  };
  const [first, second] = [await waive(false), await waive(true)];
  expect([first[1], second]).toEqual(["ok", ["ci:7", "waiver.voted"]]);
  expect(first[0]).toMatch(/^slack:/);
});
