/**
 * Claims: whatever a domain holds, its card is one message that Slack takes, with the buttons that end it or bring it back; nobody is asked to
 * approve what a message does not show in whole; what is cut stays readable, and no mark of it is cut in two.
 */
import type { KnownBlock } from "@slack/types";
import { WebClient } from "@slack/web-api";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { code, header, joined, link, mrkdwn, safe, section, time } from "../../src/bot/render/blocks.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { cutMarked, fitted, MESSAGE_MAX } from "../../src/bot/render/message-size.ts";
import { bodyOf, createPosting } from "../../src/bot/posting.ts";
import { phases } from "../../src/core/phases.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { createEvents } from "../../src/events.ts";
import { lendDatabase } from "../support/lent-database.ts";
import type { FreshDatabase } from "../support/database.ts";

const named = (what: string, many: number, long = 40): string[] =>
  Array.from({ length: many }, (_x, i) => `${what}-${i}-${"x".repeat(200)}`.slice(0, long));
const operator = (name: string) => ({ id: "ci:y", name, ciUserId: null });
const failed = named("template", 25).map((name, i) => ({
  ...{ id: `00000000-0000-4000-8000-0000000000${10 + i}`, kind: "template", name, state: "failed", bytes: null, waivedBy: ["Ada Novak"] },
  problem: "CloudStack refused the export: the template is not in the state Ready, and this is what it said about it",
}));

/** A domain as large as an approver may be asked about. */
function view(phase: DeletionView["phase"], more: object = {}, long = 40): DeletionView {
  const [machineNames, templateNames, accountNames] = ["machine", "template", "account"].map((what) => named(what, 40, long));
  const kinds = ["key pair", "webhook", "affinity group", "autoscale group", "user data", "event"];
  return {
    ...{ id: "6f1c9a1e-0000-4000-8000-000000000001", phase, version: 3, projectId: "p", slug: "aurora" },
    ...{ domainId: "6f1c9a1e-0000-4000-8000-000000000002", path: "ROOT/ci/aurora", digest: "0".repeat(64) },
    evidence: { kind: "closed", projectId: "p", slug: "aurora", closedAt: 5, closedBy: "chen" },
    ...{ openedAt: 5, requesters: ["Chen"], quorum: 2, rejection: null, mayApprove: named("Approver", 12, 20), onePerson: "" },
    approvals: ["Ada", "Ben"].map((name) => ({ operator: operator(name), at: 6 })),
    blast: {
      counts: { machine: 40, template: 40, account: 40, user: 40, volume: 80, network: 3 },
      ...{ machinesRunning: 0, machinesStopped: 40, volumeBytes: 5, lastActivityAt: null, shareOfFleet: 0.5 },
      ...{ templateNames, machineNames, accountNames },
    },
    alsoTaken: kinds.map((what) => ({ what, names: named(what, 9, 24) })),
    archive: failed,
    vetoes: named("template", 12, long).map((name) => `the template ${name} is not saved: CloudStack refused the export`),
    ...{ until: 9, activity: "waits for the archive", closedBecause: null, closedBy: null, frozenReason: "something changed" },
    ...{ expungesAfter: 5, frozenFrom: null, waitingSince: 5, goOn: null, steps: { done: 0, of: 0 }, clearsWhen: "it answers" },
    machinesNow: (machineNames ?? []).map((name) => ({ name, state: "Stopped" })),
    ...{ askedAgainAt: null, refusedBefore: { because: "rejected", by: "Ada", reason: "still in use", at: 8 } },
    members: {
      ...{ stage: "quarantine", isNews: true },
      untold: named("member", 10, 20).map((member) => ({ member, problem: "no Slack account is known" })),
    },
    ...more,
  } as never;
}
const sent = (v: DeletionView): string => JSON.stringify(bodyOf(renderCard(v, "production")).blocks);
/** What nothing speaks against: people are asked. */
const open = { vetoes: [], waitingSince: null, machinesNow: null, archive: failed.map((a) => ({ ...a, state: "verified", bytes: 5 })) };

test.each([
  ["proposed", /deletion_reject.*deletion_withdraw/],
  ["proposed", /deletion_waive_0/],
  ["cooling_off", /deletion_cancel/],
  ["quarantining", /deletion_restore/],
  ["grace", /deletion_restore/],
  ["dismantling", /deletion_restore/],
  ["expunging", /deletion_restore/],
  ["frozen", /deletion_restore.*deletion_look_again/],
] as const)("the card of a large domain that is %s is one message, with %s", (phase, buttons) => {
  for (const long of [40, 90, 255]) {
    const card = sent(view(phase, {}, long));
    expect(card.length).toBeLessThanOrEqual(MESSAGE_MAX);
    expect(card).toMatch(buttons);
  }
});

