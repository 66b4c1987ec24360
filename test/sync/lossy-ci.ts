/** A CI database on a real PostgreSQL whose views can be spoiled, row by row and as a whole; read by a role that may only read. */
import pg from "pg";

/** What the CI database truly says at one time. */
export interface CiTruth {
  readonly projects: readonly {
    readonly id: string;
    readonly slug: string;
    readonly closed: boolean;
    readonly members: readonly string[];
    readonly limits?: Readonly<Record<string, number>>;
  }[];
  readonly users: readonly string[];
}

/** What is done to the views; `pick` chooses the row or the view. */
export interface CiLoss {
  readonly kind: (typeof ciLosses)[number];
  readonly pick: number;
}

/** The kinds of losses. */
export const ciLosses = [
  "null_project_id",
  "null_slug",
  "odd_slug",
  "one_slug_twice",
  "null_state",
  "odd_state",
  "odd_limits",
  "project_twice",
  "null_username",
  "null_email",
  "null_enabled",
  "null_user_id",
  "user_lost",
  "user_twice",
  "null_member_project",
  "null_member_user",
  "membership_twice",
  "column_lost",
  "view_lost",
  "view_emptied",
  "right_lost",
  "rows_hidden_by_policy",
] as const;

const VIEWS = {
  projects: { base: "base_project", columns: ["id", "slug", "name", "state", "closed_at", "closed_by", "limits"] },
  users: { base: "base_person", columns: ["id", "username", "email", "first_name", "last_name", "enabled", "slack_id"] },
  memberships: { base: "base_membership", columns: ["project_id", "user_id", "role"] },
} as const;
type View = keyof typeof VIEWS;
const names = Object.keys(VIEWS) as View[];

/** Makes the tables. */
export async function createCi(client: pg.Client, reader: string): Promise<void> {
  await client.query(`
    create role ${reader} login;
    create table base_project (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
    create table base_person (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
    create table base_membership (project_id text, user_id text, role text);
    create table hidden (id text);
    grant select on hidden, base_project, base_person, base_membership to ${reader};
    create policy hidden on base_project for select to ${reader} using (id not in (select h.id from hidden h));
    create policy hidden on base_person for select to ${reader} using (id not in (select h.id from hidden h));
    create policy hidden on base_membership for select to ${reader} using (user_id not in (select h.id from hidden h));`);
}

/** Sets what is true, and then spoils what is seen of it. */
export async function setCi(client: pg.Client, reader: string, truth: CiTruth, losses: readonly CiLoss[]): Promise<void> {
  const text = (v: string | null): string => (v === null ? "null" : pg.escapeLiteral(v));
  const rowsOf = (rows: readonly string[]): string => rows.join(", ");
  const projects = truth.projects.map(
    (p) =>
      `(${text(p.id)}, ${text(p.slug)}, ${text(p.slug)}, '${p.closed ? "closed" : "active"}', null::timestamptz, null, ` +
      `${p.limits === undefined ? "null::jsonb" : `'${JSON.stringify(p.limits)}'::jsonb`})`,
  );
  const people = truth.users.map((u) => `('${u}', '${u}', '${u}@example.org', 'First', 'Last', true, null)`);
  const members = truth.projects.flatMap((p) => p.members.map((m) => `(${text(p.id)}, ${text(m)}, 'member')`));
  const sql = [
    "drop view if exists twokey_projects, twokey_users, twokey_memberships",
    ...names.map((v) => `alter table ${VIEWS[v].base} disable row level security`),
    "truncate base_project, base_person, base_membership",
    ...(projects.length > 0 ? [`insert into base_project values ${rowsOf(projects)}`] : []),
    `insert into base_person values ${rowsOf(people)}`,
    ...(members.length > 0 ? [`insert into base_membership values ${rowsOf(members)}`] : []),
    ...names.map((v) => viewOf(v, losses, truth)),
    `grant select on twokey_projects, twokey_users, twokey_memberships to ${reader}`,
    ...losses.flatMap((l) => wholeLoss(l, reader, truth)),
  ];
  await client.query(sql.join(";\n"));
}

const pickOf = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];

