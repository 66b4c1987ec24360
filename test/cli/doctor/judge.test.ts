/** Claim: what an emulator cannot be brought to show is judged all the same: dangerous settings, a database that loses locks. */
import { expect, test } from "vitest";
import type { KeyInspector } from "../../../src/cloudstack/read/key-inspector.ts";
import { failure } from "../../../src/core/failure.ts";
import { err, ok } from "../../../src/core/result.ts";
import { examineSettings } from "../../../src/cli/doctor/cloudstack-settings.ts";
import { judgeDatabase } from "../../../src/cli/doctor/own-database.ts";

const settingsOf = (values: Readonly<Record<string, string>>): KeyInspector => ({
  readAccount: async () => err(failure("rejected", "x", "x")),
  readAllowed: async () => ok(null),
  readRole: async () => err(failure("rejected", "x", "x")),
  findRoot: async () => err(failure("rejected", "x", "x")),
  findPath: async () => ok(null),
  readLists: async () => ok([]),
  readSetting: async (name) =>
    values[name] === "away" ? err(failure("unavailable", "cloudstack.timeout", "no answer")) : ok(values[name] ?? "unknown"),
});

test.each([
  ["expunge.delay", "20", "warning", "little time to recover"],
  ["expunge.delay", "86400", "ok", "86400 s"],
  ["default.page.size", "100", "failed", "pages of 500 rows are refused"],
  ["integration.api.port", "8096", "warning", "without a key"],
  ["integration.api.port", "-1", "ok", "closed"],
  ["enforce.post.requests.and.timestamps", "true", "ok", "is on"],
  ["enforce.post.requests.and.timestamps", "false", "ok", "is off"],
  ["api.key.access", "false", "ok", "only keys that are enabled"],
  ["api.allowed.source.cidr.list", "10.0.0.0/8", "ok", "certain addresses only"],
  ["expunge.interval", "away", "failed", "expunge.interval could not be read: no answer"],
])("the setting %s at %s: %s", async (name, value, state, words) => {
  const checks = await examineSettings(settingsOf({ [name]: value }));
  expect(checks).toHaveLength(1);
  expect(checks[0]).toMatchObject({ state, sentence: expect.stringContaining(words) });
});

test("settings that this version does not have say nothing", async () => {
  expect(await examineSettings(settingsOf({}))).toEqual([]);
});

test("a session that loses its locks, and a role that may not make schemas, stop a start", () => {
  const migrations = { applied: ["0001_base"], pending: [], unknown: [], edited: [] };
  const look = { version: "18.4", role: "twokey", migrations, mayMigrate: true, at: 0, readOnly: null, problem: null };
  expect(judgeDatabase(look, 0, false).map((c) => c.state)).toEqual(["ok", "ok", "ok", "ok"]);
  expect(judgeDatabase({ ...look, problem: "a pooler" }, 0, false)[2]).toMatchObject({
    state: "failed",
    remedy: expect.stringContaining("without the pooler"),
  });
  const fresh = { ...migrations, applied: [], pending: ["0001_base"] };
  expect(judgeDatabase({ ...look, migrations: fresh }, 0, false)[1]).toMatchObject({ state: "ok" });
  expect(judgeDatabase({ ...look, migrations: fresh, mayMigrate: false }, 0, false)[1]).toMatchObject({ state: "failed" });
});

test("a role that owns nothing applies no migration: the doctor says who does, at the first start and at an upgrade", () => {
  const migrations = { applied: ["0001_base"], pending: ["0002_sync"], unknown: [], edited: [] };
  const look = { version: "18.4", role: "twokey", migrations, mayMigrate: false, at: 0, readOnly: null, problem: null };
  const upgrade = judgeDatabase(look, 0, false)[1];
  expect(upgrade).toMatchObject({
    state: "failed",
    sentence: "1 migration is pending, and the role twokey may not apply it: the bot would not start",
    remedy: expect.stringMatching(/^Run npx twokey migrate, .*DATABASE_MIGRATION_URL \(docs\/database-roles\.md\)\.$/) as string,
  });
  const first = judgeDatabase({ ...look, migrations: { ...migrations, applied: [] } }, 0, false)[1];
  expect(first).toMatchObject({ state: "failed", remedy: expect.stringContaining("grant create on database … to twokey") as string });
  // With the owner's address the bot migrates by itself.
  expect(judgeDatabase(look, 0, true)[1]).toMatchObject({
    state: "warning",
    sentence: "1 migration is pending; the next start of the bot applies it",
  });
});

test("a clock that differs from the database server's by more than a minute stops every decision", () => {
  const migrations = { applied: ["0001_base"], pending: [], unknown: [], edited: [] };
  const look = { version: "18.4", role: "twokey", migrations, mayMigrate: true, at: 1_000_000, readOnly: null, problem: null };
  expect(judgeDatabase(look, 1_060_000, false).at(-1)).toMatchObject({ state: "ok", sentence: expect.stringContaining("60 s ahead of") });
  expect(judgeDatabase(look, 1_060_001, false).at(-1)).toMatchObject({ state: "failed", remedy: expect.stringContaining("NTP") });
  expect(judgeDatabase(look, 900_000, false).at(-1)).toMatchObject({ state: "failed", sentence: expect.stringContaining("100 s behind") });
});
