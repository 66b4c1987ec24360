/** Claim: the members of a project are told once a phase: however often a deletion is shown, Slack is asked only when there is something new. */
import { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { createEvents } from "../../src/events.ts";
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

const view = (phase: string, version: number): DeletionView =>
  ({
    ...{ id: "d-1", phase, version, projectId: "p-1", slug: "a", path: "ROOT/ci/a", digest: null, until: null },
    ...{ closedBecause: null, closedBy: null },
  }) as never;
const calls = () =>
  ["users.lookupByEmail", "conversations.open", "chat.postMessage", "chat.update", "users.info"].map((m) => slack.calls(m));

test("thirteen members, a hundred wakes, two phases", async () => {
  let found: Result<readonly CiUserId[], ReturnType<typeof failure>> = err(failure("unavailable", "cidb.away", "away"));
  const w = await identityOn(slack, fresh.db, { people: members.map((id) => ciPerson(id)) });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => w.now as Instant, sleep: async () => undefined, events });
  const make = () =>
    createAnnouncers({
      ...{ posting, client, identity: w.identity, channel: slack.channel, environment: "test", events, showMs: 60_000 },
      membersOf: async () => found,
    });
  let { deletion } = make();
  const wake = async (phase: string, version: number): Promise<void> => {
    w.now += 15_000;
    await deletion.tellMembers(view(phase, version));
    await posting.settle();
  };
  await wake("proposed", 1);
  expect(calls()).toEqual([0, 0, 0, 0, 0]);
  found = ok(members);
  // One that Slack could not find just now is found at the next wake; nobody else is asked about again.
  slack.fail("conversations.open", "internal_error");
  await wake("proposed", 1);
  slack.fail("conversations.open", null);
  for (let n = 0; n < 100; n++) await wake("proposed", 1);
  expect(calls()).toEqual([13, 26, 13, 0, 0]);
  await wake("cooling_off", 2);
  for (let n = 0; n < 100; n++) await wake("cooling_off", 2);
  expect(calls()).toEqual([13, 26, 13, 13, 0]);
  // After a restart they are looked up once, and not told again.
  ({ deletion } = make());
  for (let n = 0; n < 100; n++) await wake("cooling_off", 2);
  expect(calls()).toEqual([13, 39, 13, 13, 0]);
});

/** Announcers for these members, and twenty wakes in one phase: five minutes. */
async function twentyWakes(id: string, of: readonly CiUserId[]) {
  const w = await identityOn(slack, fresh.db, { people: of.map((m) => ciPerson(m)) });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl, rejectRateLimitedCalls: true });
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => w.now as Instant, sleep: async () => undefined, events });
  const notes: string[] = [];
  const { deletion } = createAnnouncers({
    ...{ client, identity: w.identity, channel: slack.channel, environment: "test", events, membersOf: async () => ok(of), showMs: 60_000 },
    posting: { ...posting, note: async (_key, _note, text) => void notes.push(text) },
  });
  const wake = async (): Promise<void> => {
    w.now += 15_000;
    await deletion.tellMembers({ ...view("proposed", 1), id } as never);
    await posting.settle();
  };
  for (let n = 0; n < 20; n++) await wake();
  return { notes, wake };
}

test.each([
  ["users.lookupByEmail", "missing_scope", 13],
  ["conversations.open", "user_disabled", 13],
  ["conversations.open", "cannot_dm_bot", 13],
  ["users.lookupByEmail", "ratelimited", 5],
  ["conversations.open", "ratelimited", 5],
  ["conversations.open", "internal_error", 5 * 13],
  ["chat.postMessage", "user_is_deactivated", 13],
  ["chat.postMessage", "restricted_action", 13],
  ["chat.postMessage", "messages_tab_disabled", 13],
  ["chat.postMessage", "is_archived", 13],
])("%s says %s for good: in twenty wakes it is asked seldom, and who is given up is named", async (method, error, most) => {
  const before = slack.calls(method);
  slack.fail(method, error);
  const { notes, wake } = await twentyWakes(`d-${method}-${error}`, members);
  expect(slack.calls(method) - before).toBe(most);
  slack.fail(method, null);
  const isGivenUp = most === 13;
  expect(notes).toEqual(
    isGivenUp
      ? [expect.stringMatching(`^Not told, of 13 members of the project: m0 \\(.*${error.replaceAll("_", ".+")}.* and 3 more`)]
      : [],
  );
  // What passes is tried again, and everybody is told in the end.
  const posted = slack.calls("chat.postMessage");
  for (let n = 0; n < 32; n++) await wake();
  expect(slack.calls("chat.postMessage") - posted).toBe(isGivenUp ? 0 : 13);
});

test("one who has no Slack account, and a project without members: the card's thread says so", async () => {
  expect((await twentyWakes("d-2", ["m1" as CiUserId, "nobody" as CiUserId])).notes).toEqual([
    "Not told, of 2 members of the project: nobody (no Slack account is known).",
  ]);
  expect((await twentyWakes("d-3", [])).notes).toEqual(["Nobody was told: the CI database names no member of this project."]);
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
