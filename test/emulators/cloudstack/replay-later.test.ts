import { describe, expect, test } from "vitest";
import { LaterReplay } from "./later-replay.ts";
import { STILL_DIFFERENT } from "./still-different.ts";
import { LATER_SCENARIOS } from "./recordings.ts";

describe("the emulator answers as the server recorded later does, each scenario in an installation of its own", () => {
  for (const scenario of LATER_SCENARIOS) {
    const differs = STILL_DIFFERENT[scenario] ?? [];
    test(`scenario ${scenario}`, { timeout: 60_000 }, async () => {
      const found = await new LaterReplay(scenario).run();
      const unexpected = found.filter(({ index }) => !differs.includes(index));
      expect(unexpected.map(({ line }) => line)).toEqual([]);
      expect([...new Set(found.map(({ index }) => index))], "every exchange that is excused still differs").toEqual(differs);
    });
  }
});
