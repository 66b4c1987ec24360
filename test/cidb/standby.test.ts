/** Claim INV-6: a standby's rows count only where it is known that they are not old; an idle primary makes nothing old. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { z } from "zod";
import { Standby, whyStale } from "../../src/cidb/standby.ts";
import type { DomainPath } from "../../src/core/ids.ts";
import { placeOf } from "../../src/store/embedded-place.ts";
import { startEmbeddedPostgres } from "../../src/store/embedded.ts";
import { botCi } from "../support/bot.ts";

type Said = z.output<typeof Standby>;
const MINUTE = 60_000;
const primary: Said = {
  ...{ is_standby: false, replay: null, committed_ms: null, has_receiver: false, receiver: null },
  ...{ heard_ms: null, has_heard: null, has_all: null },
};
const standby: Said = { ...primary, is_standby: true, replay: "not paused" };
/** Streams, and heard 20 seconds ago that its primary has no more than it replayed. */
const streams = { has_receiver: true, receiver: "streaming", heard_ms: 20_000, has_heard: true, has_all: true };
/** The same, asked with a role that has no pg_read_all_stats. */
const hidden = { has_receiver: true };

test.each<[string, Said]>([
  ["a primary", primary],
  ["a standby that replayed a commit just now", { ...standby, committed_ms: 500 }],
  ["the same, with a clock a little behind its primary's", { ...standby, committed_ms: -500 }],
  ["one of an idle primary, all night", { ...standby, ...streams, committed_ms: 8 * 60 * MINUTE }],
  ["one of an idle primary, that was restarted", { ...standby, ...streams }],
  ["one whose primary's clock is an hour ahead", { ...standby, ...streams, committed_ms: -60 * MINUTE }],
])("%s is current", (_, said) => {
  expect(whyStale(said)).toBeNull();
});

test.each<[string, Partial<Said>, RegExp]>([
  ["paused", { replay: "paused", committed_ms: 500, ...streams }, /^its replay is paused$/],
  ["about to be paused", { replay: "pause requested", committed_ms: 500, ...streams }, /^its replay is paused$/],
  ["cut off", { committed_ms: 11 * MINUTE }, /^it is not connected to its primary, and the last commit it replayed is 11 minutes old$/],
  ["cut off and restarted", {}, /^it is not connected to its primary, and it has replayed no commit since it started$/],
  ["cut off from a primary whose clock is ahead", { committed_ms: -50 * MINUTE }, /dated 50 minutes from now \(the clocks disagree\)$/],
  ["one whose role sees nothing of the connection", { ...hidden, committed_ms: 11 * MINUTE }, /^its role may not see when it last heard/],
  ["the same, restarted", hidden, /^its role may not see when it last heard/],
  ["one that waits for its primary", { ...streams, receiver: "waiting" }, /^its connection to its primary is waiting/],
  ["one that heard nothing for long", { ...streams, heard_ms: 11 * MINUTE }, /^it has not heard from its primary lately/],
  ["one that connected, and heard nothing yet", { ...streams, heard_ms: 5, has_heard: false }, /^it has not heard from its primary lately/],
  [
    "one that has still to replay",
    { ...streams, has_all: false, committed_ms: 30 * MINUTE },
    /^it has not replayed all .* is 30 minutes old$/,
  ],
  ["one whose primary has not said what it has", { ...streams, has_all: null }, /^it has not replayed all/],
])("%s is not", (_, said, why) => {
  expect(whyStale({ ...standby, ...said })?.why).toMatch(why);
});

test("nothing that is missing makes a standby current", () => {
  const current = { ...standby, ...streams };
  for (const field of ["replay", "receiver", "heard_ms", "has_heard", "has_all"] as const)
    expect(whyStale({ ...current, [field]: null }), field).not.toBeNull();
  expect(whyStale({ ...standby, ...hidden })?.remedy).toContain("grant pg_read_all_stats");
});

test("a real standby that started without its primary: a read is partial, and people are not taken from it", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-standby-"));
  chmodSync(folder, 0o755);
  const data = path.join(folder, "pg");
  await (await startEmbeddedPostgres(data, { fast: true })).stop();
  writeFileSync(path.join(placeOf(data).dir, "standby.signal"), "");
  const server = await startEmbeddedPostgres(data, { fast: true });
  const ci = botCi(server.url(), () => 5);
  try {
    const why =
      /a standby, and it is not connected to its primary, and it has replayed no commit since it started: what it shows may be old/;
    const read = await ci.readDesired({ kind: "fleet", root: "ROOT/ci" as DomainPath });
    expect(read).toMatchObject({ coverage: "partial", reason: expect.stringMatching(why) });
    expect(await ci.listPeople()).toMatchObject({ error: { code: "cidb.stale" } });
  } finally {
    await ci.close();
    await server.stop();
    for (const made of [placeOf(data).dir, folder]) rmSync(made, { recursive: true, force: true });
  }
});
