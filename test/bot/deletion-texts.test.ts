/**
 * Claim: every message about a deletion is as the golden file has it (`-u` writes it again), is one that Slack takes, and can be understood
 * by its text alone.
 */
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { renderKeep, renderOvertaken } from "../../src/bot/render/keep.ts";
import { deletionReasonModal, typeNameModal } from "../../src/bot/render/modals.ts";
import type { Rendering } from "../../src/bot/render/plan.ts";
import { renderSettle, settleSentence } from "../../src/bot/render/settle.ts";
import { storyFile, storyLine } from "../../src/bot/render/story.ts";
import { memberStages, type MemberStage } from "../../src/core/member-stages.ts";
import { phases, type ClosedBecause, type Phase } from "../../src/core/phases.ts";
import type { DeletionView } from "../../src/deletion/view.ts";

const at = (day: number, time = "15:04"): never => Date.parse(`2026-12-${String(day).padStart(2, "0")}T${time}:00Z`) as never;
const operator = (name: string) => ({ id: `ci:${name.toLowerCase()}` as never, name, ciUserId: null });
const saved = {
  id: "e1",
  kind: "template",
  name: "golden_image",
  state: "verified",
  bytes: 5_000_000_000,
  problem: null,
  waivedBy: [],
} as const;
const lost = { ...saved, id: "e2", kind: "volume", name: "scratch", state: "waived", bytes: null, waivedBy: ["Ada", "Ben"] } as const;

const STAGE: Partial<Record<Phase, MemberStage>> = {
  ...{ proposed: "asked", cooling_off: "approved", quarantining: "quarantine", grace: "quarantine" },
  ...{ dismantling: "last_call", expunging: "last_call", removing: "last_call", closed: "ended", deleted: "ended" },
};

function view(phase: Phase, more: Partial<DeletionView> = {}): DeletionView {
  const stage = STAGE[phase];
  const waits = ["proposed", "cooling_off", "grace"].includes(phase);
  const state = { dismantling: "destroyed", expunging: "destroyed", removing: "gone", deleted: "gone" }[phase as string] ?? "stopped";
  return {
    ...{ id: "6f1c9a1e-0000-4000-8000-000000000001" as never, phase, version: 3, projectId: "p" as never, slug: "aurora" },
    ...{ domainId: "6f1c9a1e-0000-4000-8000-000000000002" as never, path: "ROOT/ci/aurora" as never, digest: "0".repeat(64) as never },
    evidence: { kind: "closed", projectId: "p" as never, slug: "aurora" as never, closedAt: at(1), closedBy: "chen" as never },
    ...{ openedAt: at(2), requesters: ["Chen"], quorum: 2, rejection: null, mayApprove: ["Ada", "Ben", "Dora"], onePerson: "" },
    approvals: phase === "archiving" || phase === "proposed" ? [] : ["Ada", "Ben"].map((n) => ({ operator: operator(n), at: at(3) })),
    blast: {
      counts: { machine: 2, template: 1, account: 1, user: 3, volume: 4, address: 2, vm_snapshot: 1 },
      ...{ machinesRunning: 0, machinesStopped: 2, volumeBytes: 90_000_000_000, templateNames: ["golden_image"] },
      ...{ machineNames: ["_build-1", "build*2"], accountNames: ["aurora"], lastActivityAt: null, shareOfFleet: 0.5 },
    },
    alsoTaken: [{ what: "key pair", names: ["laptop"] }],
    archive: [saved, lost],
    ...{ vetoes: [], until: waits ? at(12) : null, expungesAfter: null, activity: null, closedBecause: null, closedBy: null },
    ...{ frozenReason: null, frozenFrom: null, waitingSince: null, goOn: null, steps: { done: 0, of: 0 }, clearsWhen: null },
    machinesNow: ["_build-1", "build*2"].map((name) => ({ name, state })),
    ...{ askedAgainAt: null, refusedBefore: null, members: stage === undefined ? null : { stage, isNews: true, untold: [] } },
    ...more,
  };
}

