/**
 * Claims: the Home tab shows a member their projects and the team what it is asked, and to each nothing of the other's; it is shown again
 * when a vote, a phase, a stop or a pass changes it, to those who opened it, a few at a time; at 400 projects it has pages that Slack takes.
 */
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { findViewProblems } from "../../emulators/slack/validate-blocks.ts";
import { answerHomeClick } from "../../src/bot/home/clicks.ts";
import { homeView, pagesOf, type HomeFacts } from "../../src/bot/render/home.ts";
import { phases } from "../../src/core/phases.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import type { DesiredProject } from "../../src/sync/planning/desired.ts";
import { at } from "../support/deletions.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { CHANNEL, clickBody, eventBody, hear, homeClickBody, slackId, type Heard } from "./heard.ts";

let fresh: FreshDatabase;
let heard: Heard;

function project(n: number | string, members: readonly string[], more: Partial<DesiredProject> = {}): DesiredProject {
  const slug = typeof n === "number" ? `proj-${n}` : n;
  return {
    ...{ id: `p-${n}` as never, slug: slug as never, name: `Project ${n} <!channel>`, state: "active", closedAt: null, closedBy: null },
    limits: {} as never,
    members: members.map((userId) => ({ userId: userId as never, username: userId, email: "", firstName: "", lastName: "", role: "user" })),
    ...more,
  };
}

beforeEach(async () => {
  fresh = await lendDatabase();
  const approvers = ["ada", "ben", "dora"];
  heard = await hear(fresh.db, {
    approvers,
    team: ["chen"],
    others: ["mia", "noah"],
    projects: [project(2, ["mia"]), project(10, ["noah"])],
  });
});
afterEach(async () => {
  await heard.close();
  await fresh.drop();
});
afterAll(() => undefined);

const open = (user: string) => heard.send(eventBody({ type: "app_home_opened", user: slackId(user), channel: "D1", tab: "home" }));
const shown = (user: string): string => JSON.stringify(heard.slack.workspace.home(slackId(user))?.content ?? null);
const published = (): number => heard.slack.sent().filter((call) => call.method === "views.publish").length;
const approve = (user: string) =>
  heard.send(clickBody(user, "deletion_approve", `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`));
const refresh = async (): Promise<void> => {
  heard.w.now += 10_000;
  await heard.home.refresh();
};

test.each<[string, string, () => unknown, RegExp]>([
  [
    "a guest",
    "noah",
    () => Object.assign(heard.slack.workspace.user(slackId("noah")) ?? {}, { isGuest: true }),
    /is a guest.s and may not/,
  ],
  ["the CI database is away", "mia", () => (heard.away.ci = true), /The CI database could not be read/],
  ["Twokey's own database is away", "mia", () => (heard.away.database = true), /cannot reach its own database/],
])("%s: Home says why it is empty, and so does the log", async (_what, user, change, words) => {
  change();
  await open(user);
  expect(shown(user)).toMatch(words);
  expect(shown(user)).toMatch(/Nothing can be shown here now/);
  expect(heard.logged.filter((l) => l.fact === "slack.home_not_shown")).toHaveLength(1);
});

test("a Home that said why it is empty is shown again once it can be read", async () => {
  await open("mia");
  heard.away.ci = true;
  heard.w.now += 60_000;
  await open("mia");
  expect(shown("mia")).toMatch(/could not be read/);
  heard.away.ci = false;
  await refresh();
  expect(shown("mia")).toContain("proj-2");
});

test("a member sees their own projects, and nothing of the team's or of others'", async () => {
  await open("mia");
  expect(shown("mia")).toContain("proj-2");
  expect(shown("mia")).not.toMatch(/proj-10|ROOT\/ci\/a|vote|Last pass|<!channel>/);
});

test("whom Slack does not know is shown nothing, and is not kept", async () => {
  await heard.send(eventBody({ type: "app_home_opened", user: "U0NOBODY", channel: "D1", tab: "home" }));
  expect([shown("nobody"), await fresh.db.exec("select from home_viewer")]).toEqual(["null", 0]);
  expect(heard.logged.map((l) => l.fact)).toContain("slack.home_not_shown");
});

