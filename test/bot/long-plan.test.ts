/**
 * Claims: a plan that does not fit its message is a file in its thread with every line, once; where Slack refuses it, the message says
 * what to type. A plan that works for long shows how far it is, in place, at most every few seconds, and ends with one whole message.
 */
import { expect, test } from "vitest";
import type { SlackEmulator } from "../../emulators/slack/server.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import type { Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import type { Database } from "../../src/store/db.ts";
import { createProgress } from "../../src/sync/execution/progress.ts";
import type { ChangeOutcome, PlanRecord } from "../../src/sync/execution/record.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { ADA, BOT, TEAM, client, start } from "../emulators/slack/workspace-of-tests.ts";

/** The table of posted messages, in memory. */
function messages(): Database {
  const rows = new Map<string, object>();
  return {
    maybe: async (_row: unknown, _sql: string, [key]: readonly unknown[]) => rows.get(String(key)) ?? null,
    exec: async (_sql: string, [key, channel, ts, digest, at]: readonly unknown[]) => {
      rows.set(String(key), { key, channel, ts, digest, at, version: 1 });
      return 1;
    },
    withAdvisoryLock: async (_key: string, _wait: unknown, post: () => Promise<unknown>) => ({ held: true, value: await post() }),
  } as unknown as Database;
}

const change = (n: number) => ({ kind: "create_domain", projectId: `p-${n}`, slug: `p${n}`, path: `ROOT/ci/p${n}<!channel>` }) as never;
const outcome = (n: number, state: ChangeOutcome["outcome"]): ChangeOutcome => ({
  change: change(n),
  outcome: state,
  seen: state === "done" ? true : null,
  problem: state === "refused" ? `refused as number ${n}` : null,
});

function plan(id: string, n: number, state: PlanRecord["state"], of: (i: number) => ChangeOutcome["outcome"]): PlanRecord {
  const scope = { kind: "fleet", root: "ROOT/ci" } as never;
  const counts = { projects: n, domains: n, accounts: 0 };
  const parts = { additive: [], restrictive: [], proposals: [], drift: [], holds: [], heldRows: [] };
  return {
    id: id as never,
    passId: "pass" as never,
    plan: { scope, asOf: 0 as Instant, ...parts, counts, digest: "d1d2d3d4d5d6" as never },
    state,
    startedBy: { kind: "schedule" },
    scope,
    startedAt: 0 as Instant,
    endedAt: state === "applying" ? null : (9 as Instant),
    outcomes: Array.from({ length: n }, (_, i) => outcome(i, of(i))),
    readBack: null,
  };
}

async function announcersOn(slack: SlackEmulator) {
  const events = createEvents("silent", "test");
  const web = client(slack);
  const posting = createPosting({ client: web, db: messages(), now: () => 1 as Instant, sleep: async () => undefined, events });
  const more = {
    identity: {} as never,
    channel: TEAM,
    environment: "test",
    events,
    membersOf: async () => ok([]),
    db: messages(),
    now: () => 1 as Instant,
  };
  return { posting, ...createAnnouncers({ posting, client: web, ...more }) };
}

const ID = "0b1f6c1e-0000-4000-8000-00000000000a";

test("a long plan is a file in the thread of its message, once, with every line", async () => {
  const slack = await start();
  const { plan: announcer, posting } = await announcersOn(slack);
  const all = () => slack.control.view(ADA)?.conversations.find((c) => c.id === TEAM)?.messages ?? [];
  const thread = () => all().filter((m) => m.user === BOT || m.files.length > 0);
  await announcer.showPlan(plan(ID, 1201, "applying", () => "waiting"));
  expect(thread().map((m) => m.files.length)).toEqual([0]);
  const whole = plan(ID, 1201, "applied", (i) => (i % 100 === 7 ? "refused" : "done"));
  await announcer.showPlan(whole);
  await announcer.showPlan(whole);
  await posting.settle();
  const [main, ...replies] = thread();
  expect(replies.map((m) => [m.threadTs, m.files.length])).toEqual([[main?.ts, 1]]);
  expect(JSON.stringify(main?.blocks)).toContain("Every line is in the file in this thread");
  const file = replies[0]?.files[0];
  const text = await (await fetch(new URL(file?.url ?? "", slack.url))).text();
  const lines = text.trimEnd().split("\n");
  expect(lines.filter((l) => l.startsWith("  create domain "))).toHaveLength(1201);
  expect(text).toContain("create domain ROOT/ci/p1200<!channel>: done");
  expect(text).toContain("(refused as number 107)");
  await slack.close();
});

