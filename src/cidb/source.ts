import type pg from "pg";
import { z } from "zod";
import { digestOf } from "../core/digest.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { DatabaseSource, TeamPolicy } from "../core/policy.ts";
import type { ViewNames } from "./assemble.ts";
import { SnapshotRefused } from "./snapshot.ts";

/** In the search path of the snapshot, by which the views are read. */
const SESSION = `
  select current_database() as name, (select oid::text from pg_database where datname = current_database()) as oid,
    coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'a local socket') as address,
    has_function_privilege('pg_catalog.pg_control_system()', 'execute') as tells_system,
    array(select coalesce(to_regclass(view)::oid::text, '') from unnest($1::text[]) with ordinality as asked (view, n) order by n) as views`;
const Session = z.object({ name: z.string(), oid: z.string(), address: z.string(), tells_system: z.boolean(), views: z.array(z.string()) });

const SYSTEM = "select system_identifier::text as system from pg_catalog.pg_control_system()";
const System = z.object({ system: z.string() });

const DEFINITIONS = `
  select c.oid::text as oid, format('%I.%I', n.nspname, c.relname) as name,
    case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '' end as definition
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid::text = any ($1)`;
const Definition = z.object({ oid: z.string(), name: z.string(), definition: z.string() });

/**
 * What the views read, at every depth: through views, and the tables below a partitioned or inherited one. What a function reads is not
 * known to the server. Source: PostgreSQL 18, "System Catalogs": pg_rewrite, pg_depend, pg_inherits.
 */
const NOT_NOW = `
  with recursive reads (view, oid) as (
    select oid, oid from pg_class where oid::text = any ($1)
    union
    select r.view, below.oid from reads r cross join lateral (
      select d.refobjid from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
        where w.ev_class = r.oid and w.ev_type = '1' and d.refclassid = 'pg_class'::regclass
      union all select inhrelid from pg_inherits where inhparent = r.oid
    ) below (oid)
  )
  select format('%I.%I', vn.nspname, v.relname) as view, format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind
  from reads r join pg_class v on v.oid = r.view join pg_namespace vn on vn.oid = v.relnamespace
    join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('m', 'f') order by kind desc, view, name limit 1`;
const NotNow = z.object({ view: z.string(), name: z.string(), kind: z.enum(["m", "f"]) });

/**
 * Refuses views whose rows may be old although the server is current: a materialized view shows what was so at its last refresh, and of a
 * table that another server holds neither the snapshot nor the checks of a standby and of hidden rows reach it. Invariant: INV-1.
 */
async function expectNow(client: pg.ClientBase, views: readonly string[]): Promise<void> {
  const [found] = z.array(NotNow).parse((await client.query(NOT_NOW, [views])).rows);
  if (found === undefined) return;
  const { view, name, kind } = found;
  const what = kind === "m" ? "materialized view" : "table of another server";
  const which = view === name ? `is a ${what}` : `reads ${name}, which is a ${what}`;
  const [why, remedy] =
    kind === "m"
      ? ["and shows what was so at its last refresh", "Let the view read the tables themselves, or make it a plain view."]
      : ["and how old its rows are is not known here", "Let CI_DATABASE_URL lead to the server that holds the tables."];
  const sentence = `The view ${view} of the CI database ${which}, ${why}`;
  throw new SnapshotRefused(failure("contract_broken", kind === "m" ? "cidb.materialized" : "cidb.other_server", sentence, { remedy }));
}

/**
 * What the server says of itself, in a transaction in which the views were read: it sets the search path for the rest of it.
 *
 * - The server is its system identifier, which `initdb` makes and a failover, a pooler or another address leaves as it is; a server made
 *   from a dump has another one. Where the role may not ask for it, the server is the address on which it answers.
 * - The database is its name with its number: one that was dropped and restored is another one.
 * - A view is where its name leads now, with a digest of its definition, written without a search path. Other views that it reads are not
 *   in it; a table has no definition.
 *
 * A physical copy of the server (a base backup, started elsewhere) has the same identifier, as has a standby that takes over: the two are
 * not told apart. Source: PostgreSQL 18, "Control Data Functions", "System Catalog Information Functions".
 *
 * Errors: throws `SnapshotRefused` where a view reads a materialized view or a table of another server.
 */
export async function readSource(client: pg.ClientBase, views: ViewNames, quoted: (view: string) => string): Promise<DatabaseSource> {
  const named = [views.projects, views.users, views.memberships];
  const session = Session.parse((await client.query(SESSION, [named.map(quoted)])).rows[0]);
  const system = session.tells_system ? System.parse((await client.query(SYSTEM)).rows[0]).system : null;
  await client.query("set local search_path = pg_catalog");
  await expectNow(client, session.views);
  const definitions = z.array(Definition).parse((await client.query(DEFINITIONS, [session.views])).rows);
  const viewOf = (n: number) => {
    const found = definitions.find((d) => d.oid === session.views[n]);
    return { name: found?.name ?? "no view", definition: digestOf(found?.definition ?? "").slice(0, 16) };
  };
  return {
    server: system === null ? session.address : `system ${system}`,
    database: `${session.name} (${session.oid})`,
    views: { projects: viewOf(0), users: viewOf(1), memberships: viewOf(2) },
  };
}

/** Why what was read comes from no confirmed database, and what differs; null: it does, or there is no policy yet. Invariant: INV-1. */
export function notConfirmed(confirmed: Pick<TeamPolicy["scope"], "source"> | null, seen: DatabaseSource): Failure | null {
  if (confirmed === null) return null;
  const differences = confirmed.source === undefined ? [] : differencesOf(confirmed.source, seen);
  if (confirmed.source !== undefined && differences.length === 0) return null;
  const sentence =
    confirmed.source === undefined
      ? `nobody has confirmed yet which CI database this is: ${seen.database} on ${seen.server}`
      : `this is not the CI database that was confirmed: ${differences.join("; ")}`;
  const remedy = "Two approvers confirm it on the scope's card (/ci-policy), or CI_DATABASE_URL leads to the confirmed one again";
  return failure("unavailable", "cidb.not_confirmed", sentence, { remedy });
}

function differencesOf(confirmed: DatabaseSource, seen: DatabaseSource): readonly string[] {
  const plain = (["server", "database"] as const).flatMap((what) =>
    confirmed[what] === seen[what] ? [] : [`the ${what} is ${seen[what]}, confirmed was ${confirmed[what]}`],
  );
  const views = (["projects", "users", "memberships"] as const).flatMap((what) => {
    const [before, now] = [confirmed.views[what], seen.views[what]];
    if (before.name !== now.name) return [`the view of ${what} is ${now.name}, confirmed was ${before.name}`];
    return before.definition === now.definition ? [] : [`the view ${now.name} has another definition than the confirmed one`];
  });
  return [...plain, ...views];
}
