/** Claim: every state of a deletion has a way out. What passes is waited for; what freezes it is looked at again by one person, or accepted by two. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { resetDatabase } from "../sim/reset.ts";
import { failure } from "../../src/core/failure.ts";
import type { Asker } from "../../src/core/people.ts";
import { err, ok } from "../../src/core/result.ts";
import { answerClick } from "../../src/bot/clicks.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { sweepDeletions } from "../../src/deletion/runner.ts";
import { LONG_MS, SHORT_MS } from "../../src/deletion/reasons.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import type { DeletionRow } from "../../src/store/deletions.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, expectRow, item, op, openOne } from "../support/deletions.ts";
import { approversOf, type TestBot } from "../support/bot.ts";
import { approveIn, botIn, smallWorld, type SmallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await smallWorld(fresh.db);
  w.items.push(item("volume", "disk", { accountName: "a" }));
});
afterAll(() => fresh.drop());

const by = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });
const now = (row: Pick<DeletionRow, "id">) => expectRow(fresh.db, row.id);
const phase = async (row: Pick<DeletionRow, "id">) => (await now(row)).phase;

/** Brings a deletion to `removing`; `happens` once its first thing is gone, and the step after it sees that. */
async function removing(
  happens: () => void,
  change: (bot: TestBot) => TestBot = (bot) => bot,
): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const { row, bot } = await approveIn(w);
  await recordManagedDomains(fresh.db, [{ domainId: row.domain_id, projectId: row.project_id, generation: 1, origin: "created" }], 1);
  w.now = 130;
  await bot.advance(row.id);
  w.now = 400;
  await bot.advance(row.id);
  w.items = w.items.filter((i) => i.kind !== "machine");
  const { deleteVolume } = bot.parts.cloud.deleter;
  const within = bot.with({
    deleter: {
      deleteVolume: async (...of) => {
        const done = await deleteVolume(...of);
        happens();
        return done;
      },
    },
  });
  w.now = 500;
  const stopped = within.with({ deleter: { deleteTemplate: async () => halted } });
  await stopped.advance(row.id);
  expect(w.calls).toContain("volume disk");
  w.calls.length = 0;
  const after = change(bot);
  await after.advance(row.id);
  return { row, bot: after };
}

/** Lets a reason last until it is put to people. */
async function untilFrozen(row: DeletionRow, bot: TestBot, ms = SHORT_MS): Promise<void> {
  w.now += ms;
  await bot.advance(row.id);
  expect(await now(row)).toMatchObject({ phase: "frozen", frozen_from: "removing" });
}

async function viewOf(row: DeletionRow, bot: TestBot): Promise<DeletionView> {
  const view = await bot.services.deletions.view(row.id);
  if (!view.ok) throw new Error(view.error.message);
  return view.value;
}

async function sayGoOn(row: DeletionRow, bot: TestBot, who: string): Promise<string> {
  const { version, goOn } = await viewOf(row, bot);
  const click = { deletionId: row.id, version, digest: goOn?.digest ?? null, questionId: goOn?.id ?? "", by: by(who) };
  const said = await bot.services.deletions.goOn(click);
  return said.ok ? "ok" : said.error.code;
}

async function lookAgain(row: DeletionRow, bot: TestBot): Promise<string> {
  const { version, digest } = await now(row);
  const looked = await bot.services.deletions.lookAgain({ deletionId: row.id, version, digest, by: by("eve") });
  return looked.ok ? "ok" : looked.error.code;
}

const halted = err(failure("unavailable", "cloudstack.lost_answer", "nothing was sent"));
const gone = err(failure("stale", "cloudstack.domain_gone", "ROOT/ci/a does not exist any more"));
/** The domain is deleted by hand. */
const byHand = (bot: TestBot, hasEvent: boolean) => {
  w.domainThere = false;
  return bot.with({ reader: { readInventory: async () => gone, hasDeletionEvent: async () => ok(hasEvent) } });
};

