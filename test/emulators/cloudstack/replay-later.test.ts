import { describe, expect, test } from "vitest";
import { LaterReplay } from "./later-replay.ts";
import { LATER_SCENARIOS } from "./recordings.ts";

describe("the emulator answers as the server recorded later does, each scenario in an installation of its own", () => {
  for (const scenario of LATER_SCENARIOS) {
    test(`scenario ${scenario}`, { timeout: 60_000 }, async () => {
      const found = await new LaterReplay(scenario).run();
      expect(found.map(({ line }) => line)).toEqual([]);
    });
  }
});
