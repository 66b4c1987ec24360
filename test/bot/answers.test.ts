/**
 * Claim: the plan's message, the table of an adoption, and the answers to commands are as the golden file has them (`-u` writes it again), are
 * ones that Slack takes, and say the essential by their text alone; names in them are copied as they are, instants are the reader's own.
 */
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { renderAdoptionCard } from "../../src/bot/render/adoption-card.ts";
import { renderPlan, type Rendering } from "../../src/bot/render/plan.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import { answerBackups } from "../../src/commands/backups.ts";
import { answerExportLinks } from "../../src/commands/export-links.ts";
import { answerGreeting } from "../../src/commands/greeting.ts";
import { helpReply } from "../../src/commands/help.ts";
import { answerPolicy } from "../../src/commands/policy.ts";
import { replyOfFailure, type Reply } from "../../src/commands/reply.ts";
import { answerResume, answerStop } from "../../src/commands/stop.ts";
import { contentParts } from "../../src/commands/status-parts.ts";
import { situations } from "../../src/core/adoption.ts";
import { failure } from "../../src/core/failure.ts";
import { teamOnly, type Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import type { AdoptionView } from "../../src/sync/adoption/context.ts";
import type { ChangeOutcome, PlanRecord } from "../../src/sync/execution/record.ts";

const at = (day: number): never => Date.parse(`2026-12-${String(day).padStart(2, "0")}T23:30:00Z`) as never;
const ada: Asker = { operator: { id: "ci:ada" as never, name: "Ada", ciUserId: null }, isTeam: true };
const mia: Asker = { ...ada, isTeam: false };

function shown({ text, blocks }: Rendering): string {
  expect(validateBlocks(blocks, "message")).toEqual([]);
  return `TEXT  ${text}\n${JSON.stringify(blocks, null, 1)}`;
}
const answer = (reply: Reply): string => shown(renderReply(reply));

const backups = {
  project: "aurora",
  policy: "templates",
  nextAt: at(13),
  versions: [
    {
      ...{ askedAt: at(12), policy: "templates", state: "complete", problem: null },
      things: [{ kind: "template", name: "_build-1", bytes: 5_000_000_000, verifiedAt: at(12) }],
    },
    { ...{ askedAt: at(11), policy: "templates", state: "failed", problem: "CloudStack did not answer" }, things: [] },
  ],
};
const links = {
  of: 47,
  links: [
    ...Array.from({ length: 16 }, (_x, n) => ({
      ...{ id: `6f1c9a1e-0000-4000-8000-${String(n).padStart(12, "0")}`, slug: "aurora", name: `_image-${n}`, askedBy: "Mia" },
      ...{ until: at(13), isRevocable: n > 0 },
    })),
  ],
};
const report = {
  ...{ version: 3, since: at(1), approvers: ["Ada", "Ben"], mayPropose: true, elsewhere: [] },
  rows: [{ name: "deletions-per-day", title: "Deletions per day", value: "3" }],
  open: [{ title: "Deletions per day", before: "3", after: "5", proposedBy: "Chen" }],
  past: [
    {
      ...{ title: "Deletions per day", before: "2", after: "3", proposedBy: "Chen", endedAt: at(1), proposedAt: at(1) },
      approvals: [{ name: "Ada" }, { name: "Ben" }],
    },
  ],
};
const stopped = {
  ...{ id: 1, stops: [{ name: "Ada", reason: "test", at: at(1) }], resumed: null, votes: [], need: 2, onTheirWay: [] },
  sends: 0,
};
const resume = { resumed: false, have: 1, need: 2, names: ["Ada", "Ben"], reason: "test" };
const items = ["_build-1", "ci_vm_", "a*b"].map((name) => ({
  ...{ kind: "machine", id: name, name, state: "Running", createdAt: 0, bytes: null, parentId: null, facts: {} },
}));

const answers: readonly (readonly [string, () => Promise<Reply> | Reply])[] = [
  ["/ci-help, for everybody", () => helpReply(false)],
  ["/ci-help, for the team", () => helpReply(true)],
  ["hello", () => answerGreeting("hello")],
  ["thanks", () => answerGreeting("thanks")],
  ["/ci-backups", () => answerBackups(mia, "aurora" as never, { backups: { list: async () => ok(backups) } } as never)],
  ["/ci-policy", () => answerPolicy(ada, null, { report: async () => ok(report) } as never)],
  ["/ci-policy, for nobody of the team", () => answerPolicy(mia, null, {} as never)],
  ["/ci-export-links", () => answerExportLinks(ada, { project: null }, { links: async () => ok(links) } as never, "U1")],
  ["/ci-stop", () => answerStop(ada, "test", { stop: async () => ok(stopped) } as never)],
  ["/ci-resume, the first", () => answerResume(ada, { resume: async () => ok(resume) } as never)],
  ["/ci-resume, the second", () => answerResume(ada, { resume: async () => ok({ ...resume, resumed: true, have: 2 }) } as never)],
  ["a refusal", () => replyOfFailure(teamOnly("revoke a link to an export"))],
  [
    "what does not answer",
    () => replyOfFailure(failure("unavailable", "x", "CloudStack does not answer", { remedy: "Ask again in a minute." })),
  ],
  [
    "the machines of a project",
    () => ({ title: "aurora: all right", parts: contentParts({ items, copies: new Map(), at: 1e9 } as never) }),
  ],
];

test("the answers of commands", async () => {
  const all: string[] = [];
  for (const [what, made] of answers) all.push(`=== ${what}\n${answer(await made())}`);
  await expect(`${all.join("\n\n")}\n`).toMatchFileSnapshot("golden/answers.txt");
});

test.each(answers)("%s: what is said first is in the text alone, too", async (_what, made) => {
  const reply = await made();
  const { text } = renderReply(reply);
  expect(text.startsWith(reply.title)).toBe(true);
  const first = reply.parts.find((part) => part.kind === "text" || part.kind === "list");
  if (first !== undefined) expect(text.length).toBeGreaterThan(reply.title.length + 10);
});

test("a name in the text alone has every character, too", () => {
  const { text } = renderReply({ title: "t", parts: contentParts({ items, copies: new Map(), at: 1e9 } as never) });
  for (const { name } of items) expect(text).toContain(`${name}: Running`);
});

test("no answer has a day of another zone, and every name is copied as it is", async () => {
  for (const [, made] of answers) {
    const { blocks } = renderReply(await made());
    const read = JSON.stringify(blocks).replaceAll(/<!date\^[^>]*>/g, "");
    expect(read).not.toMatch(/\d{4}-\d\d-\d\d|UTC/);
    expect(read).not.toMatch(/[ˍ∗]/);
  }
});

const change = (n: number) => ({ kind: "create_domain", projectId: `p-${n}`, slug: `p${n}`, path: `ROOT/ci/p${n}` }) as never;
const outcome = (n: number, state: ChangeOutcome["outcome"], problem: string | null = null): ChangeOutcome => ({
  ...{ change: change(n), outcome: state, seen: state === "done" ? n < 2 : null, problem },
});
const record: PlanRecord = {
  ...{ id: "6f1c9a1e-0000-4000-8000-000000000001" as never, passId: "pass" as never, state: "held", startedBy: { kind: "schedule" } },
  ...{ scope: { kind: "fleet", root: "ROOT/ci" } as never, startedAt: at(1), endedAt: at(2), readBack: { complete: false, remaining: 1 } },
  plan: {
    ...{ scope: { kind: "fleet", root: "ROOT/ci" } as never, asOf: 0 as never, digest: "d1d2d3d4d5d6" as never },
    ...{ additive: [], restrictive: [], drift: [], counts: { projects: 3, domains: 2, accounts: 4 } },
    proposals: [{ path: "ROOT/ci/old" }, { path: "ROOT/ci/kept" }] as never,
    holds: [
      {
        ...{ kind: "pass_budget", sentence: "20 changes in one pass; the limit is 10", blocks: "everything" },
        ...{ liftedBy: "two approvers: /ci-policy set changes-per-pass", projectId: null },
      },
    ] as never,
    heldRows: [{ view: "projects", key: "17", problem: "has no short name", remedy: "give it one", projectId: null }] as never,
  },
  outcomes: [outcome(1, "done"), outcome(2, "done"), outcome(3, "refused", "CloudStack says no"), outcome(4, "indeterminate")],
  notAsked: [{ path: "ROOT/ci/kept", reason: "it was rejected yesterday" }] as never,
};

test("the message of a plan, in each of its states", async () => {
  const states: readonly (readonly [string, Partial<PlanRecord>])[] = [
    ["held", {}],
    ["works", { state: "applying", endedAt: null, outcomes: [outcome(1, "done"), outcome(2, "waiting")] }],
    ["nothing to do", { state: "unchanged", outcomes: [], notAsked: [], plan: { ...record.plan, proposals: [], holds: [], heldRows: [] } }],
    ["report mode", { state: "reported", reported: "the writing key is in report mode", outcomes: [outcome(1, "reported")] }],
    ["stopped", { state: "stopped", outcomes: [outcome(1, "done"), outcome(2, "skipped")] }],
  ];
  const all = states.map(([what, more]) => `=== ${what}\n${shown(renderPlan({ ...record, ...more }, "production"))}`);
  await expect(`${all.join("\n\n")}\n`).toMatchFileSnapshot("golden/plan.txt");
});

const table: AdoptionView = {
  ...{
    id: "6f1c9a1e-0000-4000-8000-000000000001",
    kind: "adopt",
    digest: "0".repeat(64) as never,
    state: "proposed",
    domains: 2,
    accounts: 5,
  },
  counts: Object.fromEntries(situations.map((s, i) => [s, i])) as AdoptionView["counts"],
  ...{ rest: null, lines: ["ROOT/ci/p1 for p1, with 3 accounts", "ROOT/ci/p2 for p2, with 2 accounts"], table: "x" },
  ...{ proposedBy: "Chen", isFromTerminal: false, quorum: 2, approvals: [{ name: "Ada", at: at(5) }], mayApprove: ["Ben"] },
  ...{ proposedAt: at(1), expiresAt: at(9), endedAt: null, endedBy: null, endedReason: null },
};

test("the table of an adoption, open, before it can be read whole, and at each end", async () => {
  const ends = (["applied", "rejected", "expired", "superseded", "moved"] as const).map(
    (state) => [state, { state, endedAt: at(7), endedBy: "Ada", endedReason: "not these" }] as const,
  );
  const all = [["open", {}] as const, ...(["give_back", "release"] as const).map((kind) => [kind, { kind }] as const), ...ends].map(
    ([what, more]) => `=== ${what}\n${shown(renderAdoptionCard({ ...table, ...more }, "production", true))}`,
  );
  all.push(`=== the table is not there yet\n${shown(renderAdoptionCard(table, "production", false))}`);
  await expect(`${all.join("\n\n")}\n`).toMatchFileSnapshot("golden/adoption.txt");
});