describe("a reason that passes", () => {
  const beta = () => w.neighbours;
  test.each<[string, () => void, (bot: TestBot) => TestBot, string]>([
    ["an approver who is away", () => undefined, (bot) => bot.with({ approvers: approversOf(() => ok(["ada", "dora"])) }), "no_quorum"],
    ["the CI database", () => undefined, (bot) => bot.with({ ci: { readProjectState: async () => away } }), "unavailable"],
    [
      "a project that is active for a moment",
      () => undefined,
      (bot) => bot.with({ ci: { readProjectState: async () => ok("active") } }),
      "came_back",
    ],
  ])("%s is waited for in removing, and the deletion ends", async (_what, happens, amiss, reason) => {
    const { row, bot } = await approveIn(w);
    w.now = 130;
    await bot.advance(row.id);
    w.now = 400;
    await bot.advance(row.id);
    w.items = w.items.filter((i) => i.kind !== "machine");
    await bot.with({ deleter: { deleteVolume: async () => away } }).advance(row.id);
    happens();
    await amiss(bot).advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "removing", waiting_for: reason, waiting_since: 400 });
    expect(await viewOf(row, bot)).toMatchObject({ waitingSince: 400 });
    w.now += SHORT_MS - 1;
    await amiss(bot).advance(row.id);
    expect(await phase(row)).toBe("removing");
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "deleted", waiting_for: null, waiting_since: null });
  });

  test("two that take turns are each counted on, and one of them is put to people", async () => {
    const { row, bot } = await removing(() => (w.neighbours = []));
    const other = bot.with({ ci: { readProjectState: async () => away } });
    const minute = 60_000;
    for (let i = 0; i < 50 && (await phase(row)) === "removing"; i += 1) {
      w.now += minute;
      await (i % 2 === 0 ? other : bot).advance(row.id);
    }
    expect(await now(row)).toMatchObject({ phase: "removing" });
    for (let i = 0; i < 20 && (await phase(row)) === "removing"; i += 1) {
      w.now += minute;
      await (i % 2 === 0 ? other : bot).advance(row.id);
    }
    expect(await phase(row)).toBe("frozen");
  });

  test("one that was there for a moment, long before, has lasted for that moment", async () => {
    const { row, bot } = await removing(() => (w.neighbours = []));
    w.now += 1000;
    const unread = bot.with({ ci: { readProjectState: async () => away } });
    await unread.advance(row.id);
    w.now += 2 * SHORT_MS;
    await unread.advance(row.id);
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "removing", waiting_for: "neighbours", waiting_since: w.now - 1000 });
  });

  test("a neighbour's count that comes back is waited for", async () => {
    const was = beta();
    const { row, bot } = await removing(() => (w.neighbours = []));
    expect(await now(row)).toMatchObject({ phase: "removing", waiting_for: "neighbours" });
    w.neighbours = was;
    await bot.advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });
});

const away = err(failure("unavailable", "cidb.unreachable", "the CI database cannot be reached"));

describe("Look again after a freeze in removing", () => {
  test("by one person: it goes on when the reason is gone, and freezes again at once when it is not", async () => {
    const was = w.neighbours;
    const { row, bot } = await removing(() => (w.neighbours = []));
    await untilFrozen(row, bot);
    expect(await lookAgain(row, bot)).toBe("ok");
    await bot.advance(row.id);
    expect([await phase(row), w.calls]).toEqual(["frozen", []]);
    w.neighbours = was;
    expect(await lookAgain(row, bot)).toBe("ok");
    await bot.advance(row.id);
    expect([await phase(row), w.calls]).toEqual(["deleted", ["template t", "account a", "domain"]]);
  });

  test("is for the team, and for a frozen deletion", async () => {
    const { row, bot } = await approveIn(w);
    expect(await lookAgain(row, bot)).toBe("deletion.phase");
    const stranger = { ...by("mia"), isTeam: false };
    const done = await bot.services.deletions.lookAgain({ deletionId: row.id, version: row.version, digest: null, by: stranger });
    expect(done.ok).toBe(false);
  });
});

