/**
 * Claims: a seed file that cannot be used is refused with everything that is wrong in it; the example is a service whose domains exist
 * already, odd as docs/rehearsal.md lists it; what is started has fixed keys, survives a restart with a state folder, and a port that is
 * taken leaves nothing running.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { callCloudStack } from "../../demo/api.ts";
import { ciDatabaseSql } from "../../emulators/stand-alone/ci-sql.ts";
import { exampleSeed } from "../../emulators/stand-alone/example-seed.ts";
import { rehearsalEnvironment, rehearsalKeys, startRehearsal, type Rehearsal } from "../../emulators/stand-alone/rehearsal.ts";
import { BadSeed, parseSeed } from "../../emulators/stand-alone/seed-file.ts";
import { parseConfig } from "../../src/config/config.ts";
import { emptyDatabase } from "../support/database.ts";

const folder = mkdtempSync(path.join(tmpdir(), "twokey-stand-alone-"));
const running: Rehearsal[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

const anyPort = { host: "127.0.0.1", publicHost: "127.0.0.1", cloudstackPort: 0, slackPort: 0, pagePort: 0 };
const small = exampleSeed({ projects: 3, members: 1 });

async function start(change: Partial<Parameters<typeof startRehearsal>[0]> = {}): Promise<Rehearsal> {
  const started = await startRehearsal({ ...anyPort, seed: small, stateFolder: null, makesAccounts: true, ...change });
  running.push(started);
  return started;
}

function refusalOf(seed: unknown): string {
  try {
    parseSeed(typeof seed === "string" ? seed : JSON.stringify(seed));
    return "";
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(BadSeed);
    return (thrown as Error).message;
  }
}

test("a seed that cannot be used is refused, with the place of everything that is wrong", () => {
  expect(refusalOf("{")).toMatch(/^The seed is no JSON: /);
  expect(refusalOf([])).toContain("- the seed: ");
  expect(refusalOf({ ...small, domain: [] })).toContain('- the seed: Unrecognized key: "domain"');
  expect(
    refusalOf({ ...small, people: [] })
      .split("\n")
      .slice(1),
  ).toEqual([
    ...small.projects.map((p) => `- project ${p.id}: nobody in people has the id ${p.members[0]?.person ?? ""}`),
    "- people: 0 with isApprover and a slackId, the bot needs three",
  ]);
  expect(
    refusalOf({ ...small, people: [...small.people, { ...small.people[0], id: "x" }] })
      .split("\n")
      .slice(1),
  ).toEqual(["- people: the username ada is there twice", "- people: the Slack id U0ADA0001 is there twice"]);
  expect(refusalOf({ ...small, domains: [{ name: "a" }, { name: "A" }] })).toContain("- domains: the name a is there twice");
  const accounts = [{ name: "one" }, { name: "ONE" }];
  expect(refusalOf({ ...small, domains: [{ name: "a", accounts }] })).toContain("- domain a: the account one is there twice");
  expect(refusalOf({ ...small, domains: [{ name: "a", accounts: [{ name: "one", email: "no" }] }] })).toContain(
    "domains.0.accounts.0.email",
  );
  const many = Array.from({ length: 30 }, () => ({ name: "" }));
  expect(refusalOf({ ...small, domains: many }).split("\n")).toHaveLength(12);
});

test("the example is odd as the document lists it, and can be read again", () => {
  const seed = exampleSeed({ projects: 40, members: 3 });
  expect(parseSeed(JSON.stringify(seed))).toEqual(seed);
  const names = seed.domains.map((d) => d.name);
  const documented = readFileSync("docs/rehearsal.md", "utf8");
  for (const p of seed.projects.slice(0, 9)) expect(documented).toContain(`| \`${p.slug}\` |`);
  const accountsOf = (name: string): readonly string[] => seed.domains.find((d) => d.name === name)?.accounts.map((a) => a.name) ?? [];
  expect(names).toHaveLength(40);
  expect(names).not.toContain("project-2");
  expect(names).toEqual(expect.arrayContaining(["first-project-old", "old-lab", "project-40"]));
  expect(accountsOf("project-3")).toEqual(["user3-2", "user3-3"]);
  expect(accountsOf("project-5")).toEqual(["renamed", "user5-2", "user5-3"]);
  expect(accountsOf("project-6")).toEqual(["user6-1", "user6-2", "user6-3", "user6-1-again"]);
  expect(accountsOf("project-7")).toContain("robot");
  expect(accountsOf("project-9")).toEqual(["user9-1", "user9-2", "user9-3"]);
  expect(seed.projects.filter((p) => p.isClosed).map((p) => p.id)).toEqual(["p-8"]);
  expect(seed.projects.filter((p) => p.limits !== undefined).map((p) => [p.id, p.limits])).toEqual([["p-9", { user_vm: 5 }]]);
  expect(accountsOf("project-10")).toEqual(["user10-1", "user10-2", "user10-3", "mia"]);
  expect(seed.projects.filter((p) => p.members.some((m) => m.person === "u-1004")).map((p) => p.id)).toEqual(["p-10"]);
});

test("the CI database of a seed has its rows, also with names that SQL would read as its own", async () => {
  const odd = String.raw`O'Neill \ "x"; --`;
  const seed = { ...small, people: small.people.map((p) => ({ ...p, lastName: odd })) };
  const made = await emptyDatabase();
  const client = new pg.Client({ connectionString: made.url });
  await client.connect();
  await client.query(ciDatabaseSql(seed, null));
  const { rows } = await client.query(
    "select (select count(*) from twokey_projects)::int as projects, (select count(*) from twokey_memberships)::int as members, array_agg(distinct last_name) as names from twokey_users",
  );
  await client.end();
  await made.drop();
  expect(rows).toEqual([{ projects: 3, members: 3, names: [odd] }]);
});

test("a port that is taken is told, and nothing is left running", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as AddressInfo;
  await expect(start({ pagePort: port })).rejects.toMatchObject({ code: "EADDRINUSE", port });
  await new Promise((resolve) => other.close(resolve));
});

test("the environment is complete but for the databases, its keys work, and so do the administrator's", async () => {
  const { places, pageUrl, domains } = await start();
  const env = rehearsalEnvironment(places);
  const databases = { DATABASE_URL: "postgres://a@b/c", CI_DATABASE_URL: "postgres://a@b/d" };
  const config = parseConfig({ ...env, ...databases });
  expect(config.ok ? config.value.warnings : config.error.message).toEqual([]);
  expect(domains).toBe(3);
  const url = env["CLOUDSTACK_API_URL"] ?? "";
  for (const use of ["read", "admin"] as const) {
    const answer = await callCloudStack(url, rehearsalKeys(use), { command: "listDomains", listall: "true" });
    expect(answer).toMatchObject({ listdomainsresponse: { count: use === "admin" ? 5 : 4 } });
  }
  expect(await (await fetch(`${pageUrl}demo/state`)).json()).toMatchObject({ isSlackOnly: true, people: [{ label: "Ada" }, {}, {}, {}] });
  const view = await (await fetch(`${pageUrl}emulator/view?as=U0ADA0001`)).json();
  expect(view).toMatchObject({ me: { name: "ada" }, conversations: [{ name: "ci-team" }, { name: "ci-users" }, { name: "Twokey" }] });
});

test("without the bot's accounts only the administrator has keys", async () => {
  const { places } = await start({ makesAccounts: false });
  const url = rehearsalEnvironment(places)["CLOUDSTACK_API_URL"] ?? "";
  const asked = { command: "listDomains" };
  expect(await callCloudStack(url, rehearsalKeys("read"), asked)).toMatchObject({ listdomainsresponse: { errorcode: 401 } });
  expect(await callCloudStack(url, rehearsalKeys("admin"), asked)).toHaveProperty("listdomainsresponse.count");
});

test("with a state folder the world goes on after a restart, whatever the seed says then", async () => {
  const first = await start({ stateFolder: folder });
  const url = rehearsalEnvironment(first.places)["CLOUDSTACK_API_URL"] ?? "";
  await callCloudStack(url, rehearsalKeys("admin"), { command: "createDomain", name: "made-later" });
  await first.close();
  running.length = 0;
  const second = await start({ stateFolder: folder, seed: exampleSeed({ projects: 1, members: 1 }) });
  expect(second.domains).toBe(3);
  const again = rehearsalEnvironment(second.places)["CLOUDSTACK_API_URL"] ?? "";
  expect(
    await callCloudStack(again, rehearsalKeys("admin"), { command: "listDomains", name: "made-later", listall: "true" }),
  ).toMatchObject({
    listdomainsresponse: { count: 1 },
  });
});
