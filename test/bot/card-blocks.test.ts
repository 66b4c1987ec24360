/**
 * Claim: the cards of a change of policy and of a stop are, in each of their states, the Block Kit that the golden file has (`-u` writes it
 * again); Slack takes all of it, with the longest texts of others too, and none of these becomes a mention or a link.
 */
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import type { Rendering } from "../../src/bot/render/plan.ts";
import { renderPolicyCard } from "../../src/bot/render/policy-card.ts";
import { renderStop } from "../../src/bot/render/stop-card.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import type { StopView } from "../../src/sync/execution/stop-view.ts";

const at = (time: string): never => Date.parse(`2026-12-01T${time}:00Z`) as never;
const HOSTILE = `<!channel> <@U1> <https://x.example|y> & *b* \`c\` ${"long ".repeat(900)}`;

const change: PolicyChangeView = {
  ...{
    id: "6f1c9a1e-0000-4000-8000-000000000001" as never,
    setting: "grace-days" as never,
    title: "Grace period",
    digest: "0".repeat(64) as never,
  },
  ...{ before: "14 days", after: "7 days", effect: "looser", proposedBy: "Chen", reason: "disks are full", state: "proposed", quorum: 2 },
  ...{ approvals: [], mayApprove: ["Ada", "Ben"], proposedAt: at("10:00"), expiresAt: at("22:00") },
  ...{ endedAt: null, endedBy: null, endedReason: null },
} as PolicyChangeView;
const ended = { mayApprove: [], endedAt: at("11:00") };
const changes: Readonly<Record<string, PolicyChangeView>> = {
  "proposed, looser": change,
  "proposed, stricter, with one vote": { ...change, effect: "stricter", approvals: [{ name: "Ada", at: at("10:30") }] as never },
  "proposed, neither": { ...change, effect: "neutral" },
  "proposed by Twokey, the scope": { ...change, setting: "scope" as never, effect: "neutral", proposedBy: "Twokey" },
  "too long to be approved here": { ...change, after: "x".repeat(901) },
  applied: { ...change, ...ended, state: "applied" },
  rejected: { ...change, ...ended, state: "rejected", endedBy: "Ben", endedReason: "too short" },
  expired: { ...change, ...ended, state: "expired", endedReason: "nobody decided in time" },
  superseded: { ...change, ...ended, state: "superseded", endedReason: "another change came first" },
};

const stop = { at: at("10:00") as number, name: "Ada", reason: "the storage is broken" };
const stopped: StopView = { ...{ id: 1, stops: [stop], resumed: null, votes: [], need: 2, onTheirWay: [] } };
const stops: Readonly<Record<string, StopView>> = {
  "everything stands still": stopped,
  "two stops, one vote, two calls on their way": {
    ...stopped,
    stops: [stop, { ...stop, at: at("10:05") as number, name: "Ben", reason: "so is the network" }],
    votes: ["Dora"],
    onTheirWay: ["destroy machine build-1", "delete volume data"],
  },
  "twelve stops": { ...stopped, stops: Array.from({ length: 12 }, (_x, n) => ({ ...stop, name: `P${n}` })) },
  resumed: { ...stopped, resumed: { names: "Ada and Ben", at: at("11:00") } },
};

/** The blocks without what is ours to mark: times, and what only plain text holds. */
const marked = ({ blocks }: Rendering): string =>
  JSON.stringify(blocks.filter((block) => block.type !== "header" && block.type !== "actions")).replaceAll(/<!date\^[^>]*>/g, "");

test.each([
  ["policy-card", Object.entries(changes).map(([what, v]) => [what, renderPolicyCard(v, "test")] as const)],
  ["stop-card", Object.entries(stops).map(([what, v]) => [what, renderStop(v, "test")] as const)],
])("%s: every state is as the golden file has it, and Slack takes it", async (name, cards) => {
  for (const [what, card] of cards) {
    expect([what, validateBlocks(card.blocks, "message")]).toEqual([what, []]);
    expect(card.text.length).toBeGreaterThan(20);
    expect(marked(card)).not.toMatch(/[<>]/);
  }
  await expect(`${JSON.stringify(Object.fromEntries(cards), null, 1)}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
});

test("who reads the policy card decides on what it shows: a value that does not fit has no Approve, what ended has no buttons", () => {
  const buttons = (v: PolicyChangeView) => JSON.stringify(renderPolicyCard(v, "test").blocks).match(/policy_(?:approve|reject)/g) ?? [];
  expect(buttons(change)).toEqual(["policy_approve", "policy_reject"]);
  expect(buttons(changes["too long to be approved here"] ?? change)).toEqual(["policy_reject"]);
  for (const state of ["applied", "rejected", "expired", "superseded"]) expect(buttons(changes[state] ?? change)).toEqual([]);
});

test.each(Object.keys(changes))("policy card, %s: with texts of others as long as they come, within Slack's limits", (what) => {
  const v = changes[what] ?? change;
  const hostile = { before: HOSTILE, after: HOSTILE, reason: HOSTILE, proposedBy: HOSTILE, title: HOSTILE };
  const many = Array.from({ length: 40 }, () => HOSTILE);
  const approvals = many.slice(0, 9).map((name) => ({ name, at: at("10:30") })) as never;
  const card = renderPolicyCard({ ...v, ...hostile, approvals, mayApprove: many, endedBy: HOSTILE, endedReason: HOSTILE }, HOSTILE);
  expect(validateBlocks(card.blocks, "message")).toEqual([]);
  expect(marked(card)).not.toMatch(/[<>]/);
});

test.each(Object.keys(stops))("stop card, %s: with texts of others as long as they come, within Slack's limits", (what) => {
  const v = stops[what] ?? stopped;
  const many = Array.from({ length: 40 }, () => HOSTILE);
  const all = v.stops.map((one) => ({ ...one, name: HOSTILE, reason: HOSTILE }));
  const resumed = v.resumed === null ? null : { names: HOSTILE, at: v.resumed.at };
  const card = renderStop({ ...v, stops: all, votes: many, onTheirWay: many, resumed }, HOSTILE);
  expect(validateBlocks(card.blocks, "message")).toEqual([]);
  expect(marked(card)).not.toMatch(/[<>]/);
});
