/** Claim: how far a command is shows as one bar on a terminal, as lines anywhere else, and not at all in what a script reads. */
import { expect, test } from "vitest";
import type { CliIo } from "../../src/cli/command.ts";
import { progressOf, saying } from "../../src/cli/progress.ts";

function terminal(columns: number | null): { readonly io: CliIo; now: number; out: string; err: string } {
  const seen = { now: 0, out: "", err: "" };
  const io = { out: (t: string) => (seen.out += t), err: (t: string) => (seen.err += t), columns, now: () => seen.now };
  return Object.assign(seen, { io: io as unknown as CliIo });
}

test("without a terminal each line stays a line, and a script gets none", () => {
  const t = terminal(null);
  progressOf(t.io, false).say("[1/2] domain a: done\u001b[2J", { done: 1, total: 2 });
  expect(t).toMatchObject({ out: "[1/2] domain a: done [2J\n", err: "" });
  progressOf(t.io, true).say("[2/2] domain b: done", { done: 2, total: 2 });
  expect(t.out).not.toContain("domain b");
});

test("on a terminal one line is written again and again, with the time that is left, never wider than the terminal", () => {
  const t = terminal(60);
  const progress = progressOf(t.io, false);
  t.now = 10_000;
  progress.say("domain a: done", { done: 100, total: 400 });
  expect(t.err).toBe("\r\u001b[K[######------------------] 100/400, about 30 s left  domain");
  t.err = "";
  t.now = 600_000;
  progress.say("domain b: done", { done: 150, total: 400 });
  expect(t.err).toContain("150/400, about 17 min left");
  progress.say("a word without a number");
  expect(t.err).toMatch(/\u001b\[Ka word without a number\n\[#########-+\] 150\/400/);
  progress.say("domain z: done", { done: 400, total: 400 });
  expect(t.err).toContain(`[${"#".repeat(24)}] 400/400  domain z`);
  t.err = "";
  progress.end();
  expect(t).toMatchObject({ out: "", err: "\r\u001b[K" });
});

test("what is waited for is one line on a terminal, taken away at its end, also where it fails; anywhere else nothing", async () => {
  const t = terminal(20);
  expect(await saying(t.io, "Reading both sides, and planning", Promise.resolve(3))).toBe(3);
  expect(t).toMatchObject({ out: "", err: "\r\u001b[KReading both sides,\r\u001b[K" });
  t.err = "";
  await expect(saying(t.io, "Reading", Promise.reject(new Error("away")))).rejects.toThrow("away");
  expect(t.err).toBe("\r\u001b[KReading\r\u001b[K");
  const log = terminal(null);
  await saying(log.io, "Reading", Promise.resolve());
  expect(log).toMatchObject({ out: "", err: "" });
});

test("with nothing to do nothing is drawn, and nothing taken away", () => {
  const t = terminal(80);
  progressOf(t.io, false).end();
  expect(t).toMatchObject({ out: "", err: "" });
});
