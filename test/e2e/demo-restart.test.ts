/** Claim: the demo goes on where it stood: the same domains, the same policy, and no change of scope to confirm, since its servers are the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

test("stopped and started again, a pass finds nothing to do", async () => {
  const { startWorld } = (await import(path.resolve("dist/demo/world.js"))) as typeof import("../../demo/world.ts");
  const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-again-"));
  const options = { dataDir, coolOffSeconds: 2, graceSeconds: 3, syncEverySeconds: 3600, logLevel: "error", fast: true };
  const runOnce = async () => {
    const world = await startWorld(options);
    try {
      const pass = await world.twokey.runPassNow(null);
      if (!pass.ok) throw new Error(pass.error.message);
      const { state, plan } = pass.value as {
        readonly state: string;
        readonly plan: { readonly holds: readonly { readonly kind: string }[] };
      };
      return { state, holds: plan.holds.map((h) => h.kind), domains: JSON.stringify(world.cloud.tree()).match(/"name":"[a-z]+"/g)?.length };
    } finally {
      await world.stop();
    }
  };
  const first = await runOnce();
  expect(first).toMatchObject({ state: "applied", holds: [] });
  expect(await runOnce()).toEqual({ ...first, state: "unchanged" });
  rmSync(dataDir, { recursive: true, force: true });
});
