/** Claim: every text by which people are called, and what the bot says of itself, is as the golden file has it (`-u` writes it again). */
import { expect, test } from "vitest";
import { renderHere, type HereView } from "../../src/bot/render/here.ts";
import { noticeSentence } from "../../src/bot/render/notice.ts";
import { standingBlocks } from "../../src/bot/render/standing.ts";
import type { Instant } from "../../src/core/ids.ts";
import type { State } from "../../src/store/notices.ts";

const at = (time: string): Instant => Date.parse(`2026-01-10T${time}:00Z`) as Instant;
const none = { key: "k", shownAs: "s", id: "i", reason: null, until: null, passes: false };

/** Each kind with each subject that it has, with and without what may be missing. */
const states: readonly State[] = [
  { ...none, kind: "card", subject: "deletion", about: "ROOT/ci/a", until: at("15:04") },
  { ...none, kind: "card", subject: "policy", about: "deletions-per-day", until: at("15:04") },
  { ...none, kind: "card", subject: "go_on", about: "ROOT/ci/a", until: at("15:04"), reason: "a volume is left" },
  { ...none, kind: "card", subject: "resume", about: "everything", reason: "Ada" },
  { ...none, kind: "expiring", subject: "deletion", about: "ROOT/ci/a", until: at("15:04") },
  { ...none, kind: "expiring", subject: "policy", about: "deletions-per-day", until: at("15:04") },
  { ...none, kind: "expiring", subject: "go_on", about: "ROOT/ci/a", until: at("15:04") },
  { ...none, kind: "frozen", subject: "deletion", about: "ROOT/ci/a", reason: "a machine runs" },
  { ...none, kind: "frozen", subject: "deletion", about: "ROOT/ci/a" },
  { ...none, kind: "stopped", subject: "stop", about: "everything", reason: "disk full; another disk" },
  { ...none, kind: "held", subject: "plan", about: "the plan", reason: "1201 changes in one pass; the limit is 200" },
  { ...none, kind: "held", subject: "plan", about: "the plan" },
];

test("calls for people", async () => {
  const lines = states.map((s) => `${s.kind} ${s.subject}: ${noticeSentence(s)}`);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("golden/calls.txt");
});

test("how it stands with a message", async () => {
  const standing = { since: null, tries: 0, over: [], toldAnew: null };
  const over = [{ since: at("14:18"), until: at("15:04"), sentence: "CloudStack was not read completely: <@U1> 503" }];
  const found = [
    standingBlocks({ standing: { ...standing, since: at("15:04"), tries: 1 } }),
    standingBlocks({ standing: { ...standing, since: at("15:04"), tries: 12 } }),
    standingBlocks({ standing: { ...standing, over } }),
    standingBlocks({ standing: { ...standing, toldAnew: at("16:00") } }),
    standingBlocks({ ended: [{ key: "k", since: at("14:18") }] }),
    standingBlocks({ ended: [{ key: "k", since: at("14:18"), isBack: true }] }),
  ];
  await expect(`${JSON.stringify(found, null, 1)}\n`).toMatchFileSnapshot("golden/standing.txt");
});

test("I am here", async () => {
  const view: HereView = {
    ...{ environment: "production", version: "1.2.3", root: "ROOT/ci", sizes: { projects: 400, domains: 398 }, reported: [], need: 2 },
    ...{
      approvers: ["Ada Novak", "Ben <!channel>"],
      everyMs: 300_000,
      firstPass: "nothing to change",
      problems: [],
      startedAt: at("15:04"),
    },
  };
  const found = [
    renderHere(view),
    renderHere({
      ...view,
      sizes: null,
      reported: ["changes are only reported: TWOKEY_MODE is report"],
      approvers: null,
      everyMs: 90_000,
      firstPass: null,
      problems: ["Nothing can be saved"],
    }),
  ];
  expect(JSON.stringify(found)).not.toContain("<!channel>");
  // One reason for all is said once; different ones each with what they are for.
  const modeOf = (reported: readonly string[]) => JSON.stringify(renderHere({ ...view, reported }));
  expect(modeOf(["passes are only reported: TWOKEY_MODE is report", "nothing is saved: TWOKEY_MODE is report"])).toContain(
    "passes are only reported, nothing is saved: TWOKEY_MODE is report",
  );
  expect(modeOf(["passes are only reported: A is left out", "nothing is saved: B is left out"])).toContain(
    "passes are only reported: A is left out; nothing is saved: B is left out",
  );
  await expect(`${JSON.stringify(found, null, 1)}\n`).toMatchFileSnapshot("golden/here.txt");
});