test("where Slack refuses the file, the message says what to type; a short plan has neither", async () => {
  const slack = await start();
  slack.setFaults({ fail: [{ method: "files.getUploadURLExternal", error: "missing_scope" }] });
  const { plan: announcer, posting } = await announcersOn(slack);
  await announcer.showPlan(plan(ID, 40, "applied", () => "done"));
  await announcer.showPlan(plan("0b1f6c1e-0000-4000-8000-00000000000b", 15, "applied", () => "done"));
  await posting.settle();
  const [long, short] = (slack.control.view(ADA)?.conversations.find((c) => c.id === TEAM)?.messages ?? []).map((m) =>
    JSON.stringify(m.blocks),
  );
  expect(long).toContain(`Every line: \`npx twokey plan show ${ID}\``);
  expect(short).not.toContain("Every line");
  await slack.close();
});

test("397 projects with the same hold: one line of the message with their number, and each in the file", async () => {
  const slack = await start();
  const { plan: announcer, posting } = await announcersOn(slack);
  const record = plan(ID, 0, "held", () => "held");
  const hold = (n: number) => ({
    ...{ kind: "name_in_the_way", blocks: "one_project", projectId: `p-${n}`, liftedBy: "two approvers, by adopting it: /ci-adopt" },
    sentence: `ROOT/ci/p${n} has the name of p${n} but was not made by Twokey`,
  });
  const holds = [...Array.from({ length: 397 }, (_, n) => hold(n)), { ...hold(400), liftedBy: "the deletion of that domain" }];
  await announcer.showPlan({ ...record, plan: { ...record.plan, holds: holds as never } });
  await posting.settle();
  const messages = slack.control.view(ADA)?.conversations.find((c) => c.id === TEAM)?.messages ?? [];
  const text = JSON.stringify(messages[0]?.blocks);
  expect(text).toContain("*Held* (398)");
  expect(text).toContain("• 397 alike. Lifted by: two approvers, by adopting it: /ci-adopt. The first 3: ROOT/ci/p0 has the name of p0");
  expect(text).toContain("• ROOT/ci/p400 has the name of p400 but was not made by Twokey. Lifted by: the deletion of that domain");
  expect(text).not.toContain("ROOT/ci/p3 ");
  const file = messages.flatMap((m) => m.files)[0];
  const lines = (await (await fetch(new URL(file?.url ?? "", slack.url))).text()).split("\n");
  expect(lines.filter((l) => /^ {2}ROOT\/ci\/p\d+ has the name of /.test(l))).toHaveLength(398);
  await slack.close();
});

test("progress is shown in place at most every few seconds, and in whole words", () => {
  const shown: PlanRecord[] = [];
  let now = 0;
  const record = plan(ID, 1201, "applying", () => "waiting");
  const tell = createProgress(record, 1201, {
    now: () => now as Instant,
    announcer: { showPlan: async (r) => void shown.push(r), correctPlan: async () => undefined },
  });
  for (const [i, { change: of }] of record.outcomes.entries()) {
    now += 50;
    tell({ change: of, outcome: i % 100 === 7 ? "refused" : "done", seen: null, problem: null });
  }
  // A minute of work.
  expect(shown).toHaveLength(15);
  const text = shown.map((r) => JSON.stringify(renderPlan(r, "test")));
  expect(text[4]).toContain("396 of 1,201 made, 4 refused, about 40 s left");
  expect(text[0]).toContain("79 of 1,201 made, 1 refused, about 60 s left");
  for (const r of shown) expect(validateBlocks(renderPlan(r, "test").blocks, "message")).toEqual([]);
  expect(JSON.stringify(renderPlan({ ...record, endedAt: 9 as Instant, state: "applied" }, "test"))).not.toContain(" left");
});