describe("Go on after a freeze in removing", () => {
  const leaves = (bot: TestBot) => bot.with({ approvers: approversOf(() => ok(["ada", "dora"])) });
  test.each<[string, string, () => void, (bot: TestBot) => TestBot]>([
    ["a neighbour that vanished for good", "neighbours", () => (w.neighbours = []), (bot) => bot],
    ["a project that was opened again", "came_back", () => (w.project = "active"), (bot) => bot],
    ["an approver who left for good", "no_quorum", () => undefined, leaves],
  ])("%s: two approvers let it end", async (_what, reason, happens, change) => {
    const { row, bot } = await removing(happens, change);
    await untilFrozen(row, bot);
    expect(await now(row)).toMatchObject({ waiting_for: reason });
    expect(await sayGoOn(row, bot, "ada")).toBe("ok");
    await bot.advance(row.id);
    expect([await phase(row), w.calls]).toEqual(["frozen", []]);
    expect(await sayGoOn(row, bot, reason === "no_quorum" ? "dora" : "ben")).toBe("ok");
    await bot.advance(row.id);
    expect([await phase(row), w.calls]).toEqual(["deleted", ["template t", "account a", "domain"]]);
  });

  test("what appeared is saved first, shown, and goes only with two votes on exactly that", async () => {
    const { row, bot } = await removing(() => w.items.push(item("template", "late", { bytes: 3, accountName: "a" })));
    expect(await now(row)).toMatchObject({ phase: "frozen", waiting_for: "changed" });
    const view = await viewOf(row, bot);
    expect(view.goOn).toMatchObject({ appeared: [{ kind: "template", name: "late" }], objections: [] });
    expect(view.archive.map((a) => [a.name, a.state])).toContainEqual(["late", "verified"]);
    expect(await sayGoOn(row, bot, "ada")).toBe("ok");
    w.items.push(item("volume", "later"));
    expect(await sayGoOn(row, bot, "ben")).toBe("deletion.changed");
    w.items = w.items.filter((i) => i.name !== "later");
    expect(await sayGoOn(row, bot, "ben")).toBe("ok");
    await bot.advance(row.id);
    expect(await phase(row)).toBe("deleted");
    expect(w.calls).toContain("template late");
  });

  test("is asked by a clock that moves while the question is read, and belongs to this freeze alone", async () => {
    const { row, bot: usual } = await removing(() => w.items.push(item("template", "late", { bytes: 3, accountName: "a" })));
    const bot = usual.with({ now: () => at((w.now += 1)) });
    await lookAgain(row, bot);
    await bot.advance(row.id);
    const asked = (await viewOf(row, bot)).goOn;
    expect(asked).toMatchObject({ appeared: [{ kind: "template", name: "late" }] });
    const { version } = await now(row);
    const old = { deletionId: row.id, version, digest: asked?.digest ?? null, questionId: asked?.id ?? "", by: by("ada") };
    expect(await bot.services.deletions.goOn(old)).toMatchObject({ ok: true });

    // The next freeze asks nothing.
    await lookAgain(row, bot);
    w.items = w.items.map((i) => (i.kind === "account" ? { ...i, state: "enabled" } : i)).filter((i) => i.name !== "late");
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "frozen", waiting_for: "enabled" });
    expect((await viewOf(row, bot)).goOn).toBeNull();
    const again = { ...old, version: (await now(row)).version, by: by("ben") };
    expect(await bot.services.deletions.goOn(again)).toMatchObject({ ok: false, error: { code: "go_on.stale" } });
    await expect(fresh.db.exec("insert into go_on_decision values ($1, 1)", [old.questionId])).rejects.toMatchObject({
      constraint: "go_on_open",
    });
  });

  test("nobody goes on over what is not saved, or a machine", async () => {
    const { row, bot } = await removing(() => w.items.push(item("machine", "new", { state: "Stopped" })));
    expect((await viewOf(row, bot)).goOn?.objections[0]).toMatch(/^no machine is destroyed any more at this point: new/);
    expect(await sayGoOn(row, bot, "ada")).toBe("deletion.veto");
  });

  test("who asked, who is no approver, and who voted have no vote; an old question is refused", async () => {
    const { row, bot } = await removing(() => (w.neighbours = []));
    await untilFrozen(row, bot);
    const { version, goOn } = await viewOf(row, bot);
    const old = { deletionId: row.id, version, digest: goOn?.digest ?? null, questionId: goOn?.id ?? "" };
    expect(await sayGoOn(row, bot, "chen")).toBe("go_on.requester");
    expect(await sayGoOn(row, bot, "eve")).toBe("go_on.not_approver");
    expect(await sayGoOn(row, bot, "ada")).toBe("ok");
    expect(await sayGoOn(row, bot, "ada")).toBe("go_on.voted");
    await lookAgain(row, bot);
    await bot.advance(row.id);
    expect(await bot.services.deletions.goOn({ ...old, by: by("ben") })).toMatchObject({ ok: false, error: { code: "go_on.stale" } });
    expect([await phase(row), w.calls]).toEqual(["frozen", []]);
  });

  test("PostgreSQL takes no decision of one person", async () => {
    const { row, bot } = await removing(() => (w.neighbours = []));
    await untilFrozen(row, bot);
    expect(await sayGoOn(row, bot, "ada")).toBe("ok");
    const id = (await viewOf(row, bot)).goOn?.id;
    await expect(fresh.db.exec("insert into go_on_decision values ($1, 1)", [id])).rejects.toMatchObject({ constraint: "go_on_quorum" });
  });
});