test("every phase, with names as long as they come, is one message", () => {
  for (const phase of phases) for (const long of [20, 60, 255]) expect(sent(view(phase, {}, long)).length).toBeLessThanOrEqual(MESSAGE_MAX);
});

test("people are asked to approve only what one message shows in whole; otherwise the card says why not", () => {
  expect(sent(view("proposed", open))).toContain("deletion_approve");
  const untold = named("member", 10, 20).map((member) => ({ member, problem: "x".repeat(200) }));
  const alsoTaken = Array.from({ length: 60 }, (_x, i) => ({ what: `thing ${i}`, names: named("t", 5, 24) }));
  const much = { ...open, alsoTaken, members: { stage: "asked", isNews: true, untold }, activity: "y".repeat(400), refusedBefore: null };
  const approvals = named("Approver", 9, 60).map((name) => ({ operator: operator(name), at: 6 }));
  const card = sent(view("proposed", { ...much, approvals }, 41));
  expect(card).not.toContain("deletion_approve");
  expect(card).toContain("more than a card can show");
  expect(card).toContain("deletion_reject");
});

test("what is cut has no button that decides, and says that it is cut", () => {
  const button = (action: string) => ({ type: "button", action_id: action, text: { type: "plain_text", text: "x" } });
  const actions = ["deletion_approve", "deletion_go_on", "policy_approve", "adoption_approve", "deletion_restore", "policy_reject"];
  const blocks = [
    header("T"),
    ...Array.from({ length: 6 }, () => section(mrkdwn`${safe("word ".repeat(520), 2600)}`)),
    { type: "actions", elements: actions.map(button) },
  ] as KnownBlock[];
  const said = JSON.stringify(fitted(blocks));
  expect(said.length).toBeLessThanOrEqual(MESSAGE_MAX);
  expect(actions.filter((action) => said.includes(action))).toEqual(["deletion_restore", "policy_reject"]);
  expect(said).toContain("left out");
  expect(fitted(blocks.slice(0, 3))).toEqual(blocks.slice(0, 3));
});

test("no mark is cut in two", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }).map((s) => safe(s)),
    fc.string({ unit: "binary", maxLength: 30 }).map((s) => code(s)),
    fc.constant(time(5)),
    fc.constant(link("https://a.example/b?c=1&d=2", "words")),
    fc.constant(mrkdwn`\`\`\`${safe("a & b")}\n${safe("c")}\`\`\``),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 10, max: 400 }), (pieces, max) => {
      const whole = joined(pieces, " ");
      const cut = cutMarked(whole, max);
      expect(cut.length).toBeLessThanOrEqual(Math.max(max + 4, 4));
      if (whole.length <= max) expect(cut).toBe(whole);
      expect(cut.replace(/<[^<>]*>/g, "")).not.toMatch(/[<>]/);
      expect(cut).not.toMatch(/&(?!lt;|gt;|amp;)/);
      expect(cut.split("```").length % 2).toBe(1);
      expect(cut.replaceAll(/```[^]*?```/g, "").split("`").length % 2).toBe(1);
    }),
    { numRuns: 2000 },
  );
});

let fresh: FreshDatabase | null = null;
afterEach(async () => void (await fresh?.drop()));

test.each([
  ["less than it says", 9000, true],
  ["next to nothing", 500, false],
])("where Slack takes %s, the card has what it still takes", async (_what, taken, hasButton) => {
  fresh = await lendDatabase();
  const seen: string[] = [];
  const fetch = async (_url: unknown, init?: { body?: unknown }) => {
    const blocks = new URLSearchParams(String(init?.body)).get("blocks") ?? "[]";
    const isTooLong = blocks.length > taken;
    if (!isTooLong) seen.push(blocks);
    return Response.json(isTooLong ? { ok: false, error: "msg_blocks_too_long" } : { ok: true, channel: "C1", ts: "1.1" });
  };
  const client = new WebClient("xoxb-1", { fetch: fetch as never });
  const o = { client, db: fresh.db, now: () => 5 as never, sleep: async () => undefined, events: createEvents("fatal", "test") };
  await createPosting(o).show("deletion:1", "C1", renderCard(view("grace"), "production"));
  expect(seen).toHaveLength(1);
  expect(seen[0]?.includes("deletion_restore")).toBe(hasButton);
});
