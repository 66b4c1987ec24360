import { createDatabase } from "../../src/store/db.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { keepLockSession } from "./lock-session.ts";
import { resetDatabase } from "./reset.ts";
import { playSeed, type RunReport } from "./run.ts";

/** What the parent sends: play this seed; and what it hears back. */
export type Answer = { readonly report: RunReport } | { readonly failed: string; readonly seed: number };

const url = process.argv[2] ?? "";
const owner = createDatabase(url, { max: 1, onError: () => undefined });
/** The bot's own rights in the database, no more. */
const bot = prepareStore({ url, migrationUrl: null }, async () => undefined).then((p) =>
  keepLockSession(createDatabase(p.url, { max: 4, onError: () => undefined }), p.url),
);

process.on("message", (seed: number) => {
  void (async () => {
    try {
      await resetDatabase(owner);
      process.send?.({ report: await playSeed(seed, await bot, owner) } satisfies Answer);
    } catch (thrown) {
      process.send?.({ failed: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown), seed } satisfies Answer);
    }
  })();
});
process.on("disconnect", () => process.exit(0));