describe("a project that is opened and closed again in removing", () => {
  /** Closed by these people one after another, each closing another one than the deletion's own. */
  const closedBy = (bot: TestBot, closer: string) =>
    bot.with({
      ci: {
        project: async () => ok({ closedAt: at(450), closedBy: closer } as never),
        readProjectState: async (_id, closing) => ok(closing?.closedAt === 450 && closing.closedBy === closer ? "closed" : "closed_again"),
      },
    });

  test("who closed it again asked for the deletion too, and has no vote; it is about that closing alone", async () => {
    const { row, bot } = await removing(
      () => undefined,
      (b) => closedBy(b, "ada"),
    );
    expect(await now(row)).toMatchObject({ phase: "frozen", waiting_for: "closed_again" });
    const view = await viewOf(row, bot);
    expect([view.requesters.some((r) => r.includes("ada")), view.mayApprove.includes("ada")]).toEqual([true, false]);
    expect(await sayGoOn(row, bot, "ada")).toBe("go_on.requester");
    const asked = { question: (await viewOf(row, bot)).goOn?.id, digest: (await viewOf(row, bot)).goOn?.digest };
    const vote =
      "insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('go_on', $1, 'ci:ada', 'ada', 'approve', $2, 510)";
    await expect(fresh.db.exec(vote, [asked.question, asked.digest])).rejects.toMatchObject({ constraint: "ballot_requester" });
    expect([await sayGoOn(row, bot, "ben"), await sayGoOn(row, bot, "dora")]).toEqual(["ok", "ok"]);
    const other = closedBy(bot, "eve");
    await other.advance(row.id);
    expect([await now(row), w.calls]).toMatchObject([{ phase: "frozen", waiting_for: "closed_again" }, []]);
    expect(await sayGoOn(row, other, "ada")).toBe("go_on.requester");
    expect([await sayGoOn(row, other, "ben"), await sayGoOn(row, other, "dora")]).toEqual(["ok", "ok"]);
    await other.advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });

  test("Go on over what appeared is no word on another closing", async () => {
    const { row, bot } = await removing(() => w.items.push(item("template", "late", { bytes: 3, accountName: "a" })));
    expect(await now(row)).toMatchObject({ phase: "frozen", waiting_for: "changed" });
    expect([await sayGoOn(row, bot, "ada"), await sayGoOn(row, bot, "ben")]).toEqual(["ok", "ok"]);
    await closedBy(bot, "eve").advance(row.id);
    expect([await now(row), w.calls]).toMatchObject([{ phase: "frozen", waiting_for: "closed_again" }, []]);
  });

  test("while the CI database does not say who closed it, nobody is asked", async () => {
    const { row, bot } = await removing(
      () => undefined,
      (b) => b.with({ ci: { readProjectState: async () => ok("closed_again") } }),
    );
    expect([await phase(row), (await viewOf(row, bot)).goOn]).toEqual(["frozen", null]);
  });
});

