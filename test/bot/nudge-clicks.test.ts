/** Claim: a click on *Make a template* is acknowledged before anything is asked of CloudStack, and what is refused is answered to that person. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nudgeKey } from "../../src/bot/nudges.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { readAudit } from "../../src/store/audit.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { CHANNEL, clickBody, hear, type Heard } from "./heard.ts";

const MACHINE = "6f1c9a1e-0000-4000-8000-00000000000a";
let fresh: FreshDatabase;
let heard: Heard;
let began = 0;
/** When CloudStack was first asked, after the click was sent. Units: milliseconds. */
let askedMs: number | null = null;
let isAway = false;

beforeAll(async () => {
  fresh = await freshDatabase();
  const readMachine = async () => {
    askedMs ??= performance.now() - began;
    return isAway ? err(failure("unavailable", "cloudstack.unreachable", "CloudStack cannot be reached")) : ok(null);
  };
  heard = await hear(fresh.db, { approvers: ["ada", "ben", "dora"], others: ["mia"], change: { templates: { readMachine } } });
  await recordPostedMessage(fresh.db, { key: nudgeKey("mia", 5), channel: CHANNEL, ts: "9.9", digest: "a".repeat(64), at: 1 });
});
afterAll(async () => {
  await heard.close();
  await fresh.drop();
});

/** Presses the button; gives when it was acknowledged, and what was said since. */
async function press(user: string, value: string, ts = "9.9") {
  const before = heard.slack.sent().length;
  askedMs = null;
  began = performance.now();
  const container = { type: "message", channel_id: CHANNEL, message_ts: ts };
  const { ackMs, refused } = await heard.send(clickBody(user, "nudge_make_0", value, { message: { ts }, container }));
  expect(refused).toBeNull();
  return { ackMs, said: JSON.stringify(heard.slack.sent().slice(before)) };
}

test("acknowledged first; that the machine is gone, or that CloudStack does not answer, is said with what to do", async () => {
  const gone = await press("mia", `v1:5:${MACHINE}`);
  expect(askedMs).not.toBeNull();
  expect(gone.ackMs).toBeLessThanOrEqual(askedMs ?? -1);
  expect(gone.said).toContain("CloudStack has no such machine any more");
  isAway = true;
  expect((await press("mia", `v1:5:${MACHINE}`)).said).toContain("CloudStack cannot be reached");
});

test("in another message, by somebody else, or with a value of no machine: nothing is asked of CloudStack, and it is recorded", async () => {
  const refusals = async () => (await readAudit(fresh.db, { limit: 999 })).filter((row) => row.kind.startsWith("refused")).length;
  const before = await refusals();
  for (const forged of [await press("mia", `v1:5:${MACHINE}`, "8.8"), await press("mia", `v1:5:${MACHINE}x`)]) {
    expect(forged.ackMs).not.toBeNull();
    expect(forged.said).toContain("not made by Twokey");
    expect(askedMs).toBeNull();
  }
  expect((await refusals()) - before).toBe(2);
});

test.each([
  ["a message that was forgotten since", "mia", `v1:4:${MACHINE}`],
  ["another person's message", "ada", `v1:5:${MACHINE}`],
])("%s: it says so, and what to do; nothing is asked of CloudStack", async (_what, user, value) => {
  const { said } = await press(user, value);
  expect(said).toContain("too old to be used, or is not yours");
  expect(said).toContain("Use the newest message");
  expect(askedMs).toBeNull();
});
