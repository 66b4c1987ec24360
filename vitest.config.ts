import path from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, most of it waiting: they begin first, so that the others fill their waits, and none is left alone at the end. */
const LONGEST = [
  "test/e2e/story",
  "test/e2e/browser",
  "test/e2e/kill",
  "test/bot/second-slack",
  "test/sim/odd",
  "test/sim/even",
  "test/archive/reimport/faults",
  "test/archive/s3-store",
  "test/engine/fail-over",
  "test/engine/engine",
  "test/e2e/july-2017",
  "test/matrix/crash",
  "test/matrix/faults",
  "test/archive/reimport/",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const place = (file: TestSpecification): number => {
      const name = path.relative(import.meta.dirname, file.moduleId);
      const found = LONGEST.findIndex((begin) => name.startsWith(begin));
      return found === -1 ? LONGEST.length : found;
    };
    return bySize.toSorted((a, b) => place(a) - place(b));
  }
}

/**
 * One PostgreSQL server for the run (test/support/global-setup.ts), one database for each file that asks for one.
 *
 * Files share a process: to load the bot again for each of a hundred files would be a third of the work. What a file changes in its process
 * (a listener, the environment), it puts back.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    isolate: false,
    maxWorkers: 3,
    // A larger young generation: a tenth of the work was collecting what lived for a moment.
    execArgv: ["--max-semi-space-size=32"],
    sequence: { sequencer: LongestFirst },
    // A wait for a state is two minutes, and a test has several: a busy machine is no fault of what is tested.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ["default"],
    env: { TZ: "UTC" },
  },
});
