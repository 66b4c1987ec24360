/**
 * Claim: an odd text of the CI database where an id belongs stops no pass, neither while it is there nor when it is corrected: the others go
 * on, and nothing is proposed of a project whose closing cannot be named.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { assemble } from "../../src/cidb/assemble.ts";
import type { ProjectRow } from "../../src/cidb/wire.ts";
import type { Instant } from "../../src/core/ids.ts";
import { readLiveDeletions } from "../../src/store/deletions.ts";
import { completeDesired } from "../../src/sync/planning/desired.ts";
import type { FreshDatabase } from "../support/database.ts";
import { configOf, putInForce } from "../support/bot.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids, service } from "./people.ts";

const views = { projects: "p", users: "u", memberships: "m" };
let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const row = (id: string, slug: string): ProjectRow => ({
  ...{ id, slug, name: "G", state: "active", closed_at: null, closed_by: null, limits: null },
});
const person = (id: string, username: string) => ({
  ...{ id, username, email: `${username}@example.org`, first_name: "F", last_name: "L", enabled: true, slack_id: null },
});
const member = (project: string, user: string) => ({ project_id: project, user_id: user, role: "member" });

/** A service with one project, and a bot that reads odd rows besides while there are some. */
function withRows(
  odd: () => { readonly projects: readonly ProjectRow[]; readonly users: readonly string[]; readonly seats: readonly string[][] },
) {
  const s = service(fresh.db, { p1: ["mia", "tom"], gone: ["x"] });
  const bot = s.bot(configOf(), {
    enqueue: async () => undefined,
    ci: {
      readDesired: async (scope) => {
        const members = [...(s.projects["p1"]?.members ?? [])];
        const { projects, users, seats } = odd();
        const all = [row("p1", "p1"), ...projects];
        const made = assemble(
          all,
          [...members.map((m) => person(m, m)), ...users.map((id) => person(id, "oddone"))],
          [...members.map((m) => member("p1", m)), ...seats.map(([project = "", user = ""]) => member(project, user))],
          views,
        );
        const n = { projects: all.length, memberships: 0 };
        const done = completeDesired({ scope: scope as never, ...made, counted: n, rows: n, asOf: s.now as Instant });
        if (!done.ok) throw new Error(done.error.sentence);
        return done.value;
      },
    },
  });
  return { s, bot };
}

const long = "u".repeat(201);
test.each([
  ["a user whose id is an empty text", "good", ""],
  ["a user whose id has 201 characters", "good", long],
  ["a user whose id has a line feed", "good", "u\n1"],
  ["a project whose id has 201 characters", long, "odd"],
  ["a project whose id is an empty text", "", "odd"],
])("%s: the others' passes go on, now and when the row is corrected", async (_what, projectId, userId) => {
  const now = { project: null as string | null, user: "" };
  const { s, bot } = withRows(() =>
    now.project === null
      ? { projects: [], users: [], seats: [] }
      : { projects: [row(now.project, "good")], users: [now.user], seats: [[now.project, now.user]] },
  );
  await s.pass(bot);
  Object.assign(now, { project: projectId, user: userId });
  s.projects["p1"]?.members.add("new1");
  await s.pass(bot);
  expect(s.accounts.has(ids("p1", "new1").account)).toBe(true);
  Object.assign(now, { project: "good", user: "odd" });
  s.projects["p1"]?.members.add("new2");
  await s.pass(bot);
  expect(s.accounts.has(ids("p1", "new2").account)).toBe(true);
});

test.each([
  ["an empty text", "", 1],
  ["a text with a line feed", "u\n3", 0],
  ["a text of 201 characters", "closed by ada ".padEnd(201, "x"), 0],
])("closed_by is %s: the others' passes go on, now and when the row is corrected", async (_what, closedBy, opened) => {
  let gone: Partial<ProjectRow> = {};
  const { s, bot } = withRows(() => ({ projects: [{ ...row("gone", "gone"), ...gone }], users: ["x"], seats: [["gone", "x"]] }));
  await s.pass(bot);
  Object.assign(s.projects["gone"] ?? {}, { state: "closed" });
  gone = { state: "closed", closed_at: 1, closed_by: closedBy };
  s.projects["p1"]?.members.add("new1");
  await s.pass(bot);
  expect(s.accounts.has(ids("p1", "new1").account)).toBe(true);
  expect(await readLiveDeletions(fresh.db)).toHaveLength(opened);
  gone = { state: "closed", closed_at: 1, closed_by: null };
  s.projects["p1"]?.members.add("new2");
  await s.pass(bot);
  expect(s.accounts.has(ids("p1", "new2").account)).toBe(true);
});
