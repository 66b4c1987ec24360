/** What the tests of this room share: a CI database, an emulated CloudStack, and commands run as from a terminal. */
import { keyVariables } from "../../../demo/keys.ts";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import type { CloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import type { TreeDomain } from "../../../emulators/cloudstack/tree.ts";
import type { CliIo } from "../../../src/cli/command.ts";
import { toJson } from "../../../src/store/db.ts";
import { emptyDatabase, type FreshDatabase } from "../../support/database.ts";
import { lendDatabaseLike } from "../../support/lent-database.ts";
import { twokey, type Ran } from "../../support/terminal.ts";

/** One project of the CI database, with its members' usernames. */
export interface CiProject {
  readonly id: string;
  readonly slug: string;
  readonly members: readonly string[];
  readonly closed?: boolean;
  readonly limits?: Readonly<Record<string, number>>;
}

/** A CI database with the example's tables and views, holding these projects. */
export async function ciDatabaseWith(projects: readonly CiProject[]): Promise<FreshDatabase> {
  const made = await lendDatabaseLike("ci", async () => {
    const empty = await emptyDatabase();
    const client = new pg.Client({ connectionString: empty.url });
    await client.connect();
    await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
    await client.end();
    return empty;
  });
  const people = [...new Set(projects.flatMap((p) => p.members))];
  const members = projects.flatMap((p) => p.members.map((person) => ({ project: p.id, person })));
  await made.db.exec(
    "insert into public.person select name, name, name || '@example.org', name, 'Test', true, null from jsonb_to_recordset($1) r (name text)",
    [toJson(people.map((name) => ({ name })))],
  );
  await made.db.exec(
    "insert into public.project (id, slug, name, closed_at, limits) select id, slug, slug, closed_at, limits from jsonb_to_recordset($1) r (id text, slug text, closed_at timestamptz, limits jsonb)",
    [
      toJson(
        projects.map((p) => ({ id: p.id, slug: p.slug, closed_at: p.closed === true ? new Date(0) : null, limits: p.limits ?? null })),
      ),
    ],
  );
  await made.db.exec(
    "insert into public.membership select project, person, 'developer' from jsonb_to_recordset($1) r (project text, person text)",
    [toJson(members)],
  );
  return made;
}

/** The environment of a process on these servers. */
export function environment(cloud: CloudStackEmulator, state: FreshDatabase, ci: FreshDatabase, more: Record<string, string> = {}) {
  return {
    PATH: process.env["PATH"] ?? "",
    TWOKEY_ENVIRONMENT: "recovery-test",
    DATABASE_URL: state.url,
    CI_DATABASE_URL: ci.url,
    SLACK_BOT_TOKEN: "xoxb-test",
    SLACK_APP_TOKEN: "xapp-test",
    SLACK_CHANNEL: "C1",
    SLACK_APPROVERS: "U1,U2,U3",
    CLOUDSTACK_API_URL: cloud.url,
    ...keyVariables(cloud),
    CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
    ...more,
  };
}

/** Runs a command line in this process; a wait is short. */
export function runCommand(args: readonly string[], env: Record<string, string>): Promise<Ran> {
  const sleep: CliIo["sleep"] = async (ms, signal) =>
    void (await pause(Math.min(ms, 20), undefined, signal === undefined ? {} : { signal }));
  return twokey(args, env, { sleep });
}

/** The domains below ROOT/ci, each with its accounts' names. */
export function domainsOf(cloud: CloudStackEmulator): Record<string, readonly string[]> {
  const root = cloud.tree().children.find((d) => d.name === "ci");
  return Object.fromEntries((root?.children ?? []).map((d) => [d.name, d.accounts.map((a) => a.name).toSorted()]));
}

/** A domain below ROOT/ci by name. */
export function domainNamed(cloud: CloudStackEmulator, name: string): TreeDomain | undefined {
  return cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.find((d) => d.name === name);
}
