import { createDatabase } from "../src/store/db.ts";
import { resetDatabase } from "./reset.ts";
import { playSeed, type RunReport } from "./run.ts";

/** What the parent sends: play this seed; and what it hears back. */
export type Answer = { readonly report: RunReport } | { readonly failed: string; readonly seed: number };

const url = process.argv[2] ?? "";
const db = createDatabase(url, { max: 4, onError: () => undefined });

process.on("message", (seed: number) => {
  void (async () => {
    try {
      await resetDatabase(db);
      process.send?.({ report: await playSeed(seed, db) } satisfies Answer);
    } catch (thrown) {
      process.send?.({ failed: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown), seed } satisfies Answer);
    }
  })();
});
process.on("disconnect", () => process.exit(0));
