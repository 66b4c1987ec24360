/** Claim: every message of an export is as the golden file has it, within Slack's limits, and no name in it is read as a mark or a mention. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import type { ExportView } from "../../src/archive/export-view.ts";
import { fileNameOf } from "../../src/archive/file-name.ts";
import { renderExport, renderExportEnd } from "../../src/bot/render/export.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import { answerExport } from "../../src/commands/export-template.ts";
import { failure } from "../../src/core/failure.ts";
import type { Slug } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";

const at = (n: number) => n as NonNullable<ExportView["copiedAt"]>;
const view: ExportView = {
  id: "6f1c9a1e-0000-4000-8000-000000000001" as ExportView["id"],
  kind: "template",
  name: "aurora-img",
  project: "aurora" as Slug,
  state: "waiting",
  step: null,
  doneBytes: 0,
  totalBytes: 5_000_000_000,
  ...{ sha256: null, fileName: null, link: null, linkUntil: null, isSigned: false, isDirect: false, problem: null },
  ...{ copiedAt: null, isGone: false, others: 0, revoked: null },
};
const ready: ExportView = {
  ...view,
  state: "ready",
  doneBytes: 5_000_000_000,
  sha256: "0".repeat(64),
  fileName: "aurora-img.qcow2",
  link: "https://twokey.example.org/exports/id/token",
  linkUntil: at(1_768_057_440_000),
};
const views: Readonly<Record<string, ExportView>> = {
  waiting: view,
  "asking CloudStack": { ...view, state: "saving", step: "asking" },
  "two of them wait for it": { ...view, state: "saving", step: "copying", doneBytes: 1_200_000_000, others: 2 },
  "of unknown size": { ...view, state: "saving", step: "copying", doneBytes: 1_200_000_000, totalBytes: null },
  checking: { ...view, state: "saving", step: "checking" },
  ready,
  "at once": { ...ready, copiedAt: at(1_767_000_000_000) },
  "from the archive": { ...ready, copiedAt: at(1_767_000_000_000), isGone: true },
  "from the bucket": { ...ready, isSigned: true },
  "by the bucket's own address": { ...ready, isSigned: true, isDirect: true },
  "no address": { ...ready, link: null, problem: "It is saved, but nobody could open a link to it." },
  failed: { ...view, state: "failed", problem: "It could not be fetched. Try again.\nIn detail: the download could not be opened." },
  revoked: { ...ready, link: null, state: "revoked", revoked: { at: at(1_768_000_000_000), by: "Mia" } },
  "revoked, with a bucket": { ...ready, link: null, state: "revoked", isSigned: true, revoked: { at: at(1_768_000_000_000), by: "Mia" } },
};

test("every message", async () => {
  const lines = Object.entries(views).map(([what, v]) => {
    const { text, blocks } = renderExport(v);
    expect(validateBlocks(blocks, "message"), what).toEqual([]);
    return `${what}\n${JSON.stringify({ text, blocks }, null, 1)}`;
  });
  const { text, blocks } = renderExportEnd(ready);
  expect(validateBlocks(blocks, "message")).toEqual([]);
  lines.push(`the progress, once it has ended\n${JSON.stringify({ text, blocks }, null, 1)}`);
  lines.push(`the progress, once it has failed\n${JSON.stringify(renderExportEnd({ ...view, state: "failed" }), null, 1)}`);
  await expect(`${lines.join("\n\n")}\n`).toMatchFileSnapshot("golden/exports.txt");
});

const names = fc.oneof(
  fc.constantFrom(
    "<!channel>",
    "<https://evil.example|ok>",
    "```x```",
    "*b* _i_",
    "\u202Egpj",
    "x".repeat(5000),
    "",
    '"; rm -rf ~ #',
    "`id`",
  ),
  fc.string({ unit: "binary", maxLength: 300 }),
);

test("whatever a thing is called, Slack takes every message, and nothing in it is read as anything but a name", () => {
  fc.assert(
    fc.property(names, (name) => {
      for (const one of Object.values(views)) {
        const fileName = one.fileName === null ? null : fileNameOf(name, "QCOW2");
        const { blocks } = renderExport({ ...one, name, fileName, problem: one.problem === null ? null : name });
        expect(validateBlocks(blocks, "message")).toEqual([]);
        const all = JSON.stringify(blocks, (key, v: unknown) =>
          key === "accessibility_label" || (v as { type?: string } | null)?.type === "plain_text" ? "" : v,
        );
        expect(all).not.toMatch(/<!channel>|<https:\/\/evil/);
        expect((all.match(/```/g) ?? []).length % 2).toBe(0);
        expect(all).not.toContain("\u202E");
        for (const [, line = ""] of all.matchAll(/```(.*?)```/g))
          expect(line).toMatch(/^echo \\"[0-9a-f]{64} {2}[^\s"'$`\\;|&<>()]+\\" \| sha256sum -c$/);
      }
    }),
  );
});

const asker = { operator: { id: "ci:mia", name: "mia", ciUserId: "mia" }, isTeam: false } as never;
const place = { channel: "C1", user: "U1" };
const many = Array.from({ length: 101 }, (_, n) => ({
  kind: "template",
  id: `t-${n}`,
  name: `t-${n}`,
  project: "aurora",
  bytes: 5,
  savedAt: null,
}));
const twins = ["1a2b3c4d-0000-4000-8000-000000000001", "9f8e7d6c-0000-4000-8000-000000000001"].map((id) => ({
  ...{ kind: "template", id, name: "golden", project: "aurora", bytes: 5, savedAt: null },
}));
const answered = (
  found: unknown,
  projects: readonly unknown[] = [{ slug: "aurora" }],
  slug: string | null = null,
  name: string | null = null,
) => {
  const exports = { choices: async () => found, templates: async () => found };
  return answerExport(asker, slug as Slug, name, { exports, projects: { projectsOf: async () => ok(projects) } } as never, place);
};

test.each<[string, () => ReturnType<typeof answered>, RegExp]>([
  ["nobody's project", () => answered(ok([]), []), /You have no project here/],
  ["no template", () => answered(ok([])), /There is no template to export/],
  ["CloudStack away", () => answered(err(failure("unavailable", "x", "CloudStack does not answer"))), /CloudStack does not answer/],
  ["another name", () => answered(ok(many), [], "aurora", "no"), /No template has that name/],
  ["some", () => answered(ok(many.slice(0, 3))), /"external_select".*"min_query_length":0/],
  ["some of one project", () => answered(ok(many.slice(0, 3)), [], "aurora"), /"static_select".*t-2 \(5 B\)/],
  [
    "two of one name and size",
    () => answered(ok(twins), [], "aurora", "golden"),
    /2 templates have that name.*golden \(5 B, id 1a2b3c4d\).*golden \(5 B, id 9f8e7d6c\)/,
  ],
  [
    "two alike among others",
    () => answered(ok([...many.slice(0, 1), ...twins]), [], "aurora"),
    /t-0 \(5 B\).*golden \(5 B, id 1a2b3c4d\).*golden \(5 B, id 9f8e7d6c\)/,
  ],
  ["more than a menu holds", () => answered(ok(many), [], "aurora"), /"external_select"/],
])("the answer where there is %s", async (_what, answer, expected) => {
  const { text, blocks } = renderReply(await answer());
  expect(validateBlocks(blocks, "message")).toEqual([]);
  expect(JSON.stringify([text, blocks])).toMatch(expected);
});