test("the buttons of the card lead there", async () => {
  const { row, bot } = await removing(() => (w.neighbours = []));
  await untilFrozen(row, bot);
  await fresh.db.exec("insert into posted_message (key, channel, ts, digest, at) values ($1, 'C1', '1.1', 'd', 1)", [`deletion:${row.id}`]);
  const press = async (action: string, who: string) => {
    const card = JSON.stringify(renderCard(await viewOf(row, bot), "test").blocks);
    const value = new RegExp(`"action_id":"${action}".*?"value":"(v1:[^"]+)"`).exec(card)?.[1] ?? "";
    const c = { db: fresh.db, client: {} as never, services: bot.services, channel: "C1" };
    const answer = await answerClick({ action, value, user: "U1", channel: "C1", ts: "1.1", triggerId: "t" }, by(who), c);
    return answer !== null && "title" in answer ? answer.title : undefined;
  };
  expect(await press("deletion_look_again", "eve")).toBeUndefined();
  await bot.advance(row.id);
  expect(await press("deletion_go_on", "ada")).toBe("Your Go on is recorded");
  expect(await press("deletion_go_on", "ben")).toBe("The deletion goes on");
  expect(await phase(row)).toBe("removing");
});

describe("a domain that somebody deletes by hand", () => {
  const Deleted = z.object({ deleted_at: z.number().nullable() });
  const forgotten = async () => (await fresh.db.one(Deleted, "select deleted_at from managed_domain")).deleted_at !== null;

  test("while it is frozen in removing: it ends as deleted, by its event, and its project can get a domain again", async () => {
    const { row, bot: usual } = await removing(() => (w.neighbours = []));
    await untilFrozen(row, usual);
    const bot = byHand(usual, true);
    await sweepDeletions(bot.deletions);
    await bot.advance(row.id);
    expect([await phase(row), await forgotten()]).toEqual(["deleted", true]);
  });

  test("without an event: it is asked about, and two people end it", async () => {
    const { row, bot: usual } = await removing(() => (w.neighbours = []));
    await untilFrozen(row, usual);
    const bot = byHand(usual, false);
    await bot.advance(row.id);
    expect(await phase(row)).toBe("frozen");
    await lookAgain(row, bot);
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "removing", waiting_for: "domain_gone" });
    await untilFrozen(row, bot);
    expect(await sayGoOn(row, bot, "ada")).toBe("ok");
    expect(await sayGoOn(row, bot, "ben")).toBe("ok");
    await bot.advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });

  test.each([
    ["with its event", true, "closed", "gone"],
    ["without", false, "grace", null],
  ])("in the grace period %s", async (_what, hasEvent, end, because) => {
    const { row, bot: usual } = await approveIn(w);
    w.now = 130;
    await usual.advance(row.id);
    const bot = byHand(usual, hasEvent);
    w.now = 400;
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: end, closed_because: because });
    if (hasEvent) return;
    w.now += SHORT_MS;
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "frozen", frozen_reason: expect.stringContaining("no deletion of it") });
  });
});

test.each([
  ["archiving", "gone"],
  ["proposed", "gone"],
])("a domain that is deleted while it is %s ends it", async (_phase, because) => {
  const row = await openOne(fresh.db);
  const bot = botIn(w, row);
  if (_phase === "proposed") await bot.advance(row.id);
  await byHand(bot, false).advance(row.id);
  expect(await now(row)).toMatchObject({ phase: "closed", closed_because: because });
});

test("a domain that is renamed while it is proposed is asked about again, under its name", async () => {
  const row = await openOne(fresh.db);
  const bot = botIn(w, row);
  await bot.advance(row.id);
  const moved = err(failure("stale", "cloudstack.domain_moved", "the domain of ROOT/ci/a is now at ROOT/ci/b"));
  await bot.with({ reader: { readInventory: async () => moved } }).advance(row.id);
  expect(await now(row)).toMatchObject({ phase: "closed", closed_because: "changed" });
});

test("a machine that came back by itself while CloudStack keeps it is given back, and people are asked again", async () => {
  const { row, bot } = await approveIn(w);
  w.now = 130;
  await bot.advance(row.id);
  w.now = 400;
  await bot.advance(row.id);
  expect(await phase(row)).toBe("expunging");
  w.items = w.items.map((i) => (i.kind === "machine" ? { ...i, state: "Stopped" } : i));
  await bot.advance(row.id);
  expect(await now(row)).toMatchObject({ phase: "closed", closed_because: "changed" });
});

