/** Claim: whatever names the world holds, every message is one Slack takes, and no foreign text becomes a mention, a link or a mark. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { DeletionId } from "../../src/core/ids.ts";
import { code, plain, safe } from "../../src/bot/render/blocks.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { renderKeep } from "../../src/bot/render/keep.ts";
import { deletionReasonModal, typeNameModal } from "../../src/bot/render/modals.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { phases } from "../../src/core/phases.ts";

const hostile = [
  "<!channel>",
  "@here",
  "<@U1>",
  "<http://evil.example|ok>",
  "``*x*_y_~z~",
  "&lt;!here&gt;",
  "\u202Egpj.exe",
  "x".repeat(5000),
  "a\nb",
  "",
  "*bold*",
  "<!subteam^S1>",
];
const names = fc.array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "binary", maxLength: 80 })), { maxLength: 60 });

function view(phase: DeletionView["phase"], n: readonly string[], more: Partial<DeletionView> = {}): DeletionView {
  const first = n[0] ?? "a";
  return {
    id: "6f1c9a1e-0000-4000-8000-000000000001" as never,
    phase,
    version: 3,
    projectId: "p" as never,
    slug: first,
    domainId: "6f1c9a1e-0000-4000-8000-000000000002" as never,
    path: `ROOT/ci/${first}` as never,
    evidence: { kind: "closed", projectId: "p" as never, slug: first as never, closedAt: 5 as never, closedBy: null },
    digest: "0".repeat(64) as never,
    openedAt: 5 as never,
    requesters: ["ci:x"],
    quorum: 2,
    approvals: n.slice(0, 2).map((name) => ({ operator: { id: "ci:y" as never, name, ciUserId: null }, at: 6 as never })),
    rejection: n.length > 5 ? { operator: { id: "ci:z" as never, name: first, ciUserId: null }, reason: n[5] ?? "", at: 7 as never } : null,
    mayApprove: n,
    onePerson: "",
    blast: {
      counts: { machine: n.length, template: n.length, account: 1 },
      machinesRunning: 0,
      machinesStopped: n.length,
      volumeBytes: 5,
      templateNames: n,
      machineNames: n,
      accountNames: n.slice(0, 1),
      lastActivityAt: null,
      shareOfFleet: 0.5,
    },
    alsoTaken:
      n.length === 0
        ? []
        : [
            { what: "key pair", names: n },
            { what: "webhook", names: null },
          ],
    archive: n.map((name) => ({
      id: "0".repeat(36),
      kind: "template" as const,
      name,
      state: "failed" as const,
      bytes: null,
      problem: name,
      waivedBy: [name],
    })),
    vetoes: [],
    until: 9 as never,
    activity: first,
    closedBecause: "rejected",
    closedBy: first,
    frozenReason: first,
    expungesAfter: null,
    frozenFrom: null,
    waitingSince: null,
    goOn: null,
    steps: { done: 0, of: 0 },
    machinesNow: n.map((name) => ({ name, state: name })),
    clearsWhen: first,
    askedAgainAt: 8 as never,
    refusedBefore: { because: "rejected", by: first, reason: first, at: 8 as never },
    members: { stage: "quarantine", isNews: true, untold: n.map((name) => ({ member: name, problem: name })) },
    ...more,
  };
}

/** Marks that Slack would act on: the renderer's own dates and our own links are the only ones there may be. */
function foreignMarks(blocks: unknown): readonly string[] {
  const texts: string[] = [];
  JSON.stringify(blocks, (key, value: unknown) => {
    if (typeof value === "object" && value !== null && (value as { type?: string }).type === "mrkdwn")
      texts.push(String((value as { text?: string }).text));
    return key === "" ? value : value;
  });
  return texts.flatMap((t) => [...t.matchAll(/<[^>]*>/g)].map((m) => m[0])).filter((m) => !m.startsWith("<!date^"));
}

test.each(phases.map((p) => [p] as const))("a card in the phase %s is taken by Slack, and mentions nobody", (phase) => {
  fc.assert(
    fc.property(names, (n) => {
      const card = renderCard(view(phase, n), "test");
      expect(validateBlocks(card.blocks, "message")).toEqual([]);
      expect(foreignMarks(card.blocks)).toEqual([]);
      expect(card.text).not.toBe("");
      const keep = renderKeep(view(phase, n));
      expect(validateBlocks(keep.blocks, "message")).toEqual([]);
      expect(foreignMarks(keep.blocks)).toEqual([]);
    }),
  );
});

test("a card with an Approve button shows every name to its end", () => {
  const text = (v: DeletionView): string => JSON.stringify(renderCard(v, "test").blocks);
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "&", "<"), minLength: 1, maxLength: 260 }), { maxLength: 20 }), (n) => {
      const card = text(view("proposed", n));
      fc.pre(card.includes('"deletion_approve"'));
      for (const name of n) expect(card).toContain(safe(name, 255));
      expect(card).not.toContain("a…");
    }),
  );
});

