/**
 * Claims INV-2: a person is one person, on two Slacks that share no code. Who asked is refused under every name known for them, also after
 * their e-mail, their Slack id or their row in the CI database changed; one person does not vote, waive or resume twice; who the CI database
 * does not know counts only when the policy names their id.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { inventoryDigest } from "../../src/core/inventory.ts";
import type { DomainId } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { failure } from "../../src/core/failure.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { updateDeletion, readLiveDeletions, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import type { WebClient } from "@slack/web-api";
import { groupMembers } from "../../src/bot/members.ts";
import { findSetting } from "../../src/policy/settings.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { putInForce, testBot, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, item } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ciPerson, identityOn, twoSlacks, type IdentityWorld, type OneSlack } from "./two-slacks.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

describe.each(twoSlacks)("on %s", (_, start) => {
  let slack: OneSlack;
  let fresh: FreshDatabase;
  let w: IdentityWorld;
  let bot: TestBot;
  beforeAll(async () => {
    slack = await start();
  });
  afterAll(() => slack.close());
  beforeEach(async () => {
    fresh = await lendDatabase();
    await putInForce(fresh.db);
    slack.setEnterprise(null);
    slack.setPublic(false);
    slack.setGroup(["UADA", "UBEN", "UCHEN", "UDORA"]);
    slack.setMembers(["UADA", "UBEN", "UCHEN", "UDORA"]);
    for (const name of ["ada", "ben", "chen", "dora"]) slack.set({ id: `U${name.toUpperCase()}`, name, email: `${name}@example.org` });
    w = await identityOn(slack, fresh.db, { people: ["ada", "ben", "chen", "dora"].map((id) => ciPerson(id)) });
    bot = botOn(w);
  });
  afterEach(() => fresh.drop());

  const botOn = (world: IdentityWorld): TestBot =>
    testBot(fresh.db, {
      approvers: world.identity,
      now: () => at(world.now),
      reader: { readInventory: async (id) => ok(inventory(id, [item("template", "t")])) },
      ci: { listPeople: async () => ok(world.people.map((p) => ({ ...p, username: p.name }))) },
    });
  const by = async (user: string) => {
    const asker = await w.identity.identify(user);
    if (!asker.ok) throw new Error(asker.error.message);
    return asker.value;
  };
  const codeOf = (done: { readonly ok: true } | { readonly ok: false; readonly error: { readonly code: string } }): string =>
    done.ok ? "ok" : done.error.code;

  /** A project that `closedBy` closed is proposed for deletion. */
  async function propose(closedBy: string | null, days = 1): Promise<DeletionRow> {
    const domainId = randomUUID() as DomainId;
    const evidence = { kind: "closed", projectId: "p-1", slug: "a", closedAt: at(1), closedBy };
    await bot.passes.deletions.openDeletion({ domainId, projectId: `p-${domainId}`, path: "ROOT/ci/a", name: "a", evidence } as never, []);
    const row = (await readLiveDeletions(fresh.db)).find((d) => d.domain_id === domainId);
    if (row === undefined) throw new Error("nothing was opened");
    const shown = inventory(domainId, [item("template", "t")]);
    await recordApprovedInventory(fresh.db, row.id, shown, w.now);
    await enterAsSaved(fresh.db, row, shown);
    const times = { proposed_at: at(w.now), expires_at: at(w.now + days * DAY), entered_at: at(w.now) };
    await updateDeletion(fresh.db, row.id, { phase: "proposed", digest: inventoryDigest(shown), ...times });
    return expectRow(fresh.db, row.id);
  }
  const click = async (row: DeletionRow, user: string) => ({
    ...{ deletionId: row.id, version: row.version, digest: row.digest, by: await by(user) },
  });
  const approve = async (row: DeletionRow, user: string) =>
    codeOf(await bot.services.deletions.approve({ ...(await click(row, user)), typedName: row.name }));
  const cardOf = async (row: DeletionRow): Promise<{ readonly mayApprove: readonly string[]; readonly text: string }> => {
    const view = await bot.services.deletions.view(row.id);
    if (!view.ok) throw new Error(view.error.message);
    return { mayApprove: view.value.mayApprove, text: JSON.stringify(renderCard(view.value, "test").blocks) };
  };

  test.each<[string, () => void]>([
    ["nothing", () => undefined],
    ["the e-mail in Slack", () => slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" })],
    ["the e-mail to that of another CI user", () => slack.set({ id: "UCHEN", name: "chen", email: "eve@example.org" })],
    ["their row is disabled", () => void (w.people = w.people.map((p) => (p.id === "chen" ? { ...p, enabled: false } : p)))],
    ["their row is gone", () => void (w.people = w.people.filter((p) => p.id !== "chen"))],
    ["their row has another id", () => void (w.people = w.people.map((p) => (p.id === "chen" ? { ...p, id: "chen-2" as never } : p)))],
  ])("who closed the project may not approve, although this changed: %s", async (_what, change) => {
    w.people = [...w.people, ciPerson("eve")];
    w.list = { group: slack.group, ids: ["UADA", "UBEN", "UCHEN"] };
    const row = await propose("chen");
    change();
    w.now += MINUTE;
    expect(await approve(row, "UADA")).toBe("ok");
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "proposed" });
    expect((await cardOf(row)).mayApprove.join()).not.toMatch(/chen/);
    expect(await approve(row, "UBEN")).toBe("ok");
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "cooling_off" });
  });

  test("who asked is known by the account they had when it was decided to ask, also when their row leads to another one a moment later", async () => {
    const evidence = { kind: "closed", projectId: "p-1", slug: "a", closedAt: at(1), closedBy: "chen" };
    const proposal = { domainId: randomUUID(), projectId: "p-1", path: "ROOT/ci/a", name: "a", evidence };
    // No approver yet, so that nothing else remembers the account.
    slack.setGroup(["UADA", "UBEN"]);
    expect(await bot.passes.deletions.whyNotOpened(proposal as never, [])).toBeNull();
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    slack.set({ id: "UCHEN2", name: "chen two", email: "chen@example.org" });
    w = await identityOn(slack, fresh.db, { people: w.people, list: { group: slack.group, ids: ["UCHEN"] } });
    bot = botOn(w);
    const row = await propose("chen");
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
    expect([await approve(row, "UADA"), await approve(row, "UBEN")]).toEqual(["ok", "ok"]);
  });
  // The Slack of these tests is theirs together, and forgets nobody.
  afterEach(() => slack.set({ id: "UCHEN2", name: "chen two", email: "chen2@other.example" }));

  test("what was learned of a requester before counts, also when nothing leads from them to Slack at the opening", async () => {
    await by("UCHEN");
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    w.now += MINUTE;
    w.list = { group: slack.group, ids: ["UCHEN"] };
    const row = await propose("chen");
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
  });

  test("who is disabled is still who they are: also when Slack could not say whose account is theirs", async () => {
    slack.fail("users.lookupByEmail", "internal_error");
    w.people = w.people.map((p) => (p.id === "chen" ? { ...p, enabled: false } : p));
    w.list = { group: slack.group, ids: ["UCHEN"] };
    const row = await propose("chen");
    slack.fail("users.lookupByEmail", null);
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
  });

  test("a restart forgets no identity of who asked", async () => {
    w.list = { group: slack.group, ids: ["UCHEN"] };
    const row = await propose("chen");
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    w = await identityOn(slack, fresh.db, { people: w.people, list: w.list });
    bot = botOn(w);
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
  });

  test("who asked and has no known Slack account could be anybody whom the CI database does not know: none of those may approve", async () => {
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    w.list = { group: slack.group, ids: ["UCHEN"] };
    const row = await propose("chen");
    expect(await approve(row, "UCHEN")).toBe("deletion.unknown_requester");
    const card = await cardOf(row);
    expect(card.mayApprove).toEqual(["ada", "ben", "dora"]);
    expect(card.text).toContain("whose Slack account is not known");
    expect([await approve(row, "UADA"), await approve(row, "UBEN")]).toEqual(["ok", "ok"]);
  });

  test.each<[string, string, () => void]>([
    [
      "their row was deleted and made again",
      "chen",
      () => (w.people = [...w.people.filter((p) => p.id !== "chen"), ciPerson("chen-2", { email: "chen@example.org" })]),
    ],
    ["it is written in another case", "CHEN", () => undefined],
    ["it is a name and no id", "Chen Li", () => undefined],
  ])(
    "who closed the project names nobody, since %s: nobody approves, and the card says what to correct",
    async (_what, closedBy, change) => {
      change();
      const row = await propose(closedBy);
      for (const user of ["UCHEN", "UADA"]) expect(await approve(row, user)).toBe("deletion.unknown_requester");
      const card = await cardOf(row);
      expect(card.mayApprove).toEqual([]);
      expect(card.text).toMatch(/Nobody knows who asked: the CI database lists no CI user .*Correct closed_by/);
      expect(card.text).not.toContain("deletion_approve");
      w.people = [...w.people, ciPerson(closedBy, { email: "old@example.org" })];
      w.now += MINUTE;
      expect(await approve(row, "UADA")).toBe("ok");
    },
  );

  test("a row that goes while people vote leaves nobody who could be that person", async () => {
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    const row = await propose("chen");
    w.people = [...w.people.filter((p) => p.id !== "chen"), ciPerson("chen-2", { email: "li@other.example" })];
    w.now += MINUTE;
    expect(await approve(row, "UCHEN")).toBe("deletion.unknown_requester");
  });

  test("that nobody is named as who closed the project stands on the card", async () => {
    const row = await propose(null);
    expect((await cardOf(row)).text).toContain("Who closed it is not known: the CI database does not say");
    expect((await cardOf(await propose("chen"))).text).not.toContain("not known");
  });

  test("who asks again by closing the project again has no vote on the question before", async () => {
    const row = await propose("chen");
    const again = bot.with({
      ci: { readProjectState: async (_id, closing) => ok(closing?.closedBy === "ben" ? "closed" : "closed_again") },
    });
    const done = await again.services.deletions.approve({ ...(await click(row, "UADA")), typedName: row.name });
    expect(done).toMatchObject({
      ok: false,
      error: { code: "deletion.changed", message: expect.stringContaining("opened and closed again") },
    });
    expect(await approve(row, "UADA")).toBe("ok");
    expect(await approve(row, "UBEN")).toBe("ok");
    await again.advance(row.id);
    w.now += DAY;
    await again.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "changed" });
    const asked = await propose("chen");
    await again.advance(asked.id);
    expect(await expectRow(fresh.db, asked.id)).toMatchObject({ phase: "closed", closed_reason: expect.stringContaining("closed again") });
  });

  test("whom the CI database does not know is named and left out of a group, unless the policy names their id; the card says so", async () => {
    w.people = w.people.filter((p) => p.id !== "dora");
    const row = await propose("chen");
    expect(await approve(row, "UDORA")).toBe("deletion.not_approver");
    expect(w.leftOut).toEqual([expect.stringMatching(/^UDORA: dora \(not in the CI database\)/)]);
    w.list = { group: slack.group, ids: ["UDORA"] };
    expect((await cardOf(row)).text).toContain("dora (not in the CI database)");
    expect(await approve(row, "UDORA")).toBe("ok");
    // Named by id, but no member of the group: that counts for nothing.
    slack.set({ id: "UEVE", name: "eve" });
    w.list = { group: slack.group, ids: ["UEVE"] };
    expect(await approve(row, "UEVE")).toBe("deletion.not_approver");
  });

  test("an account that voted as somebody else is refused with a sentence that says as whom, and may vote again after a while", async () => {
    expect(await approve(await propose("chen"), "UADA")).toBe("ok");
    slack.set({ id: "UADA", name: "ada", email: "novak@other.example" });
    w.list = { group: slack.group, ids: ["UADA"] };
    w.now += MINUTE;
    const second = await propose("chen");
    const refused = await bot.services.deletions.approve({ ...(await click(second, "UADA")), typedName: "a" });
    expect(refused).toMatchObject({ ok: false, error: { code: "deletion.identity" } });
    expect(refused.ok ? "" : refused.error.message).toMatch(/voted as ada \(the CI user ada\).*nobody of the CI database now/);
    w.now += 31 * DAY;
    expect(await approve(await propose("chen"), "UADA")).toBe("ok");
  });

  test("one person with two e-mails does not resume, and does not waive, alone", async () => {
    w.list = { group: slack.group, ids: ["UADA"] };
    const row = await propose("chen");
    const entryId = randomUUID();
    await insertEntry(fresh.db, { kind: "deletion", id: row.id }, { id: entryId, itemKind: "template", itemId: "x", name: "x", at: 5 });
    await updateEntry(fresh.db, entryId, 6, { state: "failed", problem: "gone" });
    expect(await bot.services.sync.stop(await by("UBEN"), "because")).toMatchObject({ ok: true });
    const resume = async () => codeOf(await bot.services.sync.resume(await by("UADA")));
    const waive = async () => codeOf(await bot.services.deletions.waive({ ...(await click(row, "UADA")), entryId }));
    expect([await resume(), await waive()]).toEqual(["ok", "ok"]);
    slack.set({ id: "UADA", name: "ada", email: "novak@other.example" });
    w.now += MINUTE;
    expect([await resume(), await waive()]).toEqual(["resume.voted", "waiver.voted"]);
    expect((await cardOf(row)).text).not.toContain("waived by ada and");
  });

  describe("one person with two Slack accounts", () => {
    beforeEach(async () => {
      slack.set({ id: "UADA", name: "ada", email: "ada@work.example" });
      slack.set({ id: "UADA2", name: "ada two", email: "ada@example.org" });
      w.people = [ciPerson("ada", { slackId: "UADA" }), ...["ben", "chen", "dora", "novak"].map((id) => ciPerson(id))];
      slack.setMembers(["UADA", "UADA2", "UBEN", "UCHEN", "UDORA"]);
      w.list = { group: null, ids: ["UADA", "UADA2", "UBEN", "UCHEN", "UDORA"] };
      expect((await by("UADA2")).operator.id).toBe("ci:ada");
    });
    const emails = ["nobody@else.example", "novak@example.org"];

    test.each(emails)("approves a deletion once, although the second account's e-mail is %s now", async (email) => {
      const row = await propose("chen");
      expect(await approve(row, "UADA")).toBe("ok");
      slack.set({ id: "UADA2", name: "ada two", email });
      w.now += MINUTE;
      const second = await bot.services.deletions.approve({ ...(await click(row, "UADA2")), typedName: row.name });
      expect(second).toMatchObject({ ok: false, error: { code: "deletion.voted" } });
      expect(second.ok ? "" : second.error.message).toMatch(/as ada: that and you are known as one person/);
      const other = await propose("chen");
      expect([await approve(other, "UADA2"), await approve(other, "UADA")]).toEqual(["ok", "deletion.voted"]);
      expect(await approve(other, "UBEN")).toBe("ok");
      expect(await expectRow(fresh.db, other.id)).toMatchObject({ phase: "cooling_off" });
    });

    test.each(emails)("resumes once, although the second account's e-mail is %s now", async (email) => {
      await bot.services.sync.stop(await by("UBEN"), "because");
      const resume = async (user: string) => codeOf(await bot.services.sync.resume(await by(user)));
      expect(await resume("UADA")).toBe("ok");
      slack.set({ id: "UADA2", name: "ada two", email });
      w.now += MINUTE;
      expect(await resume("UADA2")).toBe("resume.voted");
    });
  });

  describe("a row of the CI database that had other people's Slack ids for a minute", () => {
    beforeEach(async () => {
      await putInForce(fresh.db, { approvers: { group: slack.group, ids: [] } });
      slack.setGroup(["UADA", "UBEN", "UCHEN"]);
      const right = w.people;
      for (const wrong of ["UADA", "UCHEN"]) {
        w.people = right.map((p) => (p.id === "ben" ? { ...p, slackId: wrong } : p));
        w.now += MINUTE;
        await by(wrong);
      }
      w.people = right;
      w.now += MINUTE;
      await w.identity.resolve(w.list);
    });
    const whyNot = async () => {
      const evidence = { kind: "closed", projectId: "p-9", slug: "a", closedAt: at(1), closedBy: null };
      const proposal = { domainId: randomUUID(), projectId: "p-9", path: "ROOT/ci/a", name: "a", evidence };
      return bot.passes.deletions.whyNotOpened(proposal as never, []);
    };
    const change = async () =>
      bot.services.policy.propose(await by("UDORA"), { setting: "grace", text: "30 days", reason: "because it is so, and longer" });

    test("asks nobody while they count as one person, says until when, and forgets it after 30 days", async () => {
      const until = /ada and ben and chen count as one person, until 1970-01-31 UTC, unless they are seen so again/;
      expect((await whyNot())?.reason).toMatch(until);
      expect(await change()).toMatchObject({ error: { code: "policy.one_person", message: expect.stringMatching(until) } });
      w.now += 29 * DAY;
      await w.identity.resolve(w.list);
      expect(await whyNot()).not.toBeNull();
      w.now += 2 * DAY;
      for (const user of ["UADA", "UBEN", "UCHEN", "UDORA"]) await by(user);
      expect(await whyNot()).toBeNull();
      expect(codeOf(await change())).toBe("ok");
      const row = await propose(null);
      expect([await approve(row, "UADA"), await approve(row, "UBEN")]).toEqual(["ok", "ok"]);
      expect((await expectRow(fresh.db, row.id)).phase).toBe("cooling_off");
    });

    test("the card says who counts as one person, beside somebody else", async () => {
      slack.setGroup(["UADA", "UBEN", "UCHEN", "UDORA"]);
      w.now += MINUTE;
      const row = await propose(null);
      expect((await cardOf(row)).text).toMatch(/ada and ben and chen count as one person, until 1970-01-31/);
      expect([await approve(row, "UADA"), await approve(row, "UBEN"), await approve(row, "UDORA")]).toEqual(["ok", "deletion.voted", "ok"]);
    });

    test("who asked keeps every name that was known at the opening", async () => {
      slack.set({ id: "UEVE", name: "eve", email: "eve@example.org" });
      w.people = [...w.people, ciPerson("eve")];
      slack.setGroup(["UADA", "UBEN", "UCHEN", "UDORA", "UEVE"]);
      w.now += MINUTE;
      const row = await propose("chen", 40);
      w.now += 31 * DAY;
      for (const user of ["UADA", "UBEN", "UCHEN", "UDORA"]) await by(user);
      expect(await approve(row, "UBEN")).toBe("deletion.requester");
      const vote =
        "insert into ballot (kind, question, voter, voter_name, slack_account, verdict, digest, at) values ('deletion', $1, 'ci:ben', 'ben', 'T/X', 'approve', $2, $3)";
      await expect(fresh.db.exec(vote, [row.id, row.digest, w.now + 1])).rejects.toMatchObject({ constraint: "ballot_requester" });
    });
  });

  test("who asked is refused over however many steps from name to account to name", async () => {
    await w.identity.approversNow();
    const row = await propose("chen");
    w.people = w.people.map((p) => (p.id === "chen" ? { ...p, id: "chen-2" as never, slackId: "UCHEN" } : p));
    slack.set({ id: "UCHEN", name: "chen", email: "chen@old.example" });
    slack.set({ id: "UCHEN9", name: "chen", email: "chen@example.org" });
    slack.setGroup(["UADA", "UBEN", "UCHEN9", "UDORA"]);
    w.now += MINUTE;
    await by("UCHEN");
    expect((await by("UCHEN9")).operator.id).toBe("ci:chen-2");
    w.people = w.people.map((p) => (p.id === "chen-2" ? { ...p, id: "chen-3" as never, slackId: null } : p));
    w.now += MINUTE;
    expect(await approve(row, "UCHEN9")).toBe("deletion.requester");
    expect((await cardOf(row)).mayApprove).toEqual(["ada", "ben", "dora"]);
  });

  test.each<[string, string | null, { readonly outside?: boolean; readonly enterprise?: string }, string]>([
    ["of another workspace", null, { outside: true }, "identity.not_a_member"],
    ["of another organisation on Enterprise Grid", null, { outside: true, enterprise: "E2" }, "identity.not_a_member"],
    ["of another organisation, where we have one", "E1", { outside: true, enterprise: "E2" }, "identity.not_a_member"],
    ["of another organisation, with our workspace's id", "E1", { enterprise: "E2" }, "identity.not_a_member"],
    ["of another workspace of our organisation", "E1", { outside: true, enterprise: "E1" }, "ok"],
    ["of our workspace in our organisation", "E1", { enterprise: "E1" }, "ok"],
  ])("ours is our own organisation: somebody %s", async (_who, enterprise, account, expected) => {
    slack.setEnterprise(enterprise);
    slack.set({ id: "UEVE", name: "eve", email: "eve@example.org", ...account });
    slack.setMembers(["UEVE"]);
    w = await identityOn(slack, fresh.db, { list: { group: null, ids: ["UEVE"] } });
    expect(codeOf(await w.identity.identify("UEVE"))).toBe(expected);
    const found = await w.identity.approversNow();
    expect(found.ok && found.value.length).toBe(expected === "ok" ? 1 : 0);
  });

  test("on Grid, half an answer gives nobody a second name", async () => {
    slack.setEnterprise("E1");
    slack.set({ id: "UADA", name: "ada", email: "ada@example.org", enterprise: "E1" });
    w = await identityOn(slack, fresh.db, { people: w.people });
    expect((await by("UADA")).account).toBe("E1/UADA");
    slack.setEnterprise(null);
    slack.set({ id: "UADA", name: "ada", email: "ada@example.org" });
    w.now += MINUTE;
    expect(codeOf(await w.identity.identify("UADA"))).toBe("slack.half_an_answer");
  });

  test("on Grid, after a restart half an answer is not another account: it approves nothing, and stops nobody else", async () => {
    slack.setEnterprise("E1");
    for (const name of ["ada", "ben", "chen", "dora"])
      slack.set({ id: `U${name.toUpperCase()}`, name, email: `${name}@example.org`, enterprise: "E1" });
    w = await identityOn(slack, fresh.db, { people: w.people, list: { group: null, ids: ["UADA", "UBEN", "UCHEN"] } });
    bot = botOn(w);
    const row = await propose("chen");
    expect(await approve(row, "UCHEN")).toBe("deletion.requester");
    slack.set({ id: "UCHEN", name: "chen", email: "li@other.example" });
    w = await identityOn(slack, fresh.db, { people: w.people, list: w.list });
    bot = botOn(w);
    expect(codeOf(await w.identity.identify("UADA"))).toBe("ok");
    await w.identity.identify("UBEN");
    slack.setEnterprise(null);
    expect(codeOf(await w.identity.identify("UCHEN"))).toBe("slack.half_an_answer");
    const found = await w.identity.approversNow();
    expect(found.ok && found.value.map((a) => a.name)).toEqual(["ada", "ben"]);
    expect(w.leftOut).toEqual([expect.stringMatching(/^UCHEN: Slack did not say/)]);
  });

  test.each<[string, () => void]>([
    ["the channel is public", () => slack.setPublic(true)],
    ["the token lacks a scope", () => slack.fail("conversations.info", "missing_scope")],
  ])("who is in no list stops nothing, for as long as %s", async (_what, go) => {
    slack.set({ id: "UEVE", name: "eve", email: "eve@example.org" });
    slack.set({ id: "UMIA", name: "mia", email: "mia@example.org" });
    slack.setMembers(["UADA", "UMIA"]);
    const mayStop = async (user: string) => {
      const asker = await w.identity.identifyToHalt(user);
      return asker.ok && (asker.value.isTeam || asker.value.mayBeTeam === true);
    };
    expect([await mayStop("UEVE"), await mayStop("UMIA"), await mayStop("UADA")]).toEqual([false, true, true]);
    go();
    w.now += 60 * MINUTE;
    // A public channel is no team; a list that cannot be read any more still names whom it named.
    expect([await mayStop("UEVE"), await mayStop("UMIA"), await mayStop("UADA")]).toEqual([false, _what !== "the channel is public", true]);
    slack.fail("conversations.info", null);
    w = await identityOn(slack, fresh.db, { people: w.people });
    expect(await mayStop("UEVE")).toBe(false);
  });

  test("a public channel is no team: members of it count for nothing, and of the group for the team", async () => {
    slack.set({ id: "UEVE", name: "eve" });
    slack.setMembers(["UEVE"]);
    expect(await by("UEVE")).toMatchObject({ isTeam: true });
    slack.setPublic(true);
    w = await identityOn(slack, fresh.db, { people: w.people });
    expect(await by("UEVE")).toMatchObject({ isTeam: false });
    w = await identityOn(slack, fresh.db, { people: w.people, teamGroup: slack.group, list: { group: null, ids: [] } });
    expect([await by("UEVE"), await by("UDORA")]).toMatchObject([{ isTeam: false }, { isTeam: true }]);
  });

  test("a member whom Slack does not know is named and left out, and stops nobody else", async () => {
    slack.forget("UDORA");
    const found = await w.identity.approversNow();
    expect(found.ok && found.value.map((a) => a.name)).toEqual(["ada", "ben", "chen"]);
    expect(w.leftOut).toEqual([expect.stringMatching(/^UDORA: .*not known to Slack/)]);
    expect(codeOf(await w.identity.identify("UDORA"))).toBe("identity.not_a_member");
  });

  test.each<[string, () => void]>([
    ["the group is empty", () => slack.setGroup([])],
    ["the group has one member", () => slack.setGroup(["UADA"])],
    ["the CI database names nobody", () => void (w.people = [])],
  ])("one bad answer takes nobody's right away: %s", async (_what, go) => {
    const row = await propose("chen");
    const [group, people] = [["UADA", "UBEN", "UCHEN", "UDORA"], w.people];
    expect(await approve(row, "UADA")).toBe("ok");
    go();
    w.now += MINUTE;
    expect(await w.identity.approversNow()).toMatchObject({ ok: false, error: { kind: "unavailable", code: "slack.short_answer" } });
    slack.setGroup(group);
    w.people = people;
    w.now += MINUTE;
    expect(await approve(row, "UBEN")).toBe("ok");
    // What stays so is the truth.
    go();
    w.now += MINUTE;
    await w.identity.approversNow();
    w.now += 10 * MINUTE;
    const found = await w.identity.approversNow();
    expect(found.ok && found.value.length).toBeLessThan(2);
  });

  test("a clock that jumped ahead and back makes nothing old look new", async () => {
    w.now += 30 * DAY;
    await w.identity.approversNow();
    await by("UADA");
    w.now -= 30 * DAY;
    slack.set({ id: "UADA", name: "ada", email: "ada@example.org", deleted: true });
    slack.setGroup(["UADA", "UBEN", "UCHEN"]);
    expect(codeOf(await w.identity.identify("UADA"))).toBe("identity.not_a_member");
    const found = await w.identity.approversNow(["ci:ada" as never]);
    expect(found.ok && found.value.map((a) => a.name)).toEqual(["ben", "chen"]);
  });

  test("one approver less is no bad answer", async () => {
    await w.identity.approversNow();
    slack.setGroup(["UADA", "UBEN", "UCHEN"]);
    w.now += MINUTE;
    const found = await w.identity.approversNow();
    expect(found.ok && found.value.map((a) => a.name)).toEqual(["ada", "ben", "chen"]);
  });

  test.each<[string, () => void, boolean]>([
    ["cannot be read", () => slack.fail("conversations.members", "internal_error"), true],
    ["is empty for a moment", () => slack.setMembers([]), true],
    ["has become public", () => slack.setPublic(true), false],
  ])("the team keeps its rights when the channel %s: %s", async (_what, go, expected) => {
    slack.set({ id: "UEVE", name: "eve" });
    slack.setMembers(["UEVE", "UMIA"]);
    expect(await by("UEVE")).toMatchObject({ isTeam: true });
    go();
    w.now += MINUTE;
    expect(await by("UEVE")).toMatchObject({ isTeam: expected });
    w.now += 11 * MINUTE;
    expect(await by("UEVE")).toMatchObject({ isTeam: false });
    slack.fail("conversations.members", null);
  });

  test("a card that only waits asks about one person a minute; whose vote is counted is asked about again", async () => {
    const many = Array.from({ length: 80 }, (__, i) => `U${i}`);
    for (const id of many) slack.set({ id, name: id });
    slack.setGroup(many);
    w.list = { group: slack.group, ids: many };
    await w.identity.approversNow();
    const before = slack.calls("users.info");
    for (let s = 0; s < 600; s += 15) {
      w.now += 15_000;
      await w.identity.approversNow();
    }
    expect(slack.calls("users.info") - before).toBeLessThanOrEqual(11);
    slack.set({ id: "U7", name: "U7", deleted: true });
    const voter = `slack:U7` as never;
    const counted = await w.identity.approversNow([voter]);
    expect(counted.ok && counted.value.some((a) => a.id === voter)).toBe(false);
  });

  test("a person who clicks is answered although Slack was asked too often; for ten minutes by what it said before", async () => {
    await by("UADA");
    await w.identity.approversNow();
    slack.fail("users.info", "ratelimited");
    w.now += MINUTE;
    expect(await by("UADA")).toMatchObject({ isTeam: true });
    expect(await w.identity.approversNow(["ci:ada" as never])).toMatchObject({ ok: true });
    w.now += 10 * MINUTE;
    expect(await w.identity.identify("UADA")).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    slack.fail("users.info", null);
  });
});

