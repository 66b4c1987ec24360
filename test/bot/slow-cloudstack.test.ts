/**
 * Claims: while CloudStack answers nobody, however many ask, the votes of approvers count, the team gets its answers, and everybody who waits
 * is told once that it is being done.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { err, ok } from "../../src/core/result.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainId } from "../../src/core/ids.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { readStop } from "../../src/store/stop-switch.ts";
import type { FreshDatabase } from "../support/database.ts";
import { inventory } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { clickBody, commandBody, eventBody, hear, slackId, windowBody, type Heard } from "./heard.ts";

const CROWD = ["mia", "noah", "tom", "zoe", "kai", "lou"];
let fresh: FreshDatabase;
let heard: Heard;
let approvalsHang: boolean;
let asking: number;
let answer: () => void;
let wake: (() => void)[];
let sent: Promise<unknown>[];

beforeEach(async () => {
  fresh = await lendDatabase();
  [approvalsHang, asking, wake, sent] = [false, 0, [], []];
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const hang = async <T>(result: T): Promise<T> => {
    asking += 1;
    await answered;
    return result;
  };
  const away = err(failure("unavailable", "cloudstack.unavailable", "CloudStack does not answer"));
  heard = await hear(fresh.db, {
    ...{ approvers: ["ada", "ben", "eve", "dora"], team: ["chen"], others: CROWD },
    change: {
      reader: {
        readItems: () => hang(ok([])),
        readItemsOf: () => hang(ok(new Map())),
        readInventory: async (id: DomainId) => (approvalsHang ? hang(away) : ok(inventory(id, heard.w.items))),
      },
    },
    sleep: () => new Promise((resolve) => wake.push(resolve)),
  });
  const domainId = "6f1c9a1e-0000-4000-8000-00000000aaaa" as never;
  await recordManagedDomains(fresh.db, [{ domainId, projectId: "p-2" as never, generation: 1, origin: "created" }], 1);
  const members = CROWD.map((userId) => ({ userId }));
  // Whose turn comes first is known.
  await heard.identity.named();
  await new Promise((turned) => setImmediate(turned));
  heard.projects = [{ id: "p-2", slug: "aurora", name: "Aurora", state: "active", members } as never];
});
afterEach(async () => {
  answer();
  await Promise.all(sent);
  await heard.close();
  await fresh.drop();
});

/** Everybody of the project asks for a list of CloudStack's. */
async function crowdAsks(): Promise<void> {
  sent.push(...CROWD.map((user) => heard.send(commandBody(user, "/ci-export-template", "aurora"))));
  await eventually("several are asking CloudStack", () => asking >= 3);
}
const value = () => `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`;
const votes = () => fresh.db.exec("select from ballot");
const told = (whom: string): string[] =>
  heard.slack.sent().flatMap(({ method, args }) => {
    const { user: to, channel, text } = args as { user?: string; channel?: string; text?: string };
    // Who is not in the channel gets a direct message, once Slack refused one that only they would see there.
    const isTried = method === "chat.postEphemeral" && CROWD.includes(whom);
    return method.startsWith("chat.post") && !isTried && (to ?? channel) === slackId(whom) ? [String(text)] : [];
  });

test("a vote, a reject and a vote to resume count while a crowd of members waits for CloudStack", async () => {
  await crowdAsks();
  await heard.send(clickBody("ada", "deletion_approve", value()));
  expect(await votes()).toBe(1);
  await heard.send(commandBody("chen", "/ci-stop", "drill"));
  await heard.send(commandBody("ben", "/ci-resume", ""));
  expect(await fresh.db.exec("select from ballot where kind = 'resume'")).toBe(1);
  await heard.send(eventBody({ type: "message", channel_type: "im", channel: "D1", user: slackId("dora"), text: "resume", ts: "1.2" }));
  expect((await readStop(fresh.db)).stopped).toBe(false);
  const memory = { id: heard.row.id, version: heard.row.version, digest: heard.row.digest, name: "x", channel: "C0CITEAM1" };
  await heard.send(windowBody("dora", "deletion_reason", JSON.stringify(memory), { reason: "it is still needed" }));
  expect(await fresh.db.exec("select from ballot where verdict = 'reject'")).toBe(1);
});

test("the team's commands are answered while a crowd of members waits for CloudStack", async () => {
  await crowdAsks();
  await heard.send(commandBody("chen", "/ci-deletions", ""));
  expect(told("chen").join()).toMatch(/deletion/i);
});

test("while approvals wait for CloudStack, another approver rejects", async () => {
  approvalsHang = true;
  const memory = { id: heard.row.id, version: heard.row.version, digest: heard.row.digest, name: "a", channel: "C0CITEAM1" };
  // As many as there are turns for approvals: a rejection that waited for one of them would not be counted.
  sent.push(...["ada", "ben", "eve"].map((user) => heard.send(clickBody(user, "deletion_approve", value()))));
  await eventually("CloudStack is asked", () => asking === 3);
  await heard.send(windowBody("dora", "deletion_reason", JSON.stringify(memory), { reason: "it is still needed" }));
  expect(await fresh.db.exec("select from ballot where verdict = 'reject'")).toBe(1);
});

test("who waits is told once that it is being done, and gets the answer after that; who is answered at once is not", async () => {
  await heard.send(commandBody("chen", "/ci-deletions", ""));
  await crowdAsks();
  sent.push(heard.send(commandBody("mia", "/ci-export-template", "aurora")));
  await eventually("all wait", () => wake.length >= CROWD.length + 2);
  for (const one of wake) one();
  for (const user of CROWD) await eventually(`${user} is told`, () => told(user).length > 0);
  for (const user of CROWD) expect(told(user)).toEqual([expect.stringContaining("This takes a while: it is being done")]);
  expect(told("chen").join()).not.toContain("This takes a while");
  answer();
  await Promise.all(sent);
  expect(told("mia")).toHaveLength(3);
  expect(told("zoe")).toHaveLength(2);
});