const ends: readonly ClosedBecause[] = ["rejected", "expired", "cancelled", "restored", "changed", "came_back", "kept", "gone"];
const byPerson = (because: ClosedBecause) => ["rejected", "cancelled", "restored", "kept"].includes(because);
const closed = (because: ClosedBecause): DeletionView =>
  view("closed", {
    ...{ closedBecause: because, closedBy: byPerson(because) ? "Ada" : null, askedAgainAt: byPerson(because) ? at(13) : null },
    activity: because === "expired" ? "nobody decided in time" : null,
  });

const cases: readonly (readonly [string, DeletionView])[] = [
  ...phases.filter((p) => p !== "closed" && p !== "frozen").map((p) => [p, view(p)] as const),
  ["proposed, one approval", view("proposed", { approvals: [{ operator: operator("Ada"), at: at(3) }] })],
  [
    "proposed, blocked, refused before",
    view("proposed", {
      vetoes: ["a machine is running: _build-1"],
      archive: [{ ...saved, state: "failed", problem: "CloudStack refused the export: it is in use" }],
      refusedBefore: { because: "rejected", by: "Ada", reason: "still in use", at: at(1) },
    }),
  ],
  [
    "grace, the last days, blocked, two members not told",
    view("grace", {
      ...{ activity: "CloudStack does not answer", waitingSince: at(4), clearsWhen: "it answers again; it is tried again by itself" },
      members: { stage: "last_call", isNews: true, untold: [{ member: "mia", problem: "no Slack account is known" }] },
    }),
  ],
  ["frozen in grace", view("frozen", { frozenFrom: "grace", frozenReason: "a neighbour lost a machine", expungesAfter: at(5) })],
  ["frozen in removing", view("frozen", { frozenFrom: "removing", frozenReason: "something appeared" })],
  [
    "frozen in removing, two people are asked to go on",
    view("frozen", {
      ...{ frozenFrom: "removing", frozenReason: "something appeared" },
      goOn: {
        ...{ id: "6f1c9a1e-0000-4000-8000-000000000004", digest: "0".repeat(64) as never, gone: 3, left: 4, until: at(12) },
        ...{ appeared: [{ kind: "volume", name: "_scratch*2" }], objections: [], approvals: [{ operator: operator("Ada"), at: at(3) }] },
      },
    }),
  ],
  ...ends.map((because) => [`closed, ${because}`, closed(because)] as const),
];

/** A message as a person reads it: its text, then its blocks, and the names of its buttons. */
function shown(r: Rendering): string {
  expect(validateBlocks(r.blocks, "message")).toEqual([]);
  expect(r.text.length).toBeGreaterThan(20);
  const words: string[] = [`TEXT  ${r.text}`];
  const add = (mark: string, text: unknown): void => void words.push(`${mark}  ${String(text).replaceAll("\n", "\n      ")}`);
  for (const block of r.blocks as readonly unknown[]) {
    const {
      type,
      text,
      fields = [],
      elements = [],
    } = block as {
      readonly type: string;
      readonly text?: { readonly text: string };
      readonly fields?: readonly { readonly text: string }[];
      readonly elements?: readonly { readonly text: string | { readonly text: string } }[];
    };
    if (text !== undefined) add(type === "header" ? "HEAD" : "    ", text.text);
    for (const field of fields) add("  | ", field.text);
    for (const one of elements)
      add(typeof one.text === "string" ? "note" : "  [ ]", typeof one.text === "string" ? one.text : one.text.text);
  }
  return words.join("\n");
}

