import { defineConfig } from "vitest/config";

/** One PostgreSQL server for the run (test/support/global-setup.ts), one database for each file that asks for one. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    reporters: ["default"],
    env: { TZ: "UTC" },
  },
});
