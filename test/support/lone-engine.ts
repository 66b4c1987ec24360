import { createEngine, type Engine } from "../../src/engine/engine.ts";

/** An engine that is not started yet, on a prepared database, whose fatal errors fail the test. */
export function loneEngine(url: string): Engine {
  return createEngine({
    url,
    executorId: `e-${crypto.randomUUID()}`,
    applicationVersion: "1",
    migrates: false,
    now: Date.now,
    onEvent: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
}
