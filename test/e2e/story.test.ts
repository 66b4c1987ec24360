/** Claim: the whole story, as `npm run story` tells it, holds from a clean start and ends within its time, with exit code 0. */
import { spawn } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

test("npm run story exits 0, and every step is told", async () => {
  const child = spawn(process.execPath, [path.resolve("dist/demo/story.js")], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (d: Buffer) => (out += d.toString()));
  child.stderr.on("data", (d: Buffer) => (out += d.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  expect(code, out).toBe(0);
  for (const step of ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "9.", "Every step passed"])
    expect(out).toContain(`\n${step}`.slice(step === "1." ? 1 : 0));
  expect(out).not.toMatch(/xox[ab]-|xapp-|\/userdata\//);
});