test("cards, their threads, and messages to members, in every phase and at every end", async () => {
  const parts = cases.flatMap(([what, v]) => [
    `=== ${what}: the card\n${shown(renderCard(v, "production"))}\nTHREAD  ${storyLine(v)}`,
    ...(v.members === null ? [] : [`--- ${what}: a member\n${shown(renderKeep(v))}`]),
  ]);
  const some = view("closed", { closedBecause: "rejected", closedBy: "Ada", askedAgainAt: at(13) });
  const overtaken = memberStages.slice(0, 4).map((stage) => `--- overtaken, ${stage}\n${shown(renderOvertaken(some, stage))}`);
  const settle = [
    `=== who closed it is asked to settle it\n${shown(renderSettle(some))}`,
    `THREAD  ${settleSentence(some, "it is not known who closed it")}`,
  ];
  const file = storyFile(view("deleted"), [
    { at: at(2), kind: "opened", data: { path: "ROOT/ci/aurora", evidence: { kind: "closed", closedAt: at(1), closedBy: null } } },
    { at: at(3), kind: "entered grace", data: { until: at(12) } },
    { at: at(4), kind: "at rest", data: { recovered: ["_build-1", "build*2"], lost: [] } },
    { at: at(5), kind: "entered cooling_off", data: null },
  ]);
  expect(file.text).not.toMatch(/[{}"]/);
  const all = [...parts, ...overtaken, ...settle, `=== the file at the end\n${file.name}: ${file.title}\n${file.text}`];
  await expect(`${all.join("\n\n")}\n`).toMatchFileSnapshot("golden/deletion.txt");
});

test.each(cases.filter(([, v]) => v.members !== null))("%s: what a member is asked to do is said by the text alone, too", (_what, v) => {
  const { text, blocks } = renderKeep(v);
  const body = (blocks[1] as { readonly text: { readonly text: string } }).text.text;
  for (const words of ["press *Keep it*", "have it opened there", "Ask the CI team", "Another message says", "people are asked again"])
    expect(text.includes(words.replaceAll("*", ""))).toBe(body.includes(words));
  expect(text).not.toContain("You need not do anything");
});

test("the windows of a deletion", async () => {
  const memory = { id: "6f1c9a1e-0000-4000-8000-000000000001" as never, version: 1, digest: null, name: "aurora", channel: "C1" };
  const windows = [
    typeNameModal(memory, view("proposed"), { coolOffMs: 3_600_000, graceMs: 14 * 86_400_000 }),
    deletionReasonModal(memory),
  ];
  for (const window of windows) expect(validateBlocks(window.blocks, "modal")).toEqual([]);
  await expect(`${JSON.stringify(windows, null, 1)}\n`).toMatchFileSnapshot("golden/windows.txt");
});

/** What Slack would read marks in. */
function marked(blocks: unknown): readonly string[] {
  const found: string[] = [];
  JSON.stringify(blocks, (_key, value: unknown) => {
    const one = value as { readonly type?: string; readonly text?: string } | null;
    if (one?.type === "mrkdwn") found.push(one.text ?? "");
    return value;
  });
  return found;
}

const hostile = "<!channel> <https://evil.example|ok> & *x* `y` \u202Egpj \u200B";

test.each(cases)("%s: whatever others wrote is escaped wherever it is posted", (_what, v) => {
  const bad = {
    ...v,
    ...{ slug: hostile, path: hostile as never, requesters: [hostile], activity: hostile, closedBy: hostile, frozenReason: hostile },
    ...{ waitingSince: at(4), clearsWhen: hostile, vetoes: [hostile], machinesNow: [{ name: hostile, state: hostile }] },
    approvals: [{ operator: operator(hostile), at: at(3) }],
    archive: [
      { ...saved, name: hostile },
      { ...lost, name: hostile, waivedBy: [hostile] },
    ],
    members: { stage: "quarantine" as const, isNews: true, untold: [{ member: hostile, problem: hostile }] },
  };
  const told = [renderCard(bad, hostile), renderKeep(bad), renderSettle(bad), renderOvertaken(bad, "asked")];
  for (const r of told) {
    expect(validateBlocks(r.blocks, "message")).toEqual([]);
    for (const said of marked(r.blocks)) expect(said.replaceAll(/<!date\^[^>]*>/g, "")).not.toMatch(/[<>\u202e\u200b]/);
  }
  expect(storyLine(bad).replaceAll(/<!date\^[^>]*>/g, "")).not.toMatch(/[<>\u202e\u200b]/);
});