test("a card that cannot show all names has no Approve button, a small one has", () => {
  const approve = (v: DeletionView): boolean => JSON.stringify(renderCard(v, "test").blocks).includes('"deletion_approve"');
  expect(approve(view("proposed", ["small"]))).toBe(true);
  expect(
    approve(
      view(
        "proposed",
        Array.from({ length: 41 }, (_x, i) => `machine-${i}`),
      ),
    ),
  ).toBe(false);
  expect(approve(view("proposed", ["x".repeat(255)]))).toBe(true);
  expect(approve(view("proposed", ["x".repeat(256)]))).toBe(false);
  // What Slack counts is the escaped text.
  const ampersands = Array.from({ length: 8 }, () => "&".repeat(100));
  expect(approve(view("proposed", ampersands))).toBe(false);
  expect(approve(view("proposed", ["small"], { vetoes: ["a machine is running"] }))).toBe(false);
  for (const phase of phases.filter((p) => p !== "proposed")) expect(approve(view(phase, ["small"])), phase).toBe(false);
});

test("a card shows from when on CloudStack may expunge what was destroyed, and nothing of it while nothing is", () => {
  const card = (expungesAfter: DeletionView["expungesAfter"]): string =>
    JSON.stringify(renderCard(view("frozen", ["small"], { expungesAfter }), "test").blocks);
  expect(card(1_700_000_000_000 as never)).toContain("own deadline:* from <!date^1700000000");
  expect(card(null)).not.toContain("own deadline");
});

test("a member can keep the domain until it is removed for good, and not after it ended", () => {
  const keeps = phases.filter((p) => JSON.stringify(renderKeep(view(p, ["a"])).blocks).includes('"deletion_keep"'));
  expect(phases.filter((p) => !keeps.includes(p))).toEqual(["removing", "deleted", "closed"]);
});

test("what could not be saved has a Waive button with its name while it is proposed, and a sentence once it is waived", () => {
  const line = { id: "6f1c9a1e-0000-4000-8000-000000000003", kind: "volume" as const, name: "disk", bytes: null, problem: "attached" };
  const card = (phase: DeletionView["phase"], state: "failed" | "waived", waivedBy: readonly string[]): string =>
    JSON.stringify(renderCard(view(phase, ["small"], { archive: [{ ...line, state, waivedBy }] }), "test").blocks);
  expect(card("proposed", "failed", [])).toContain('"Waive disk"');
  expect(card("proposed", "failed", [])).toContain(`:${line.id}"`);
  expect(card("proposed", "failed", ["Ada"])).toContain("`disk`: attached (waived by Ada; one more person is needed)");
  expect(card("proposed", "waived", ["Ada", "Ben"])).toContain("`disk`: not saved, waived by Ada and Ben");
  expect(card("proposed", "waived", ["Ada", "Ben"])).not.toContain("deletion_waive");
  expect(card("deleted", "waived", ["Ada", "Ben"])).toContain("*Not saved, as two people agreed*\\n• volume `disk`, waived by Ada and Ben");
  for (const phase of phases.filter((p) => p !== "proposed")) expect(card(phase, "failed", [])).not.toContain("deletion_waive");
});

test("what appeared, what is waived, and what keeps Go on back is named letter by letter", () => {
  const name = "_base*image~2";
  const goOn = {
    id: "6f1c9a1e-0000-4000-8000-000000000004",
    ...{ digest: "d".repeat(64) as never, appeared: [{ kind: "vm_snapshot" as const, name }], gone: 0, left: 1, approvals: [] },
    ...{ objections: [`vm snapshot ${name} is not saved`], until: 9 as never },
  };
  const said = JSON.stringify(renderCard(view("frozen", ["a"], { frozenFrom: "removing", goOn }), "test").blocks);
  expect(said).toContain("• vm snapshot `_base*image~2`");
  expect(said).toContain("• vm snapshot `_base*image~2` is not saved");
});

test.each([
  ["a zero-width space", "ba\u200Bse"],
  ["a soft hyphen", "ba\u00ADse"],
  ["a Hangul filler", "ba\u3164se"],
  ["an empty Braille cell", "ba\u2800se"],
  ["a tag", "ba\u{E0041}se"],
  ["a variation selector", "ba\uFE0Fse"],
])("%s in a name is shown as a space: two names never look alike by it", (_what, name) => {
  expect([code(name), safe(name), plain(name, 75)]).toEqual(["`ba se`", "ba se", "ba se"]);
});