describe("the approvers' group", () => {
  const groups = [
    { id: "S0EVIL", handle: "lunch-club", name: "ci-approvers", users: ["UEVE"] },
    { id: "S0REAL", handle: "ci-approvers", name: "CI approvers", users: ["UADA", "UBEN"] },
    { id: "S0ONE", handle: "night-1", name: "Night shift", users: ["UCYD"] },
  ];
  const clientOf = (listed: typeof groups) =>
    ({
      usergroups: {
        list: async () => ({ usergroups: listed }),
        users: { list: async ({ usergroup }: { usergroup: string }) => ({ users: listed.find((g) => g.id === usergroup)?.users }) },
      },
    }) as unknown as WebClient;
  const members = async (group: string, listed = groups) => {
    const found = await groupMembers(clientOf(listed), group);
    return found.ok ? found.value.join() : found.error.code;
  };
  const [evil, real, one] = groups as [(typeof groups)[0], (typeof groups)[0], (typeof groups)[0]];

  test.each<[string, string, readonly (typeof groups)[0][]]>([
    ["@ci-approvers", "UADA,UBEN", groups],
    ["ci-approvers", "UADA,UBEN", groups],
    ["S0REAL", "UADA,UBEN", groups],
    ["Night shift", "UCYD", groups],
    // Its handle is another one now: an @ never means a name.
    ["@ci-approvers", "slack.unknown_group", [evil, { ...real, handle: "approvers" }]],
    ["ci-approvers", "slack.unknown_group", [evil, { ...real, handle: "approvers" }]],
    ["ci-approvers", "slack.unknown_group", [evil]],
    ["Night shift", "slack.unknown_group", [one, { ...evil, name: "Night shift" }]],
    ["nobody", "slack.unknown_group", groups],
  ])("%s: %s", async (group, expected, listed) => {
    expect(await members(group, [...listed])).toBe(expected);
  });

  test("a policy keeps the @ of a handle", () => {
    const read = findSetting("approvers")?.read({} as never, "@ci-approvers", {} as never);
    expect(read).toMatchObject({ ok: true, value: { approvers: { group: "@ci-approvers" } } });
  });
});

test("a refusal for want of the list says why, and what to do", async () => {
  const fresh = await lendDatabase();
  await putInForce(fresh.db);
  const short = failure("unavailable", "slack.short_answer", "Slack names 1 of 4", { remedy: "Wait ten minutes." });
  const bot = testBot(fresh.db, { approvers: { approversNow: async () => err(short) }, now: () => at(20) });
  const by = { operator: { id: "ci:ada" as never, name: "ada", ciUserId: null }, isTeam: true };
  await bot.services.sync.stop(by, "because");
  expect(await bot.services.sync.resume(by)).toMatchObject({ error: { code: "resume.directory", remedy: "Wait ten minutes." } });
  await fresh.drop();
});
