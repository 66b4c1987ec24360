/** Claim: the members of a project are told once at each stage, by a new message: however often a deletion is shown, and by whom. */
import { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import { memberStages, type MemberStage } from "../../src/core/member-stages.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { createEvents } from "../../src/events.ts";
import { readTelling, readTold } from "../../src/store/member-told.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { ciPerson, identityOn, twoSlacks, type OneSlack } from "./two-slacks.ts";

const members = Array.from({ length: 13 }, (_, i) => `m${i}` as CiUserId);
let fresh: FreshDatabase;
let slack: OneSlack;
beforeAll(async () => {
  fresh = await freshDatabase();
  slack = await (twoSlacks[1]?.[1] as () => Promise<OneSlack>)();
  for (const id of members) slack.set({ id: `U${id.toUpperCase()}`, name: id, email: `${id}@example.org` });
});
afterAll(async () => {
  await slack.close();
  await fresh.drop();
});

let ids = 0;
const newId = (): string => `6f1c9a1e-0000-4000-8000-${String(++ids).padStart(12, "0")}`;
const first = newId();

const view = (phase: string, stage: MemberStage, more: object = {}): DeletionView =>
  ({
    ...{ id: first, phase, version: 1, projectId: "p-1", slug: "a", path: "ROOT/ci/a", digest: null, until: null, frozenFrom: null },
    ...{ closedBecause: null, closedBy: null, evidence: { kind: "closed" }, approvals: [], archive: [] },
    members: { stage, isNews: true, untold: [] },
    ...more,
  }) as never;
const calls = () =>
  ["users.lookupByEmail", "conversations.open", "chat.postMessage", "chat.update", "users.info"].map((m) => slack.calls(m));

test("thirteen members, a hundred wakes, every stage, restarts and two replicas: each is told once at each stage", async () => {
  let found: Result<readonly CiUserId[], ReturnType<typeof failure>> = err(failure("unavailable", "cidb.away", "away"));
  const w = await identityOn(slack, fresh.db, { people: members.map((id) => ciPerson(id)) });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  const events = createEvents("silent", "test");
  const now = (): Instant => w.now as Instant;
  const make = () => {
    const posting = createPosting({ client, db: fresh.db, now, sleep: async () => undefined, events });
    const made = createAnnouncers({
      ...{ posting, client, identity: w.identity, channel: slack.channel, environment: "test", events, showMs: 60_000 },
      ...{ db: fresh.db, now, membersOf: async () => found },
    });
    return { posting, deletion: made.deletion };
  };
  let replicas = [make()];
  const wake = async (shown: DeletionView): Promise<void> => {
    w.now += 15_000;
    await Promise.all(replicas.map((r) => r.deletion.tellMembers(shown)));
    for (const r of replicas) await r.posting.settle();
  };
  const wakes = async (shown: DeletionView, n = 50): Promise<void> => {
    for (let i = 0; i < n; i++) await wake(shown);
  };
  const posted = () => slack.calls("chat.postMessage");
  await wake(view("proposed", "asked"));
  expect(calls()).toEqual([0, 0, 0, 0, 0]);
  expect(await readTold(fresh.db, first)).toMatchObject([{ member: "", problem: expect.stringContaining("could not be read") as string }]);
  found = ok(members);
  // One that Slack could not find just now is found at a later wake; nobody else is asked about again.
  slack.fail("conversations.open", "internal_error");
  await wake(view("proposed", "asked"));
  slack.fail("conversations.open", null);
  await wakes(view("proposed", "asked"));
  expect(calls()).toEqual([13, 26, 13, 0, 0]);
  expect((await readTold(fresh.db, first)).filter((t) => t.problem !== null)).toEqual([]);
  // A new stage is a new message; the older one loses its button.
  await wakes(view("cooling_off", "approved"));
  expect([posted(), slack.calls("chat.update")]).toEqual([26, 13]);
  // Two replicas that both started again: what the other one told is told.
  replicas = [make(), make()];
  await wakes(view("cooling_off", "approved"));
  expect(posted()).toBe(26);
  await wakes(view("grace", "quarantine", { until: 9_000_000 }));
  expect(posted()).toBe(39);
  // Within a stage the message is changed in place.
  const updates = slack.calls("chat.update");
  replicas = [make()];
  await wakes(view("grace", "quarantine", { until: 10_000_000 }));
  expect([posted(), slack.calls("chat.update") - updates]).toEqual([39, 13]);
  await wakes(view("grace", "last_call", { until: 10_000_000 }));
  await wakes(view("removing", "last_call"));
  expect(posted()).toBe(52);
  await wakes(view("deleted", "ended"));
  replicas = [make(), make()];
  await wakes(view("deleted", "ended"));
  expect(posted()).toBe(65);
  expect(await Promise.all(memberStages.map((stage) => readTelling(fresh.db, first, stage)))).toEqual(memberStages.map(() => "done"));
});

test("what was never approved ends in the message that told of it, with no new one", async () => {
  const { wake, id } = await twentyWakes(["m2" as CiUserId]);
  const [posted, updated] = [slack.calls("chat.postMessage"), slack.calls("chat.update")];
  const ended = { id, closedBecause: "rejected", closedBy: "Ada", members: { stage: "ended", isNews: false, untold: [] } };
  for (let n = 0; n < 3; n++) await wake(view("closed", "ended", ended));
  expect([slack.calls("chat.postMessage") - posted, slack.calls("chat.update") - updated]).toEqual([0, 1]);
  expect(await readTelling(fresh.db, id, "ended")).toBe("done");
});

/** Announcers for these members, and twenty wakes in one phase: five minutes. */
async function twentyWakes(of: readonly CiUserId[]) {
  const id = newId();
  const w = await identityOn(slack, fresh.db, { people: of.map((m) => ciPerson(m, m === "nobody" ? { name: "Nora Body" } : {})) });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl, rejectRateLimitedCalls: true });
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => w.now as Instant, sleep: async () => undefined, events });
  const notes: string[] = [];
  const { deletion } = createAnnouncers({
    ...{ client, identity: w.identity, channel: slack.channel, environment: "test", events, membersOf: async () => ok(of), showMs: 60_000 },
    ...{ db: fresh.db, now: () => w.now as Instant },
    posting: { ...posting, note: async (_key, _note, text) => void notes.push(text) },
  });
  const wake = async (shown: DeletionView = view("proposed", "asked", { id })): Promise<void> => {
    w.now += 15_000;
    await deletion.tellMembers(shown);
    await posting.settle();
  };
  for (let n = 0; n < 20; n++) await wake();
  return { notes, wake, id };
}

