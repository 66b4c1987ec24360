/** A fleet of 5,000 domains with 20,000 accounts is read in the time that a pass has for it. */
import { expect, test } from "vitest";
import { startCloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createCloudStackReader } from "../../src/cloudstack/reader.ts";
import { completeObserved } from "../../src/sync/planning/observed.ts";
import { optionsFor, valueOf } from "./support.ts";

/** The whole pass has 5 s; the read may not need all of it, on this machine with the emulator in the same process. Units: ms. */
const READ_MS_MAX = 4_000;

test("5,000 domains with 20,000 accounts are read within the limit, limits included", { timeout: 60_000 }, async () => {
  const emulator = await startCloudStackEmulator({ port: 0 });
  try {
    const ci = emulator.addDomain({ name: "ci" });
    for (let i = 0; i < 5_000; i += 1) {
      const domain = emulator.addDomain({ name: `p${i}`, parent: ci });
      for (let j = 0; j < 4; j += 1) emulator.addAccount({ domain, name: `u${i}-${j}` });
    }
    const reader = createCloudStackReader(optionsFor({ url: emulator.url, ...emulator.admin }));
    const start = performance.now();
    const report = valueOf(await reader.readFleet({ withLimits: true }));
    const took = performance.now() - start;
    expect([report.domains.length, report.accounts.length, completeObserved(report).ok]).toEqual([5_000, 20_000, true]);
    expect(took).toBeLessThan(READ_MS_MAX);
  } finally {
    await emulator.close();
  }
});
