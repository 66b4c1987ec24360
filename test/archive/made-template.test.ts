/**
 * Claim: an owner's click makes one snapshot and one template of their own machine, whatever is clicked twice, lost or restarted between;
 * what may not be is refused in a sentence and nothing is sent; nothing is ever deleted, and what stays is named.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebClient } from "@slack/web-api";
import { z } from "zod";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import type { CloudParts } from "../../src/app/parts.ts";
import { renderMadeTemplate, renderMadeTemplateEnd } from "../../src/bot/render/made-template.ts";
import { createCloudStackWriter } from "../../src/cloudstack/write/writer.ts";
import { nudgeKey } from "../../src/bot/nudges.ts";
import { answerClick } from "../../src/bot/clicks.ts";
import type { AccountId, CiUserId, DomainId, Instant, ProjectId, UserId } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { createTemplateAnnouncer } from "../../src/bot/made-templates.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { twoSlacks, type OneSlack } from "../bot/two-slacks.ts";
import { readAudit } from "../../src/store/audit.ts";
import { openIntents } from "../../src/store/intents.ts";
import { recordManagedAccounts, recordManagedDomains } from "../../src/store/managed.ts";
import { readPostedMessage, recordPostedMessage } from "../../src/store/posted-messages.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import type { TemplateView } from "../../src/archive/from-machines/view.ts";
import { botCloud, optionsFor } from "../cloudstack/support.ts";
import { configOf, testBot, type PartsChange, type TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { op, openOne } from "../support/deletions.ts";

const DAY = 86_400_000;
const usual = configOf();
const P = "p-1" as ProjectId;
let fresh: FreshDatabase;
let cloud: CloudStackEmulator;
let machine: string;
let domain: DomainId;
let account: AccountId;
let now: number;
let members: string[];
let projectState: string;
let shown: TemplateView[];
let queue: string[];

beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  now = Date.now();
  [members, projectState, shown, queue] = [["mia"], "active", [], []];
  cloud = await startCloudStackEmulator({ jobMs: 5 });
  domain = cloud.addDomain({ name: "aurora", parent: addManagedRoot(cloud) }) as DomainId;
  const mia = cloud.addAccount({ name: "mia", domain });
  account = mia.accountId as AccountId;
  machine = cloud.addMachine({ account, name: "build-1" });
  await fresh.db.exec("delete from managed_account");
  await fresh.db.exec("delete from managed_domain");
  await recordManagedDomains(fresh.db, [{ domainId: domain, projectId: P, generation: 1, origin: "created" }], 1);
  const one = { accountId: account, userId: mia.userId as UserId, domainId: domain, projectId: P, ciUserId: "mia" as CiUserId };
  await recordManagedAccounts(fresh.db, [one], 1);
});
afterEach(() => cloud.close());

/** The bot, with CloudStack's own clients; `maker` changes what makes things. */
function bot(more: PartsChange = {}, maker: (real: CloudParts["templates"]) => Partial<CloudParts["templates"]> = () => ({})): TestBot {
  const { templates, reader } = botCloud(cloud, { db: fresh.db });
  const project = () => ({ id: P, slug: "aurora", name: "Aurora", state: projectState, members: members.map((userId) => ({ userId })) });
  return testBot(fresh.db, {
    templates: { ...templates, ...maker(templates) },
    reader,
    ci: { project: async () => ok(project() as never), projectsOf: async () => ok([project()] as never) },
    now: () => now as Instant,
    enqueue: async (name, id) => void (name === "template" && queue.push(id)),
    madeTemplates: { showTemplate: async (view) => (shown.push(view), true) },
    ...more,
  });
}
const asker = (name = "mia") => ({ operator: { id: op(name), name, ciUserId: name as CiUserId }, isTeam: false });
const ask = (b: TestBot, who = "mia", id = machine) => b.services.templates.make(asker(who), id, "D1");
const running = new AbortController().signal;
async function runAll(b: TestBot): Promise<void> {
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) await b.work.template(id, running);
}
/** The commands that change something, in their order. */
const sent = () => cloud.requests().flatMap((r) => (/^(?:list|query)/.test(r.command) ? [] : [r.command]));
async function stopped<T>(work: () => Promise<T>): Promise<T> {
  await recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:ada", byName: "Ada", reason: "the storage is broken" } as never);
  try {
    return await work();
  } finally {
    await emptied("stop_switch");
  }
}
/** Past the rules of PostgreSQL. */
function emptied(table: "stop_switch" | "deletion"): Promise<void> {
  return fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(`delete from ${table}`);
  });
}