test("a frozen card has the ways out of where it froze, and Go on only where all of it can be read", () => {
  const goOn = {
    id: "6f1c9a1e-0000-4000-8000-000000000004",
    digest: "d".repeat(64) as never,
    appeared: [{ kind: "template" as const, name: "late" }],
    gone: 2,
    left: 3,
    objections: [],
    approvals: [{ operator: { id: "ci:ada" as never, name: "Ada", ciUserId: null }, at: 5 as never }],
    until: 9 as never,
  };
  const buttons = (more: Partial<DeletionView>): readonly string[] =>
    [...JSON.stringify(renderCard(view("frozen", ["a"], more), "test").blocks).matchAll(/"(deletion_\w+)","text"/g)].map((m) => m[1] ?? "");
  expect(buttons({ frozenFrom: "grace" })).toEqual(["deletion_restore", "deletion_look_again"]);
  expect(buttons({ frozenFrom: "removing" })).toEqual(["deletion_look_again"]);
  expect(buttons({ frozenFrom: "removing", goOn })).toEqual(["deletion_look_again", "deletion_go_on"]);
  expect(buttons({ frozenFrom: "removing", goOn: { ...goOn, objections: ["x is not saved"] } })).toEqual(["deletion_look_again"]);
  const volume = (name: string) => ({ kind: "volume" as const, name });
  const many = Array.from({ length: 26 }, (_x, i) => volume(String(i)));
  expect(buttons({ frozenFrom: "removing", goOn: { ...goOn, appeared: many } })).toEqual(["deletion_look_again"]);
  const long = volume("x".repeat(255));
  expect(buttons({ frozenFrom: "removing", goOn: { ...goOn, appeared: [long] } })).toEqual(["deletion_look_again", "deletion_go_on"]);
  const longs = Array.from({ length: 12 }, () => long);
  expect(buttons({ frozenFrom: "removing", goOn: { ...goOn, appeared: longs } })).toEqual(["deletion_look_again"]);
  // As many as Go on is offered for are all on the card, to their ends.
  const most = Array.from({ length: 9 }, (_x, i) => volume(`${i}${"x".repeat(254)}`));
  expect(buttons({ frozenFrom: "removing", goOn: { ...goOn, appeared: most } })).toEqual(["deletion_look_again", "deletion_go_on"]);
  const shown = JSON.stringify(
    renderCard(view("frozen", ["a"], { frozenFrom: "removing", goOn: { ...goOn, appeared: most } }), "t").blocks,
  );
  for (const { name } of most) expect(shown).toContain(`\`${name}\``);
  const card = renderCard(view("frozen", ["a"], { frozenFrom: "removing", goOn }), "test");
  expect(validateBlocks(card.blocks, "message")).toEqual([]);
  expect(JSON.stringify(card.blocks)).toContain("template `late`");
  expect(JSON.stringify(card.blocks)).toContain("Go on was said by Ada");
  expect(JSON.stringify(renderKeep(view("frozen", ["a"], { frozenFrom: "removing" })).blocks)).not.toContain("deletion_keep");
});

test("what keeps a step back stands on the card with the time since when", () => {
  const card = (waitingSince: number | null) =>
    JSON.stringify(renderCard(view("removing", ["a"], { activity: "still in use", waitingSince: waitingSince as never }), "test").blocks);
  expect(card(60_000)).toContain("*Blocked by:* still in use, since <!date^60^");
  expect(card(60_000)).toContain("*Clears when:* a");
  expect(card(null)).not.toContain("Blocked by");
});

test("answers and windows with hostile texts are taken by Slack", () => {
  fc.assert(
    fc.property(names, (n) => {
      const reply = renderReply({
        title: n[0] ?? "t",
        parts: [
          { kind: "text", text: n.join(" ") || "x" },
          { kind: "fields", rows: n.slice(0, 12).map((x) => ["Label", x] as const) },
          { kind: "list", title: "L", lines: n },
          { kind: "note", text: n[1] ?? "n" },
          { kind: "table", title: n[2] ?? "t", lines: n },
          { kind: "list", title: n[3] ?? "t", lines: n.map((x) => [x, { at: 5 as never, as: "day" as const }, x, { at: 6 as never }]) },
          { kind: "button_line", text: [n[0] ?? "x"], button: { action: "status_keep", text: "Keep", value: "v", label: n[1] ?? "l" } },
        ],
      });
      expect(validateBlocks(reply.blocks, "message")).toEqual([]);
      expect(foreignMarks(reply.blocks)).toEqual([]);
      const memory = {
        id: DeletionId.parse("6f1c9a1e-0000-4000-8000-000000000001"),
        version: 1,
        digest: null,
        name: (n[0] ?? "a").slice(0, 200),
        channel: "C1",
      };
      for (const modal of [typeNameModal(memory, view("proposed", n), { coolOffMs: 1, graceMs: 1 }), deletionReasonModal(memory)])
        expect(validateBlocks(modal.blocks, "modal")).toEqual([]);
    }),
  );
});

test.each(hostile)("%j comes out harmless", (text) => {
  expect(safe(text)).not.toMatch(/[<>]|(?<!\w)[*`~]/);
  expect([...safe(text)].length).toBeLessThan(1600);
});