test("the messages tab is not Home", async () => {
  await heard.send(eventBody({ type: "app_home_opened", user: slackId("mia"), channel: "D1", tab: "messages" }));
  expect(published()).toBe(0);
});

test("a forged page or button, and another's project, are answered with a sentence or the first page; nothing else happens", async () => {
  for (const value of ["0", "-1", "1e9", "99999", "'; drop table home_viewer", ""])
    await heard.send(homeClickBody("mia", "home_page_next", value));
  expect(shown("mia")).toContain("proj-2");
  await heard.send(homeClickBody("mia", "home_project_1", "proj-10"));
  await heard.send(homeClickBody("mia", "home_everything"));
  await heard.send(homeClickBody("mia", "deletion_approve", `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`));
  const texts = heard.slack.sent().filter((c) => c.method === "chat.postMessage");
  expect(JSON.stringify(texts.map((c) => c.args))).toMatch(
    /You have no project proj-10[\s\S]*no such button[\s\S]*not the current message/,
  );
  expect(texts.every((c) => JSON.stringify(c.args).includes(slackId("mia")))).toBe(true);
  expect(await fresh.db.exec("select from ballot")).toBe(0);
  expect(heard.logged.filter((l) => l.fact.startsWith("slack.") && "stack" in l.details)).toEqual([]);
});

test("the team sees what waits for their vote; a vote moves it, in every Home that was opened, and in no other", async () => {
  for (const user of ["ada", "ben", "chen", "mia"]) await open(user);
  expect(shown("ada")).toMatch(/1 question waits for your vote, 1 deletion under way.*Waiting for your vote.*Delete `ROOT\/ci\/a`: 0 of 2/);
  // Who asked has no vote.
  expect(shown("chen")).toMatch(/Nothing waits for your vote.*Waiting for the votes of others.*0 of 2 approvals, you asked/);
  const before = published();
  await approve("ada");
  await refresh();
  expect(shown("ada")).toMatch(/Nothing waits for your vote.*1 of 2 approvals, you voted/);
  expect(shown("ben")).toMatch(/1 question waits for your vote.*1 of 2 approvals/);
  expect(shown("dora")).toBe("null");
  // Mia's is as it was.
  expect(published() - before).toBe(3);
});

test("what happens between two refreshes is shown once, and without a change nothing is", async () => {
  await open("ada");
  await refresh();
  const before = published();
  await refresh();
  expect(published()).toBe(before);
  await approve("ben");
  for (let n = 0; n < 30; n++) await updateDeletion(fresh.db, heard.row.id, { activity: `step ${n}` });
  await refresh();
  await refresh();
  expect(published()).toBe(before + 1);
});

test("a stop and a phase are shown; a member reads what it means for them", async () => {
  heard.projects = [project("a", ["mia"], { id: heard.row.project_id, state: "closed" })];
  for (const user of ["ada", "mia"]) await open(user);
  expect(shown("mia")).toMatch(/Waiting for approvals.*Nothing is taken away before two approvers have agreed/);
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await updateDeletion(q, heard.row.id, { phase: "grace", until_at: at(1_700_000_000_000) });
  });
  await heard.bot.services.sync.stop({ operator: { id: "ci:ada" as never, name: "Ada <@U1>", ciUserId: null }, isTeam: true }, "*fire*");
  await refresh();
  expect(shown("mia")).toMatch(/Quarantined\*, until <!date\^1700000000.*nothing is lost until then/);
  expect(shown("ada")).toMatch(/STOPPED.*Everything is stopped.*Ada &lt;@U1&gt;.*∗fire∗.*\/ci-resume/);
});

test("of many Homes a refresh shows a few; the rest follows, and 'too many requests' loses none", async () => {
  const users = ["ada", "ben", "dora", "chen"];
  for (const user of users) await open(user);
  await approve("ada");
  heard.slack.setFaults({ rateLimit: [{ method: "views.publish", retryAfterSeconds: 1 }] });
  const before = published();
  await refresh();
  // It ends with the first refusal: Slack is not asked again and again.
  expect(published() - before).toBe(1);
  heard.slack.setFaults({});
  await refresh();
  for (const user of users) expect(shown(user)).toContain("1 of 2 approvals");
});