describe("what is refused, with what to do, and nothing is sent", () => {
  const refusals: readonly (readonly [string, () => PartsChange | Promise<PartsChange>, string])[] = [
    ["somebody who left the project", () => ((members = ["tom"]), {}), "template.not_yours"],
    ["a project that is closed", () => ((projectState = "closed"), {}), "template.closed"],
    ["report mode", () => ({ config: configOf({ TWOKEY_MODE: "report" }) }), "cloudstack.report_only"],
    [
      "a protected domain",
      () => ({ config: { ...usual, policy: { ...usual.policy, protectedDomains: ["ROOT/ci/aurora"] } } }),
      "template.protected",
    ],
  ];
  test.each(refusals)("%s", async (_what, change, code) => {
    // Of a place that was right once: what counts is where it is now.
    await fresh.db.exec("update managed_domain set path = 'ROOT/ci/another'");
    const done = await ask(bot(await change()));
    expect(done).toMatchObject({ ok: false, error: { code, remedy: expect.stringMatching(/\S/) as string } });
    expect([sent(), queue]).toEqual([[], []]);
  });

  test("a machine of somebody else in the same project, and one that is gone", async () => {
    members = ["mia", "tom"];
    const tom = cloud.addAccount({ name: "tom", domain }).accountId;
    const theirs = cloud.addMachine({ account: tom, name: "theirs" });
    expect(await ask(bot(), "mia", theirs)).toMatchObject({ ok: false, error: { code: "template.not_yours" } });
    expect(await ask(bot(), "tom")).toMatchObject({ ok: false, error: { code: "template.not_yours" } });
    expect(await ask(bot(), "mia", "6f1c9a1e-0000-4000-8000-00000000000a")).toMatchObject({
      ok: false,
      error: { code: "template.machine_gone" },
    });
    expect(sent()).toEqual([]);
  });

  test("a machine outside the managed root, whatever the database says of its domain", async () => {
    const elsewhere = cloud.addDomain({ name: "elsewhere" }) as DomainId;
    const other = cloud.addAccount({ name: "mia", domain: elsewhere });
    const outside = cloud.addMachine({ account: other.accountId, name: "outside" });
    await fresh.db.exec("update managed_domain set domain_id = $1", [elsewhere]);
    expect(await ask(bot(), "mia", outside)).toMatchObject({ ok: false });
    expect(sent()).toEqual([]);
  });

  test("while everything is stopped", async () => {
    const done = await stopped(() => ask(bot()));
    expect(done).toMatchObject({
      ok: false,
      error: { code: "template.stopped", message: expect.stringContaining("the storage is broken") as string },
    });
    expect(sent()).toEqual([]);
  });

  test("while the domain is proposed for deletion", async () => {
    await openOne(fresh.db, { domain });
    try {
      expect(await ask(bot())).toMatchObject({ ok: false, error: { code: "template.under_deletion" } });
    } finally {
      await emptied("deletion");
    }
    expect(sent()).toEqual([]);
  });

  test("an account that is disabled: CloudStack would give the template to the bot's own account", async () => {
    const gone = cloud.addAccount({ name: "mia2", domain, state: "disabled" });
    const theirs = cloud.addMachine({ account: gone.accountId, name: "theirs", stopped: true });
    await fresh.db.exec("update managed_account set account_id = $1", [gone.accountId]);
    expect(await ask(bot(), "mia", theirs)).toMatchObject({ ok: false, error: { code: "template.account" } });
    expect(sent()).toEqual([]);
  });

  test.each([
    ["template", 0, /limit of your project's domain for templates/],
    ["snapshot", 0, /limit of your project's domain for snapshots/],
    ["secondary_storage", 1, /limit of your project's domain for secondary storage leaves no room: .* GiB more is needed/],
  ] as const)("no room under the domain's limit for %s", async (kind, max, words) => {
    const writer = createCloudStackWriter(optionsFor({ url: cloud.url, ...keysOf(cloud).write }));
    expect(await writer.setLimit({ domainId: domain, type: kind, max })).toEqual(ok(undefined));
    const before = sent().length;
    const done = await ask(bot());
    expect(done).toMatchObject({ ok: false, error: { code: "template.limit", message: expect.stringMatching(words) as string } });
    expect(sent().length).toBe(before);
  });
});

test("an account whose templates are no whole number of GiB: of the room CloudStack says 399.98, and one more is made", async () => {
  cloud.addTemplate({ account, name: "small" });
  const b = bot();
  expect(await ask(b)).toMatchObject({ ok: true });
  await runAll(b);
  expect(sent()).toEqual(["createSnapshot", "createTemplate"]);
});

test("of six clicks at once three are taken, the rest is told to wait; nobody else waits for that, and then more are taken", async () => {
  members = ["mia", "tom"];
  const tom = cloud.addAccount({ name: "tom", domain });
  const place = { domainId: domain, projectId: P };
  const theirs = { accountId: tom.accountId as AccountId, userId: tom.userId as UserId, ciUserId: "tom" as CiUserId };
  await recordManagedAccounts(fresh.db, [{ ...place, ...theirs }], 1);
  const machines = Array.from({ length: 6 }, (_, n) => cloud.addMachine({ account, name: `build-${n}` }));
  const b = bot();
  const done = await Promise.all(machines.map((m) => ask(b, "mia", m)));
  expect(done.filter((d) => d.ok)).toHaveLength(3);
  const refused = done.filter((d) => !d.ok);
  for (const one of refused)
    expect(one).toMatchObject({ error: { code: "template.too_many", message: "3 templates are being made for you already" } });
  expect(queue).toHaveLength(3);
  expect(await ask(b, "tom", cloud.addMachine({ account: tom.accountId, name: "toms" }))).toMatchObject({ ok: true });
  await runAll(b);
  expect(await ask(b, "mia", machines[done.findIndex((d) => !d.ok)])).toMatchObject({ ok: true });
  await runAll(b);
});

test("one click: a snapshot and a template of the owner's, each call recorded before and after; nothing is deleted", async () => {
  const b = bot();
  expect(await ask(b)).toMatchObject({ ok: true, value: { state: "asked", machine: "build-1", project: "aurora" } });
  await runAll(b);
  expect(sent()).toEqual(["createSnapshot", "createTemplate"]);
  expect(shown.map((v) => v.state)).toEqual(["asked", "snapshot", "template", "made"]);
  const end = shown.at(-1);
  const id = end?.id ?? "";
  const templates = await b.parts.cloud.reader.readItems({ id: domain, path: "ROOT/ci/aurora" as never }, [
    "template",
    "snapshot",
    "machine",
  ]);
  expect(templates).toMatchObject({ ok: true });
  const items = templates.ok ? templates.value : [];
  expect(items.map((i) => [i.kind, i.accountName, i.kind === "machine" ? i.state : i.name])).toEqual([
    ["machine", "mia", "Running"],
    ["snapshot", "mia", end?.snapshot],
    ["template", "mia", end?.name],
  ]);
  expect(items.find((i) => i.kind === "template")?.facts["isPublic"]).toBe(false);
  expect((await readAudit(fresh.db, { subject: id, limit: 9 })).map((r) => [r.actor, r.kind])).toEqual([
    ["ci:mia", "template.asked"],
    ["twokey", "template.made"],
  ]);
  expect(await openIntents(fresh.db, { kind: "template", id })).toEqual([]);
  const calls = await fresh.db.many(
    z.object({ command: z.string(), result: z.string() }),
    "select i.command, o.result from intent i join outcome o on o.intent_id = i.id where i.owner_id = $1 order by o.seq",
    [id],
  );
  expect(calls).toEqual([
    { command: "create_snapshot", result: "done" },
    { command: "create_template", result: "done" },
  ]);
  // Run again, it is told nothing more; clicked again, it is named.
  await b.work.template(id, running);
  expect(shown).toHaveLength(4);
  expect(await ask(b)).toMatchObject({
    ok: false,
    error: { code: "template.made_before", message: expect.stringContaining(end?.name ?? "?") as string },
  });
  expect(sent()).toHaveLength(2);
});

test("two clicks at once, on two replicas, make one", async () => {
  const [b, c] = [bot(), bot()];
  const both = await Promise.all([ask(b), ask(c)]);
  expect(both.filter((one) => one.ok)).toHaveLength(1);
  expect(both.find((one) => !one.ok)).toMatchObject({ error: { code: "template.under_way" } });
  expect(queue).toHaveLength(1);
  await runAll(b);
  expect(sent()).toEqual(["createSnapshot", "createTemplate"]);
});

test.each(["snapshot", "template"] as const)("a crash right after CloudStack made the %s: it is found, not made again", async (kind) => {
  let crashes = true;
  const b = bot({}, (real) => ({
    make: async (wanted, jobId) => {
      const made = await real.make(wanted, jobId);
      if (crashes && wanted.kind === kind) throw new Error("the process died");
      return made;
    },
  }));
  await ask(b);
  const [id = ""] = queue;
  await expect(runAll(b)).rejects.toThrow("the process died");
  crashes = false;
  now += 60_001;
  await b.schedules.find((one) => one.name === "make-templates")?.run();
  expect(queue).toEqual([id]);
  await runAll(b);
  expect(sent()).toEqual(["createSnapshot", "createTemplate"]);
  expect(shown.at(-1)?.state).toBe("made");
  expect(await openIntents(fresh.db, { kind: "template", id })).toEqual([]);
});

test("a call of which nothing is known is sent again only once it cannot arrive any more", async () => {
  const b = bot();
  cloud.setFaults([{ kind: "lost_before", command: "createSnapshot", times: 1 }]);
  await ask(b);
  const [id = ""] = queue;
  await runAll(b);
  expect(shown.at(-1)?.state).toBe("snapshot");
  now += 60_000;
  await b.work.template(id, running);
  expect(sent().filter((command) => command === "createSnapshot")).toHaveLength(1);
  now += 61_000;
  await b.work.template(id, running);
  expect(shown.at(-1)?.state).toBe("made");
});

test("no room in CloudStack just now: said at once, and not tried again by itself, since each try may leave a row behind", async () => {
  const b = bot();
  cloud.setFaults([{ kind: "status", status: 533, command: "createSnapshot" }]);
  await ask(b);
  await runAll(b);
  expect(shown.at(-1)).toMatchObject({ state: "failed", snapshot: null, problem: expect.stringContaining("Try again later") as string });
  for (let n = 0; n < 3; n += 1) {
    now += 180_000;
    await b.schedules.find((one) => one.name === "make-templates")?.run();
    await runAll(b);
  }
  expect(sent()).toEqual(["createSnapshot"]);
});

test("refused by CloudStack half-way: the snapshot is named, and the next click uses it", async () => {
  const b = bot();
  cloud.setFaults([{ kind: "status", status: 535, command: "createTemplate", times: 1 }]);
  await ask(b);
  await runAll(b);
  const failed = shown.at(-1);
  expect(failed).toMatchObject({ state: "failed", problem: expect.stringContaining("A limit in CloudStack") as string });
  expect(failed?.snapshot).toMatch(/^build-1-\d{4}-\d\d-\d\d-[0-9a-f]{8}$/);
  now += 1000;
  expect(await ask(b)).toMatchObject({ ok: true, value: { snapshot: failed?.snapshot } });
  await runAll(b);
  expect(sent()).toEqual(["createSnapshot", "createTemplate", "createTemplate"]);
  expect(shown.at(-1)).toMatchObject({ state: "made", snapshot: failed?.snapshot });
});

test.each([
  ["stopped", "Everything is stopped"],
  ["left the project", "You have no such machine"],
])("%s between the snapshot and the template: nothing more is made, and the snapshot is named", async (what, words) => {
  const b = bot({}, (real) => ({
    make: async (wanted, jobId) => {
      const made = await real.make(wanted, jobId);
      if (what !== "stopped") members = [];
      return made;
    },
  }));
  await ask(b);
  if (what === "stopped") {
    const c = bot({}, (real) => ({
      make: async (wanted, jobId) => {
        const made = await real.make(wanted, jobId);
        await recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:ada", byName: "Ada", reason: "x" } as never);
        return made;
      },
    }));
    try {
      await runAll(c);
    } finally {
      await stopped(async () => undefined);
    }
  } else await runAll(b);
  expect(sent()).toEqual(["createSnapshot"]);
  expect(shown.at(-1)).toMatchObject({ state: "failed", problem: expect.stringContaining(words) as string });
  expect(shown.at(-1)?.snapshot).not.toBeNull();
});

test("what CloudStack never completed of a failed try keeps nobody from trying again, and no room is asked for a snapshot that is there", async () => {
  const broken = bot({}, (real) => ({
    make: async (wanted, jobId) =>
      wanted.kind === "snapshot" ? real.make(wanted, jobId) : err(failure("rejected", "cloudstack.internal", "CloudStack answered 530")),
  }));
  await ask(broken);
  await runAll(broken);
  expect(shown.at(-1)).toMatchObject({ state: "failed", problem: expect.stringContaining("Try again later") as string });
  const writer = createCloudStackWriter(optionsFor({ url: cloud.url, ...keysOf(cloud).write }));
  expect(await writer.setLimit({ domainId: domain, type: "snapshot", max: 1 })).toEqual(ok(undefined));
  const unready = err(failure("indeterminate", "cloudstack.not_ready", "not ready"));
  let clicks = true;
  const b = bot({}, (real) => ({
    findMade: async (sought, jobId) => (clicks && sought.kind === "template" ? unready : real.findMade(sought, jobId)),
  }));
  now += 1000;
  expect(await ask(b)).toMatchObject({ ok: true });
  clicks = false;
  await runAll(b);
  expect(shown.at(-1)?.state).toBe("made");
});

test("in Slack: the progress is one message that changes in place, the end another, told once", async () => {
  const slack = await (twoSlacks[1]?.[1] as () => Promise<OneSlack>)();
  slack.set({ id: "UMIA", name: "mia", email: "mia@example.org" });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => now as Instant, sleep: async () => undefined, events });
  const real = createTemplateAnnouncer({ posting });
  const b = bot({ madeTemplates: real });
  const direct = await client.conversations.open({ users: "UMIA" });
  const done = await b.services.templates.make(asker(), machine, direct.channel?.id ?? "?");
  expect(done).toMatchObject({ ok: true });
  expect(slack.calls("chat.postMessage")).toBe(1);
  const id = done.ok ? done.value.id : "";
  slack.fail("chat.postMessage", "internal_error");
  await runAll(b);
  await posting.settle();
  posting.stop();
  slack.fail("chat.postMessage", null);
  expect(slack.calls("chat.update")).toBeGreaterThan(0);
  const later = createPosting({ client, db: fresh.db, now: () => now as Instant, sleep: async () => undefined, events });
  const restarted = bot({ madeTemplates: createTemplateAnnouncer({ posting: later }) });
  const before = slack.calls("chat.postMessage");
  for (let n = 0; n < 3; n += 1) await restarted.work.template(id, running);
  await later.settle();
  expect(slack.calls("chat.postMessage") - before).toBe(1);
  expect(await readPostedMessage(fresh.db, `template:${id}`)).not.toBeNull();
  await slack.close();
});

test("made in another account, as CloudStack does for a disabled one: said, and not called a success", async () => {
  const b = bot({}, (real) => ({
    make: (wanted, jobId) => real.make({ ...wanted, accountName: wanted.kind === "template" ? "nobody" : wanted.accountName }, jobId),
  }));
  await ask(b);
  await runAll(b);
  expect(shown.at(-1)).toMatchObject({ state: "failed" });
});

test("the end is told again until Slack takes it", async () => {
  let takes = false;
  const b = bot({ madeTemplates: { showTemplate: async (view) => (shown.push(view), takes) } });
  await ask(b);
  await runAll(b);
  takes = true;
  now += 60_001;
  await b.schedules.find((one) => one.name === "make-templates")?.run();
  expect(queue).toHaveLength(1);
  await runAll(b);
  now += 60_001;
  await b.schedules.find((one) => one.name === "make-templates")?.run();
  expect(queue).toEqual([]);
  expect(sent()).toHaveLength(2);
});

describe("the button", () => {
  const key = nudgeKey("mia", 5);
  const press = (b: TestBot, who: string, value: string, ts = "1.1") => {
    const click = { action: "nudge_make_0", value, user: "U1", channel: "D1", ts, triggerId: "t" };
    return answerClick(click, asker(who), { db: fresh.db, services: b.services } as never);
  };
  beforeEach(() => recordPostedMessage(fresh.db, { key, channel: "D1", ts: "1.1", digest: "a".repeat(64), at: 1 }));

  test("counts only in the person's own message, with a value of ours; each refusal is recorded", async () => {
    const b = bot();
    const recorded = await readAudit(fresh.db, { limit: 999 });
    for (const forged of [
      await press(b, "tom", `v1:5:${machine}`),
      await press(b, "mia", `v1:5:${machine}`, "2.2"),
      await press(b, "mia", `v1:6:${machine}`),
      await press(b, "mia", "v1:5:x'; drop table made_template"),
    ])
      expect(JSON.stringify(forged)).toMatch(/not made by Twokey|not the current message about templates/);
    expect([sent(), queue]).toEqual([[], []]);
    expect((await readAudit(fresh.db, { limit: 999 })).length).toBe(recorded.length + 4);
  });

  test("starts it; the message about it is the answer", async () => {
    const b = bot();
    expect(await press(b, "mia", `v1:5:${machine}`)).toBeNull();
    await runAll(b);
    expect(shown.at(-1)?.state).toBe("made");
  });
});

test("the weekly look finds the owner of an old machine in CloudStack's own lists, and gives the machine's id", async () => {
  now += 40 * DAY;
  const told: unknown[] = [];
  const b = bot({
    config: configOf({ TWOKEY_NUDGE_AFTER_DAYS: "30" }),
    nudges: { nudge: async (person, machines) => (told.push([person, machines]), true) },
  });
  await b.schedules.find((one) => one.name === "nudge-owners")?.run();
  expect(told).toMatchObject([["mia", [{ id: machine, project: "aurora", name: "build-1" }]]]);
});

test("its messages are as the golden file has them, within Slack's limits, and hostile names mention nobody", async () => {
  const view: TemplateView = {
    ...{ id: "1", machine: "build-1", project: "aurora" as never, state: "asked", name: "build-1-2026-06-01-6f1c9a1e" },
    ...{ snapshot: null, problem: null, askedAt: Date.parse("2026-06-01T10:00:00Z") as Instant },
  };
  const snapshot = view.name;
  const states: readonly TemplateView[] = [
    view,
    { ...view, state: "snapshot" },
    { ...view, state: "template", snapshot },
    { ...view, state: "made", snapshot },
    { ...view, state: "failed", problem: "A limit leaves no room" },
    { ...view, state: "failed", snapshot, problem: "Everything was stopped meanwhile. Ask again later." },
  ];
  const shownAs = [...states.map(renderMadeTemplate), ...states.slice(-3).map(renderMadeTemplateEnd)];
  const hostile = { ...view, machine: `<!channel> ${"x".repeat(300)}`, name: "<!here>", problem: `<@U1> ${"y".repeat(5000)}` };
  for (const state of ["made", "failed"] as const) shownAs.push(renderMadeTemplate({ ...hostile, state, snapshot: "`<!here>`" }));
  for (const { blocks } of shownAs) {
    expect(validateBlocks(blocks, "message")).toEqual([]);
    const marked = JSON.stringify(blocks.filter((block) => block.type !== "header")).replaceAll(/<!date\^[^>]*>/g, "");
    expect(marked).not.toMatch(/[<>]/);
  }
  const golden = JSON.stringify(shownAs.slice(0, 9), null, 1);
  await expect(`${golden}\n`).toMatchFileSnapshot("../bot/golden/made-template.txt");
});
