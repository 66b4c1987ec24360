/** Claim: a stop is one message, updated in place until it is over; what an update tells nobody of is said in its thread. */
import { expect, test } from "vitest";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import type { Rendering } from "../../src/bot/render/plan.ts";
import { createEvents } from "../../src/events.ts";
import { ok } from "../../src/core/result.ts";
import type { StopView } from "../../src/sync/execution/stop-view.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { eventually } from "../support/eventually.ts";

const first = { at: 1, name: "Dora", reason: "disk full <!channel> *now*" };
const stopped: StopView = { id: 7, stops: [first], resumed: null, votes: [], need: 2, onTheirWay: ["destroy machine vm1"] };

test("one message for a stop, whatever becomes of it; further stops and the resume are said in its thread", async () => {
  const shown: { readonly key: string; readonly channel: string; readonly message: Rendering }[] = [];
  const notes: string[] = [];
  const { stop } = createAnnouncers({
    posting: {
      show: async (key, channel, message) => void shown.push({ key, channel, message }),
      correct: async () => undefined,
      showNow: async () => ok(true),
      tryNow: async () => ok(true),
      note: async (key, noteKey, text) => void notes.push(`${key} ${noteKey}: ${text}`),
      say: async () => true,
      file: async () => ok(null),
      settle: async () => undefined,
      stop: () => undefined,
    },
    client: {} as never,
    identity: {} as never,
    channel: "C1",
    environment: "test",
    events: createEvents("silent", "test"),
    membersOf: async () => ok([]),
    db: null as never,
    now: () => 1 as never,
  });
  const both = [first, { at: 2, name: "Eve", reason: "me too" }];
  stop.showStop(stopped);
  stop.showStop({ ...stopped, stops: both, onTheirWay: [] });
  stop.showStop({ ...stopped, stops: both, onTheirWay: [], resumed: { names: "Ada and Ben", at: 3 } });
  await eventually("all is told", () => notes.some((n) => n.includes("Resumed")));
  expect(new Set(shown.map((s) => `${s.key} ${s.channel}`))).toEqual(new Set(["stop:7 C1"]));
  expect(notes).toContain("stop:7 stop 2: Eve stopped it too: me too");
  expect(notes).toContain("stop:7 resumed: Resumed by Ada and Ben.");
  const [before, still, over] = shown.map((s) => JSON.stringify(s.message));
  expect(before).toContain("not yet known to have ended: destroy machine vm1");
  expect(still).toContain("Everything stands still");
  for (const word of ["Ada and Ben", "Dora", "disk full", "Eve", "me too"]) expect(over).toContain(word);
});

test("what people typed and how much of it there is cannot break the message", async () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ at: i, name: "Dora\u202e", reason: `${"<!here> `x` ".repeat(80)}${i}` }));
  const shown: Rendering[] = [];
  const posting = {
    show: async (_k: string, _c: string, m: Rendering) => void shown.push(m),
    note: async (_k: string, _n: string, text: string) => void notes.push(text),
  };
  const notes: string[] = [];
  const { stop } = createAnnouncers({ posting, channel: "C1", environment: "test" } as never);
  stop.showStop({ ...stopped, stops: many, onTheirWay: many.map((m) => m.reason) });
  const [message] = shown;
  expect(validateBlocks(message?.blocks ?? [], "message")).toEqual([]);
  await eventually("all is told", () => notes.length === many.length - 1);
  expect(JSON.stringify(message?.blocks)).not.toContain("<!here>");
});