test("who left the team is shown nothing of it any more", async () => {
  await open("chen");
  const room = heard.slack.workspace.channel(CHANNEL);
  if (room !== undefined) room.members = room.members.filter((m) => m !== slackId("chen"));
  await approve("ada");
  heard.w.now += 3_600_000;
  await refresh();
  expect(shown("chen")).not.toMatch(/ROOT\/ci\/a|Last pass/);
});

test("the buttons give what the commands answer, and never in the team's channel", async () => {
  heard.projects = [project(2, ["mia"]), project(3, ["mia"])];
  await heard.send(homeClickBody("mia", "home_status"));
  const said = heard.slack.sent().filter((c) => /^chat\./.test(c.method));
  expect(JSON.stringify(said.map((c) => c.args))).toMatch(/proj-2/);
  expect(JSON.stringify(said.map((c) => c.args))).not.toContain(CHANNEL);
});

test("only the last 300 who opened it are kept, each for 30 days", async () => {
  await fresh.db.exec(
    `insert into home_viewer (slack_user, operator, name, is_team, opened_at) select 'U' || n, 'ci:u' || n, 'u', false, n from generate_series(1, 400) n`,
  );
  heard.w.now = 1000;
  await open("mia");
  expect(await fresh.db.exec("select from home_viewer")).toBe(300);
  expect(await fresh.db.exec("select from home_viewer where slack_user = $1", [slackId("mia")])).toBe(1);
  heard.w.now += 31 * 86_400_000;
  await open("noah");
  expect(await fresh.db.exec("select from home_viewer")).toBe(1);
});

const many = (projects: number, more: Partial<HomeFacts> = {}): HomeFacts => ({
  projects: Array.from({ length: projects }, (_, i) => ({
    ...{ slug: `proj-${i + 1}`, name: `Project ${i + 1}`, state: "active" as const, hasDomain: i % 3 > 0 },
    deletion: i === 17 ? deletionOf("grace") : null,
  })),
  ...{ trouble: null, exports: [], page: 1, team: null, ...more },
});
const deletionOf = (phase: "grace" | "proposed" | "frozen" | "removing", n = 1) => ({
  ...{ projectId: "p-18", path: `ROOT/ci/proj-${n}`, phase, until: phase === "frozen" ? null : 1_800_000_000_000 },
  ...{ closedBecause: null, frozenFrom: phase === "frozen" ? ("removing" as const) : null },
});
const team: NonNullable<HomeFacts["team"]> = {
  channel: CHANNEL,
  questions: (["deletion", "waiver", "policy", "adoption", "go_on", "resume"] as const).map((kind, i) => ({
    ...{
      kind,
      about: { policy: "grace", adoption: "adopt" }[kind as string] ?? `ROOT/ci/proj-${i}`,
      until: 1_800_000_000_000,
      thing: kind === "waiver" ? "_base*image" : null,
      quorum: 2,
      approvals: 1,
    },
    ...{ askedBy: [], votedBy: [], mine: (["vote", "voted", "asked"] as const)[i % 3] ?? "vote" },
  })),
  deletions: [
    deletionOf("proposed", 2),
    deletionOf("proposed", 10),
    deletionOf("grace", 3),
    deletionOf("frozen", 4),
    deletionOf("removing", 5),
  ],
  holds: [{ sentence: "The CI database lost more than a fifth of its projects", liftedBy: "a complete read, or two approvers" }],
  stops: [{ at: 1_700_000_000_000, name: "Ada", reason: "something is wrong" }],
  budget: [
    ["Deletions today", 0, 1],
    ["Deletions this week", 2, 3],
  ],
  pass: { startedAt: 1_700_000_000_000, endedAt: 1_700_000_060_000, trouble: null },
  completeAt: 1_700_000_060_000,
  problems: ["PostgreSQL did not answer within 3 s"],
};

test("at 400 projects each page is one that Slack takes, all projects are on one of them, and what needs a look is first", () => {
  const hostile = { ...team, deletions: Array.from({ length: 400 }, (_, i) => deletionOf("proposed", i)) };
  const slugs: string[] = [];
  for (let page = 1; page <= pagesOf(400); page++) {
    const view = homeView(many(400, { page, team: hostile }));
    expect(view.blocks.length).toBeLessThanOrEqual(100);
    expect(findViewProblems(view, "home")).toEqual([]);
    slugs.push(...(JSON.stringify(view).match(/"value":"proj-\d+"/g) ?? []));
  }
  expect(new Set(slugs).size).toBe(400);
  expect(slugs.slice(0, 3).map((s) => s.slice(9, -1))).toEqual(["proj-18", "proj-1", "proj-2"]);
  expect(JSON.stringify(homeView(many(400, { page: 99_999 })))).toContain(`page ${pagesOf(400)} of ${pagesOf(400)}`);
});