/** Row by row: a view with one column of one row changed, one row twice, or one left out. */
function viewOf(view: View, losses: readonly CiLoss[], truth: CiTruth): string {
  const columns = new Map<string, string>(VIEWS[view].columns.map((c) => [c, c]));
  const extra: string[] = [];
  const where: string[] = [];
  const set = (key: string, id: string | undefined, column: string, value: string): void => {
    if (id !== undefined) columns.set(column, `case when ${key} = ${pg.escapeLiteral(id)} then ${value} else ${columns.get(column)} end`);
  };
  for (const { kind, pick } of losses) {
    const p = pickOf(truth.projects, pick)?.id;
    const other = pickOf(truth.projects, pick + 1)?.slug ?? "other";
    const u = pickOf(truth.users, pick);
    if (view === "projects") {
      if (kind === "null_project_id") set("base.id", p, "id", "null");
      if (kind === "null_slug") set("base.id", p, "slug", "null");
      if (kind === "odd_slug")
        set("base.id", p, "slug", pg.escapeLiteral(["a/b", "a_b", "a%", "a\\u0041", "x".repeat(300)][pick % 5] ?? ""));
      if (kind === "one_slug_twice") set("base.id", p, "slug", pg.escapeLiteral(other));
      if (kind === "null_state") set("base.id", p, "state", "null");
      if (kind === "odd_state") set("base.id", p, "state", "'archived'");
      if (kind === "odd_limits") set("base.id", p, "limits", `'{"user_vm": "many"}'::jsonb`);
      if (kind === "project_twice" && p !== undefined) extra.push(`select * from base_project where id = ${pg.escapeLiteral(p)}`);
    }
    if (view === "users") {
      if (kind === "null_username") set("base.id", u, "username", "null");
      if (kind === "null_email") set("base.id", u, "email", "null");
      if (kind === "null_enabled") set("base.id", u, "enabled", "null");
      if (kind === "null_user_id") set("base.id", u, "id", "null");
      if (kind === "user_lost" && u !== undefined) where.push(`base.id <> ${pg.escapeLiteral(u)}`);
      if (kind === "user_twice" && u !== undefined) extra.push(`select * from base_person where id = ${pg.escapeLiteral(u)}`);
    }
    if (view === "memberships") {
      if (kind === "null_member_project") set("base.project_id", p, "project_id", "null");
      if (kind === "null_member_user") set("base.user_id", u, "user_id", "null");
      if (kind === "membership_twice" && u !== undefined)
        extra.push(`select * from base_membership where user_id = ${pg.escapeLiteral(u)}`);
    }
  }
  const list = [...columns].map(([name, value]) =>
    value === name ? `base.${name}` : `${value.replace(/else (\w+) end/g, "else base.$1 end")} as ${name}`,
  );
  const condition = where.length === 0 ? "" : ` where ${where.join(" and ")}`;
  const union = extra.map((e) => ` union all ${e}`).join("");
  return `create view twokey_${view} with (security_invoker = true) as select ${list.join(", ")} from ${VIEWS[view].base} base${condition}${union}`;
}

/** As a whole: a view, a column or a right that is gone, or rows that a policy hides from the reader. */
function wholeLoss({ kind, pick }: CiLoss, reader: string, truth: CiTruth): readonly string[] {
  const view = pickOf(names, pick) ?? "projects";
  const name = `twokey_${view}`;
  const columns = VIEWS[view].columns;
  const dropped = pickOf(columns, Math.floor(pick / 3));
  const again = (what: string): readonly string[] => [
    `drop view if exists ${name}`,
    `create view ${name} with (security_invoker = true) as ${what}`,
    `grant select on ${name} to ${reader}`,
  ];
  if (kind === "column_lost") return again(`select ${columns.filter((c) => c !== dropped).join(", ")} from ${VIEWS[view].base}`);
  if (kind === "view_emptied") return again(`select * from ${VIEWS[view].base} where false`);
  if (kind === "view_lost") return [`drop view if exists ${name}`];
  if (kind === "right_lost")
    return [`do $$ begin revoke select on ${name} from ${reader}; exception when undefined_table then null; end $$`];
  if (kind === "rows_hidden_by_policy") {
    const hidden = view === "projects" ? pickOf(truth.projects, pick)?.id : pickOf(truth.users, pick);
    return [
      `alter table ${VIEWS[view].base} enable row level security`,
      `truncate hidden; insert into hidden values (${pg.escapeLiteral(hidden ?? "")})`,
    ];
  }
  return [];
}