test("a project that is opened again while its deletion is frozen is told why it has no domain", async () => {
  const { row, bot } = await removing(() => (w.neighbours = []));
  await untilFrozen(row, bot);
  w.project = "active";
  await bot.advance(row.id);
  expect((await now(row)).activity).toBe(
    "the project a is active again in the CI database: it gets a new domain once this has ended (Look again, Go on)",
  );
  expect(w.notes.filter((n) => n.startsWith("active again"))).not.toEqual([]);
});

test("a root disk without a machine is deleted like every other disk", async () => {
  w.items.push(item("volume", "ROOT-7", { accountName: "a", facts: { type: "ROOT" } }));
  const { row } = await removing(() => undefined);
  expect(await phase(row)).toBe("deleted");
});

describe("CloudStack refuses to delete the domain, with accounts to clean up", () => {
  test("it waits for the daily clean-up, tells so each day, and ends", async () => {
    const { row, bot } = await approveIn(w);
    w.now = 130;
    await bot.advance(row.id);
    w.now = 400;
    await bot.advance(row.id);
    w.items = w.items.filter((i) => i.kind !== "machine");
    const no = err(failure("rejected", "cloudstack.internal", "deleteDomain: CloudStack answered 530: 1 accounts to cleanup"));
    const refused = bot.with({ deleter: { deleteDomain: async () => no } });
    const begun = w.now;
    for (; w.now < begun + LONG_MS; w.now += 3600_000) {
      await refused.advance(row.id);
      expect(await now(row)).toMatchObject({ phase: "removing", waiting_for: "cloudstack_refused", waiting_since: begun });
    }
    expect(new Set(w.notes.filter((n) => n.startsWith("waits"))).size).toBeGreaterThan(1);
    await bot.advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });
});

describe("those who approved turn out to be one person", () => {
  const others = (bot: TestBot) => bot.with({ approvers: approversOf(() => ok(["ada", "ben", "cyd", "dora"])) });
  const joined = () => fresh.db.exec("insert into known_account values ('T1/U-ADA', 'ci:ada', 1), ('T1/U-ADA', 'ci:ben', 1)");
  /** Frozen after the point of no return, by what they turned out to be. */
  const frozenSo = async () => {
    const made = await removing(() => void joined(), others);
    await untilFrozen(made.row, made.bot);
    expect(await now(made.row)).toMatchObject({ waiting_for: "no_quorum" });
    return made;
  };

  test("frozen in removing: two others let it end by Go on", async () => {
    const { row, bot } = await frozenSo();
    for (const who of ["cyd", "dora"]) expect(await sayGoOn(row, bot, who)).toBe("ok");
    await bot.advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });

  test("frozen in removing: one person has it looked at again, which deletes nothing", async () => {
    const { row, bot } = await frozenSo();
    w.calls.length = 0;
    expect(await lookAgain(row, bot)).toBe("ok");
    await bot.advance(row.id);
    expect([await phase(row), w.calls]).toEqual(["frozen", []]);
  });

  test("in removing: a domain that was deleted by hand meanwhile is recorded as deleted", async () => {
    const { row, bot } = await removing(() => void joined(), others);
    await byHand(bot, true).advance(row.id);
    expect(await phase(row)).toBe("deleted");
  });

  test("frozen in the grace period: Restore gives everything back", async () => {
    const { row, bot } = await approveIn(w);
    w.now = 130;
    await bot.advance(row.id);
    w.neighbours = [];
    w.now = 400;
    await bot.advance(row.id);
    w.now += SHORT_MS;
    await bot.advance(row.id);
    expect(await now(row)).toMatchObject({ phase: "frozen", frozen_from: "grace" });
    await joined();
    const { version, digest } = await now(row);
    const done = await bot.services.deletions.restore({ deletionId: row.id, version, digest, by: by("eve") });
    expect(done.ok).toBe(true);
    await bot.advance(row.id);
    expect(await phase(row)).toBe("closed");
    expect(w.calls).toContain("enable");
  });
});