test.each([
  ["users.lookupByEmail", "missing_scope", 13],
  ["conversations.open", "user_disabled", 13],
  ["conversations.open", "cannot_dm_bot", 13],
  ["users.lookupByEmail", "ratelimited", 5],
  ["conversations.open", "ratelimited", 5],
  ["conversations.open", "internal_error", 5 * 13],
  ["conversations.open", "org_login_required", 5 * 13],
  ["users.lookupByEmail", "invalid_auth", 5],
  ["conversations.open", "token_revoked", 5],
  ["chat.postMessage", "account_inactive", 5],
  ["chat.postMessage", "user_is_deactivated", 13],
  ["chat.postMessage", "restricted_action", 13],
  ["chat.postMessage", "messages_tab_disabled", 13],
  ["chat.postMessage", "is_archived", 13],
])("%s says %s for good: in twenty wakes it is asked seldom, and who is given up is named", async (method, error, most) => {
  const before = slack.calls(method);
  slack.fail(method, error);
  const { notes, wake } = await twentyWakes(members);
  expect(slack.calls(method) - before).toBe(most);
  slack.fail(method, null);
  const isGivenUp = most === 13;
  expect(notes).toEqual(
    isGivenUp
      ? [expect.stringMatching(`^These members of the project could not be told: m0 \\(.*${error.replaceAll("_", ".+")}.* and 3 more`)]
      : [],
  );
  // What passes is tried again, and everybody is told in the end.
  const posted = slack.calls("chat.postMessage");
  for (let n = 0; n < 32; n++) await wake();
  expect(slack.calls("chat.postMessage") - posted).toBe(isGivenUp ? 0 : 13);
});

test("one who has no Slack account, and a project without members: the card's thread says so", async () => {
  expect((await twentyWakes(["m1" as CiUserId, "nobody" as CiUserId])).notes).toEqual([
    "These members of the project could not be told: Nora Body (no Slack account is known).",
  ]);
  expect((await twentyWakes([])).notes).toEqual(["No member of the project was told: the CI database names no member of this project."]);
});

test("text of others is escaped in whatever is posted: notes, and the text beside the blocks", async () => {
  const sent: string[] = [];
  const chat = {
    postMessage: async (m: { text: string }) => (sent.push(m.text), { channel: "C1", ts: String(sent.length) }),
    update: async (m: { text: string }) => (sent.push(m.text), {}),
  };
  const events = createEvents("silent", "test");
  const quiet = { now: () => 1 as Instant, sleep: async () => undefined, events };
  const posting = createPosting({ client: { chat } as never, db: fresh.db, ...quiet });
  const hostile = "gone: template <!channel> <https://evil.example|ok> & *x* \u202Egpj";
  await posting.show("hostile", "C1", { text: hostile, blocks: [] });
  await posting.show("hostile", "C1", { text: `${hostile} again`, blocks: [] });
  await posting.note("hostile", "n", hostile);
  await posting.settle();
  expect(sent).toHaveLength(3);
  for (const text of sent) {
    expect(text).toContain("&lt;!channel&gt; &lt;https://evil.example|ok&gt; &amp; ");
    expect(text).not.toMatch(/[<>*\u202e]/);
  }
});
