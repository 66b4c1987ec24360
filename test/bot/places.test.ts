/** Claims: a channel is found by name with the scopes of one kind only; an export's link never goes into the channel it was asked for in. */
import type { WebClient } from "@slack/web-api";
import { expect, test } from "vitest";
import { ok } from "../../src/core/result.ts";
import { createAnnouncers, type AnnouncerOptions } from "../../src/bot/announcers.ts";
import type { ExportView } from "../../src/archive/export-view.ts";
import { findChannel } from "../../src/bot/slack.ts";

const refused = (error: string): Error => Object.assign(new Error(error), { data: { ok: false, error } });

/** A client whose token may list some kinds of channels. */
const listing = (...kinds: readonly string[]): WebClient =>
  ({
    conversations: {
      list: async ({ types }: { types: string }) => {
        if (types.split(",").some((kind) => !kinds.includes(kind))) throw refused("missing_scope");
        return { channels: [{ id: types === "private_channel" ? "G0PRIVATE" : "C0PUBLIC0", name: "ci-team" }] };
      },
    },
  }) as unknown as WebClient;

test.each([
  [["public_channel"], "C0PUBLIC0"],
  [["private_channel"], "G0PRIVATE"],
] as const)("with the scope to list %s", async (kinds, id) => {
  expect(await findChannel(listing(...kinds), "#ci-team")).toEqual({ ok: true, value: id });
});

test("without any, the answer says to give an id; an id needs no list", async () => {
  const none = await findChannel(listing(), "ci-team");
  expect(none).toMatchObject({ ok: false, error: { code: "slack.missing_scope", remedy: expect.stringContaining("channel's id") } });
  expect(await findChannel(listing(), "C0PUBLIC0")).toEqual({ ok: true, value: "C0PUBLIC0" });
});

test.each([
  ["opened", async () => ({ channel: { id: "D0MIA0004" } }), "D0MIA0004"],
  [
    "refused",
    async () => {
      throw refused("missing_scope");
    },
    "U0MIA0004",
  ],
] as const)("with direct messages %s, an export is shown there", async (_what, open, expected) => {
  const shown: string[] = [];
  const announcers = createAnnouncers({
    client: { conversations: { open } },
    posting: {
      tryNow: async (_key: string, channel: string) => (shown.push(channel), ok(true)),
      correct: async () => undefined,
      settle: async () => undefined,
    },
  } as unknown as AnnouncerOptions);
  const view: ExportView = {
    id: "e" as ExportView["id"],
    ...{
      kind: "template",
      step: null,
      fileName: null,
      isSigned: false,
      isDirect: false,
      copiedAt: null,
      isGone: false,
      others: 0,
      revoked: null,
    },
    state: "ready",
    name: "t",
    project: "aurora" as ExportView["project"],
    totalBytes: 1,
    doneBytes: 1,
    link: "https://x.example/exports/secret",
    linkUntil: null,
    sha256: null,
    problem: null,
  };
  await announcers.export.showExport(view, { user: "U0MIA0004", channel: "C0CIUSERS" } as never);
  expect(shown).toEqual([expected]);
});