test("every phase means something to a member, and frozen what it means where it froze", () => {
  const meant = (phase: (typeof phases)[number], frozenFrom: "grace" | "removing" | null = null) => {
    const deletion = { projectId: "p", path: "ROOT/ci/p", phase, until: null, closedBecause: "gone" as const, frozenFrom };
    const one = { slug: "p", name: "P", state: "closed" as const, hasDomain: true, deletion };
    const [, block] = homeView({ projects: [one], trouble: null, exports: [], page: 1, team: null }).blocks;
    return String((block as { readonly text: { readonly text: string } }).text.text).split("*. ")[1] ?? "";
  };
  for (const phase of phases) expect(meant(phase), phase).not.toBe("");
  for (const phase of ["dismantling", "expunging"] as const) expect(meant(phase)).toContain("press Keep at once");
  expect(meant("frozen", "grace")).toContain("press Keep");
  expect(meant("frozen", "removing")).not.toContain("press Keep");
});

test("golden: Home of a member, of the team, of nobody's member, and while the CI database is away", async () => {
  const exports = (["waiting", "saving", "ready", "failed"] as const).map((state) => ({
    slug: "proj-1",
    name: "base",
    state,
    linkUntil: 1_800_000_000_000,
    ...{ hasLink: true, told: true },
  }));
  const [, , ready, failed] = exports;
  const untold = [ready, failed].flatMap((e) => (e === undefined ? [] : [{ ...e, told: false }]));
  const noLink = ready === undefined ? [] : [{ ...ready, hasLink: false }];
  const views = {
    member: homeView(many(3, { exports: [...exports, ...untold, ...noLink] })),
    team: homeView(many(2, { team })),
    quiet: homeView(
      many(0, { team: { ...team, questions: [], deletions: [], holds: [], stops: null, pass: null, completeAt: null, problems: [] } }),
    ),
    nobody: homeView(many(0)),
    away: homeView(many(0, { trouble: "The CI database could not be read" })),
    "a page": homeView(many(60, { page: 2 })),
  };
  for (const [name, view] of Object.entries(views)) expect(findViewProblems(view, "home"), name).toEqual([]);
  await expect(`${JSON.stringify(views, null, 1)}\n`).toMatchFileSnapshot("golden/home.txt");
});

test("a button opens a window at once and fills it in; where Slack opens or fills none, the answer is a direct message", async () => {
  const sent: string[] = [];
  const client = (opens: boolean, fills: boolean) =>
    ({
      views: {
        open: async () => (sent.push("open"), opens ? { ok: true, view: { id: "V9" } } : Promise.reject(new Error("late"))),
        update: async (m: object) => (sent.push(JSON.stringify(m)), fills ? { ok: true } : Promise.reject(new Error("gone"))),
      },
    }) as never;
  const services = { ...heard.bot.services, sync: { presentStop: async () => (sent.push("asked"), null) } } as never;
  const click = { action: "home_status", value: "-", user: slackId("noah"), channel: slackId("noah"), ts: null, triggerId: "t" };
  const asker = { operator: { id: "ci:noah" as never, name: "Noah", ciUserId: null }, isTeam: false };
  const answerIn = async (opens: boolean, fills: boolean) => {
    const answer = await answerHomeClick(click, asker, { client: client(opens, fills), services, home: heard.home });
    return answer !== null && "opens" in answer ? answer.opens() : answer;
  };
  expect(await answerIn(true, true)).toBeNull();
  expect(sent.slice(0, 2)).toEqual(["open", "asked"]);
  expect(sent[2]).toMatch(/V9.*You have no project here/);
  for (const [opens, fills] of [
    [false, true],
    [true, false],
  ] as const)
    expect(await answerIn(opens, fills)).toMatchObject({ title: "You have no project here" });
});
