import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { cast, extras } from "./cast.ts";
import { demoProjects, newProjects } from "./projects.ts";

/** One project as the page shows it. */
export interface CiProjectRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly state: string;
  readonly closedBy: string | null;
  readonly members: readonly { readonly username: string; readonly email: string | null; readonly role: string }[];
}

/** The CI database of the demo, as its own people change it; Twokey itself only reads the three views. */
export interface DemoCiDatabase {
  /** Address for Twokey, with the role that may only read. */
  readonly readerUrl: string;
  projects(): Promise<readonly CiProjectRow[]>;
  /** `owner`: whose it is; left out: one of those who are only in the CI database. */
  addProject(owner?: string): Promise<{ readonly slug: string; readonly name: string }>;
  closeProject(slug: string, closedBy: string): Promise<boolean>;
  reopenProject(slug: string): Promise<boolean>;
  addMember(slug: string): Promise<string | null>;
  removeMember(slug: string, username: string): Promise<boolean>;
  /** What happened in 2017: the view of projects shows one project only. Null shows all again. */
  narrowTo(slug: string | null): Promise<void>;
  query(sql: string, params?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Makes the demo's CI database on a server, or opens it again. `url` gives an administrator's address by database name. */
export async function openCiDatabase(url: (database?: string) => string): Promise<DemoCiDatabase> {
  const fresh = await createOnce(url());
  const pool = new pg.Pool({ connectionString: url("ci"), max: 3 });
  pool.on("error", () => undefined);
  if (fresh) await fill(pool);
  await showAllProjects(pool);
  const reader = new URL(url("ci"));
  reader.username = "twokey_reader";
  const query = async (sql: string, params: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> =>
    (await pool.query(sql, [...params])).rows as Record<string, unknown>[];
  const changed = async (sql: string, params: readonly unknown[]): Promise<boolean> =>
    ((await pool.query(sql, [...params])).rowCount ?? 0) > 0;
  return {
    readerUrl: reader.href,
    query,
    projects: () => listProjects(pool),
    addProject: (owner) => addProject(pool, owner),
    closeProject: (slug, by) =>
      changed("update project set closed_at = now(), closed_by = $2 where slug = $1 and closed_at is null", [slug, by]),
    reopenProject: (slug) =>
      changed("update project set closed_at = null, closed_by = null where slug = $1 and closed_at is not null", [slug]),
    addMember: (slug) => addMember(pool, slug),
    removeMember: (slug, username) =>
      changed(
        "delete from membership m using project p, person u where m.project_id = p.id and m.person_id = u.id and p.slug = $1 and u.username = $2",
        [slug, username],
      ),
    narrowTo: async (slug) => {
      await showAllProjects(pool);
      if (slug !== null) await pool.query("insert into shown_only values ($1)", [slug]);
    },
    close: () => pool.end(),
  };
}

async function showAllProjects(pool: pg.Pool): Promise<void> {
  await pool.query("delete from shown_only");
}

async function createOnce(adminUrl: string): Promise<boolean> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const role = await admin.query("select 1 from pg_roles where rolname = 'twokey_reader'");
    if (role.rowCount === 0) await admin.query("create role twokey_reader login");
    const there = await admin.query("select 1 from pg_database where datname = 'ci'");
    if (there.rowCount !== 0) return false;
    await admin.query("create database ci");
    return true;
  } finally {
    await admin.end();
  }
}

async function fill(pool: pg.Pool): Promise<void> {
  await pool.query(readFileSync(schemaFile(), "utf8"));
  for (const p of Object.values(cast)) {
    await pool.query("insert into person values ($1, $2, $3, $4, $5, true, $6)", [
      p.id,
      p.username,
      `${p.username}@example.org`,
      p.firstName,
      p.lastName,
      p.slackId,
    ]);
  }
  for (const p of extras)
    await pool.query("insert into person values ($1, $2, $3, $4, $5, true, null)", [
      p.id,
      p.username,
      `${p.username}@example.org`,
      p.firstName,
      p.lastName,
    ]);
  for (const project of demoProjects) {
    await pool.query("insert into project (id, slug, name) values ($1, $2, $3)", [project.id, project.slug, project.name]);
    for (const m of project.members) await pool.query("insert into membership values ($1, $2, $3)", [project.id, m.userId, m.role]);
  }
}

/** The compiled file lies in another folder than its source, so the folder is searched upwards. */
function schemaFile(): string {
  for (let at = import.meta.dirname; ; at = path.dirname(at)) {
    const file = path.join(at, "demo", "ci-schema.sql");
    if (existsSync(file)) return file;
    if (at === path.dirname(at)) throw new Error("demo/ci-schema.sql was not found; run the demo from a complete checkout");
  }
}

async function listProjects(pool: pg.Pool): Promise<readonly CiProjectRow[]> {
  const { rows } = await pool.query<CiProjectRow>(`
    select p.id, p.slug, p.name, case when p.closed_at is null then 'active' else 'closed' end as state,
      (select first_name || ' ' || last_name from person c where c.id = p.closed_by) as "closedBy",
      coalesce((select json_agg(json_build_object('username', u.username, 'email', u.email, 'role', m.role) order by u.username)
        from membership m join person u on u.id = m.person_id where m.project_id = p.id), '[]') as members
    from project p order by p.id`);
  return rows;
}

async function addProject(pool: pg.Pool, given?: string): Promise<{ readonly slug: string; readonly name: string }> {
  const { rows } = await pool.query<{ slug: string; n: number }>("select slug, count(*) over ()::int as n from project");
  const taken = new Set(rows.map((r) => r.slug));
  const number = (rows[0]?.n ?? 0) + 101;
  const next = newProjects.find((p) => !taken.has(p.slug)) ?? { slug: `project-${number}`, name: `Project ${number}` };
  await pool.query("insert into project (id, slug, name) values ($1, $2, $3)", [`p-${number}`, next.slug, next.name]);
  const owner = given ?? extras[number % extras.length]?.id;
  if (owner !== undefined) await pool.query("insert into membership values ($1, $2, 'admin')", [`p-${number}`, owner]);
  return next;
}

async function addMember(pool: pg.Pool, slug: string): Promise<string | null> {
  const { rows } = await pool.query<{ username: string }>(
    `with who as (
       select p.id as project_id, u.id as person_id, u.username from project p, person u
       where p.slug = $1 and u.enabled and u.id like 'u-2%' and not exists (select 1 from membership m where m.project_id = p.id and m.person_id = u.id)
       order by u.id limit 1)
     , added as (insert into membership select project_id, person_id, 'member' from who)
     select username from who`,
    [slug],
  );
  return rows[0]?.username ?? null;
}
