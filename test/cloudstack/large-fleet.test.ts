/** A fleet of 5,000 domains with 20,000 accounts is read whole, several pages at a time. How long it takes is measured by `npm run bench`. */
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { expect, test } from "vitest";
import { startCloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { ok } from "../../src/core/result.ts";
import { createCloudStackReader } from "../../src/cloudstack/read/reader.ts";
import { completeObserved } from "../../src/sync/planning/observed.ts";
import { optionsFor, valueOf } from "./support.ts";

test("5,000 domains with 20,000 accounts are read to the end, at least two pages at a time, limits included", async () => {
  const emulator = await startCloudStackEmulator({ port: 0 });
  try {
    const ci = addManagedRoot(emulator);
    for (let i = 0; i < 5_000; i += 1) {
      const domain = emulator.addDomain({ name: `p${i}`, parent: ci });
      for (let j = 0; j < 4; j += 1) emulator.addAccount({ domain, name: `u${i}-${j}` });
    }
    let open = 0;
    let openAtMost = 0;
    const beforeCall = async () => {
      openAtMost = Math.max(openAtMost, ++open);
      return ok(undefined);
    };
    const onCall = () => void (open -= 1);
    const reader = createCloudStackReader(optionsFor({ url: emulator.url, ...keysOf(emulator).read }, { beforeCall, onCall }));
    const report = valueOf(await reader.readFleet({ withLimits: true }));
    expect([report.domains.length, report.accounts.filter((a) => a.domainId !== ci).length, completeObserved(report).ok]).toEqual([
      5_000,
      20_000,
      true,
    ]);
    expect(openAtMost).toBeGreaterThanOrEqual(2);
  } finally {
    await emulator.close();
  }
});
