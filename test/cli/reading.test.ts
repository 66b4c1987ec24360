/**
 * Claims: what people look up at the terminal is there as lines and as JSON; wrong filters are refused with a sentence; looking migrates
 * nothing and changes nothing, also in a database of another version.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { openOne } from "../support/deletions.ts";
import { twokey } from "../support/terminal.ts";
import { startStoredLife, type StoredLife } from "./stored-life.ts";

let fresh: FreshDatabase;
let life: StoredLife;
beforeAll(async () => {
  fresh = await freshDatabase();
  life = await startStoredLife(fresh, 5);
  life.join();
  await life.pass();
  await openOne(fresh.db, { name: "alpha" });
});
afterAll(() => fresh.drop());

const json = async (...args: string[]): Promise<unknown> => JSON.parse((await life.terminal(...args, "--json")).out);
type Row = { readonly seq: number; readonly kind: string; readonly actor: string; readonly subject: string; readonly at: string };

test.each([
  [["audit", "list", "--since", "yesterday"], /--since yesterday is not a time \(such as 2026-07-01/],
  [["audit", "list", "--since", "2026-02-01", "--until", "2026-01-01"], /--since must lie before --until/],
  [["audit", "list", "--limit", "0"], /--limit 0 is not a number from 1 to/],
  [["audit", "list", "--limit", "many"], /--limit many is not a number/],
  [["audit", "show", "first"], /first is no number of a row/],
  [["audit", "show", "999999"], /There is no row 999999/],
])("%j is refused with what to write", async (args, words) => {
  expect(await life.terminal(...args)).toMatchObject({ code: 2, out: "", err: expect.stringMatching(words) as string });
});

test("nothing is looked up, or migrated, where there are no tables, or those of another version", async () => {
  const empty = await emptyDatabase();
  for (const args of [["status"], ["policy"], ["deletions"], ["audit", "list"], ["audit", "verify"], ["resume"], ["replay"]]) {
    const ran = await twokey(args, { DATABASE_URL: empty.url });
    expect(ran, args.join(" ")).toMatchObject({ code: 2, out: "", err: expect.stringContaining("has no tables of Twokey") as string });
  }
  await empty.db.exec("create schema twokey");
  await empty.db.exec("create table twokey.pgmigrations (name text)");
  await empty.db.exec("insert into twokey.pgmigrations values ('0001_base'), ('9999_later')");
  const newer = await twokey(["status"], { DATABASE_URL: empty.url });
  expect(newer).toMatchObject({ code: 1, err: expect.stringContaining("migrated by a newer version (9999_later)") as string });
  const away = await twokey(["policy", "--json"], { DATABASE_URL: "postgres://twokey:hunter2hunter2@127.0.0.1:1/x" });
  expect(away).toMatchObject({ code: 1, out: "" });
  expect(away.err).not.toContain("hunter2");
  await empty.drop();
});

test("audit list: the newest rows, by kind, actor, subject and time; audit show: one with its data and hashes", async () => {
  const all = (await json("audit", "list", "--limit", "100000")) as readonly Row[];
  expect(all.length).toBeGreaterThan(2);
  expect(all.map((r) => r.seq)).toEqual(all.map((r) => r.seq).toSorted((a, b) => a - b));
  const ended = all.find((r) => r.kind === "pass.ended");
  if (ended === undefined) throw new Error("no pass has ended");
  expect(await json("audit", "list", "--kind", "pass.ended")).toEqual([ended]);
  const changes = (await json("audit", "list", "--kind", "change.*", "--limit", "2")) as readonly Row[];
  expect(changes).toHaveLength(2);
  expect(changes.every((r) => r.kind.startsWith("change."))).toBe(true);
  expect(((await json("audit", "list", "--subject", ended.subject)) as readonly Row[]).every((r) => r.subject === ended.subject)).toBe(
    true,
  );
  expect(((await json("audit", "list", "--actor", ended.actor)) as readonly Row[]).map((r) => r.seq)).toContain(ended.seq);
  expect(await json("audit", "list", "--until", "2000-01-01")).toEqual([]);
  expect(await json("audit", "list", "--kind", "%")).toEqual([]);
  const lines = await life.terminal("audit", "list", "--limit", "1");
  expect(lines.out).toMatch(new RegExp(`^ +${all.at(-1)?.seq} {2}\\S+Z {2}${all.at(-1)?.kind}`));
  expect(lines.err).toContain("The newest 1 are shown; --limit shows more.");
  expect(await json("audit", "show", String(ended.seq))).toMatchObject({
    ...ended,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect((await life.terminal("audit", "show", String(ended.seq))).out).toMatch(/kind +pass\.ended\n[^]*hash +[0-9a-f]{64}\ndata\n\{/);
  expect(await json("audit", "verify")).toMatchObject({ intact: true, rows: all.length });
});

test("deletions, status, policy, resume and replay say the same as lines and as JSON", async () => {
  expect(await json("deletions")).toEqual([
    expect.objectContaining({ project: "alpha", path: "ROOT/ci/alpha", phase: "archiving", quorum: 2, approvals: [] }),
  ]);
  expect((await life.terminal("deletions")).out).toContain("alpha  ROOT/ci/alpha  archiving");
  const status = (await json("status")) as Record<string, unknown>;
  expect(status).toMatchObject({ stop: null, deletions: [{ phase: "archiving", count: 1 }], policyVersion: expect.any(Number) as number });
  expect(status["lastCompleteRead"]).toMatch(/^\d{4}-.*Z$/);
  const lines = (await life.terminal("status")).out;
  expect(lines).toContain("Nothing is stopped.\n");
  expect(lines).toMatch(/^deletions under way +archiving 1 \(oldest since \S+Z\)$/m);
  expect(lines).toMatch(/^ {2}deletions per day +0 of \d+$/m);
  const policy = (await json("policy")) as { settings: { name: string; value: string }[]; openChanges: unknown };
  expect(policy.openChanges).toBeInstanceOf(Array);
  expect(policy.settings.map((s) => s.name)).toContain("protected-domains");
  expect((await life.terminal("policy")).out).toMatch(
    /^The policy in force is version \d+, since .*\n(?: {2}.+\n)+(?:No change is proposed\.|Proposed \()/,
  );
  expect(await json("resume")).toEqual({ stopped: false });
  expect(await json("replay")).toEqual([
    expect.objectContaining({ id: expect.any(String) as string, state: expect.any(String) as string }),
  ]);
});

test("a stop is in each of them", async () => {
  await life.terminal("stop", "a look");
  expect(await life.terminal("resume", "--json")).toMatchObject({ code: 1 });
  expect(await json("status")).toMatchObject({ stop: { stops: [{ reason: "a look" }], votes: [] } });
  expect((await life.terminal("status")).out).toMatch(/^Everything is stopped:\n.*a look/);
});
