// A simulated year in Twokey's own database, made by the server itself: the real schema, with as many rows as 5,000 projects leave.
// Nobody works on it meanwhile, so the triggers that guard each row are off while it is filled.

const DAY = 86_400_000;

/** `projects` in all; half as many deletions as there are projects ended in the year, the rest of the 5,000 in the years before. */
export async function fillYear(client, { projects, now }) {
  const at = (n, of) => `(${now} - (${of} - ${n})::bigint * (365::bigint * ${DAY} / ${of}))::bigint`;
  const id = (kind, n) => `md5('${kind}' || ${n})::uuid`;
  const hash = (kind, n) => `encode(sha256(convert_to('${kind}' || ${n}, 'UTF8')), 'hex')`;
  const rows = (count) => `generate_series(1, ${count}) n`;
  const [passes, changed, deletions] = [288 * 30, 14_600, projects];
  const statements = [
    // 30 days of unchanged passes, and those of the year that changed something or were shown.
    `insert into snapshot (digest, side, body, stored_at) select ${hash("snapshot", "n")}, 'observed', '\\x00', ${at("n", 2000)} from ${rows(2000)}`,
    `insert into pass (id, scope, started_by, started_at, ended_at)
       select ${id("pass", "n")}, '{"kind": "fleet", "root": "ROOT/ci"}', '{"kind": "schedule"}', ${at("n", passes + changed)}, ${at("n", passes + changed)} + 2000
       from ${rows(passes + changed)}`,
    `insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, record, shown)
       select ${id("plan", "n")}, ${id("pass", "n")}, ${hash("plan", "n")}, d, d, d, d, 'f', ${at("n", passes + changed)},
         jsonb_build_object('state', case when n > ${changed} then 'unchanged' else 'applied' end, 'scope', '{"kind": "fleet"}'::jsonb,
           'outcomes', '[]'::jsonb, 'plan', jsonb_build_object('holds', '[]'::jsonb, 'additive', case when n > ${changed} then '[]'::jsonb
             else to_jsonb(array_fill(repeat('x', 400), array[4])) end, 'restrictive', '[]'::jsonb, 'proposals', '[]'::jsonb, 'heldRows', '[]'::jsonb)),
         n <= ${changed}
       from ${rows(passes + changed)} cross join lateral (select ${hash("snapshot", "(1 + n % 2000)")} as d) s`,
    `insert into managed_domain (domain_id, project_id, generation, origin, recorded_at, deleted_at)
       select ${id("domain", "n")}, 'old-' || n, 1, 'created', ${at("n", deletions)}, ${at("n", deletions)} from ${rows(deletions)}`,
    `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, digest, quorum, policy, opened_at, proposed_at,
         expires_at, entered_at, closed_because)
       select ${id("deletion", "n")}, ${id("domain", "n")}, 'old-' || n, 'old' || n, 'ROOT/ci/old' || n, 'old' || n, jsonb_build_object('kind', 'closed', 'projectId', 'old-' || n,
           'slug', 'old' || n, 'closedAt', 1, 'closedBy', null),
         '{ci:v-1}', case when n > ${deletions} - 20 then 'proposed' when n % 5 = 0 then 'closed' else 'deleted' end, ${hash("deletion", "n")}, 2, p.body,
         ${at("n", deletions)}, ${at("n", deletions)}, ${now} + ${DAY}, ${at("n", deletions)}, case when n % 5 = 0 then 'restored' end
       from ${rows(deletions)}, (select body from policy_version order by version desc limit 1) p`,
    `insert into deletion_event (deletion_id, at, kind, data)
       select ${id("deletion", "(1 + n / 12)")}, ${at("n", deletions * 12)}, (array['opened', 'entered proposed', 'entered cooling_off', 'entered quarantining',
         'entered grace', 'entered dismantling', 'entered expunging', 'entered removing', 'entered deleted', 'note', 'note', 'note'])[1 + n % 12], 'null'
       from generate_series(0, ${deletions * 12 - 1}) n`,
    ...["approved_inventory", "latest_inventory"].map(
      (
        table,
      ) => `insert into ${table} select ${id("deletion", "n")}, jsonb_build_object('items', (select jsonb_agg(jsonb_build_object('id', m, 'kind', 'volume',
         'name', repeat('v', 40))) from generate_series(1, 20) m)), ${at("n", deletions)} from ${rows(deletions)}`,
    ),
    `insert into ballot (kind, question, voter, voter_name, slack_account, verdict, digest, at)
       select 'deletion', (${id("deletion", "(1 + n / 2)")})::text, 'ci:u-' || n % 2, 'Ada', 'T:' || n % 2, 'approve', ${hash("deletion", "(1 + n / 2)")}, ${at("n", deletions * 2)}
       from generate_series(0, ${deletions * 2 - 1}) n`,
    // A deletion's calls, and those of passes.
    `insert into intent (id, owner_kind, owner_id, command, params, at)
       select ${id("intent", "n")}, case when n % 3 = 0 then 'pass' else 'deletion' end, (case when n % 3 = 0 then ${id("pass", `(1 + n % ${changed})`)}
           else ${id("deletion", `(1 + n % ${deletions})`)} end)::text,
         case when n % 3 = 0 then (array['create_account', 'create_domain', 'lock_account', 'update_user'])[1 + n % 4] else 'delete_volume' end,
         jsonb_build_object('item', ${id("item", "n")}, 'sentence', repeat('s', 60), 'change', jsonb_build_object('accountId', ${id("account", "n")})), ${at("n", 150_000)}
       from ${rows(150_000)}`,
    `insert into outcome (intent_id, result, data, at) select ${id("intent", "n")}, 'done', 'null', ${at("n", 150_000)} + 50 from ${rows(150_000)}`,
    `insert into audit (at, actor, kind, subject, data, prev_hash, hash)
       select ${at("n", 200_000)}, 'twokey', case when n % 5 = 0 then 'change.create_account.done' else 'pass.ended' end, (${id("pass", `(1 + n % ${passes})`)})::text,
         jsonb_build_object('sentence', repeat('a', 120)), ${hash("audit", "(n - 1)")}, ${hash("audit", "n")} from ${rows(200_000)}`,
    `insert into posted_message (key, channel, ts, digest, at)
       select 'deletion:' || ${id("deletion", `(1 + n / 12)`)} || ':' || n % 12, 'C0CITEAM1', '1.' || n, ${hash("message", "n")}, ${at("n", 80_000)} from ${rows(80_000)}`,
    `insert into seen_event (key, at) select 'action:' || n, ${now} - n from ${rows(20_000)}`,
    `insert into matter (key, kind, scope, plan, since, tries, ended_at)
       select 'matter ' || n, 'drift', null, ${id("plan", "1")}, ${at("n", 2000)}, 5, ${now} - n from ${rows(2000)}`,
    // Copies for deletions, and weekly backups of a tenth of the projects.
    `insert into archive_entry (id, owner_kind, owner_id, item_kind, item_id, name, state, store_key, sha256, bytes, manifest, updated_at, saved_seq)
       select ${id("entry", "n")}, case when n <= ${deletions * 4} then 'deletion' else 'backup' end,
         case when n <= ${deletions * 4} then ${id("deletion", "(1 + n / 4)")} else ${id("run", "(n / 4)")} end, 'template', 'item-' || n % 12000, 'image', 'verified',
         (${id("key", "n")})::text, ${hash("bytes", "n")}, 1000, '{"savedAt": 1, "domainPath": "ROOT/ci/old", "item": {"id": "x"}}', ${at("n", 120_000)}, n from ${rows(120_000)}`,
    `insert into backup_run (id, project_id, slug, domain_id, path, policy, state, asked_at, ended_at)
       select ${id("run", "n")}, 'p' || n % ${Math.ceil(projects / 10)}, 'p' || n % ${Math.ceil(projects / 10)}, ${id("domain", "n")}, 'ROOT/ci/p', 'templates', 'complete',
         ${at("n", 26_000)}, ${at("n", 26_000)} + 60000 from ${rows(26_000)}`,
    `insert into backup_content select ${id("run", "(n / 4)")}, ${id("entry", "n")}, ${now} from generate_series(${deletions * 4 + 1}, 100000) n`,
    `insert into export (id, slug, project_id, template_id, template_name, asked_by, listener, state, asked_at, told)
       select ${id("export", "n")}, 'p' || n % 5000, 'p' || n % 5000, 'item-' || n, 'image', 'ci:v-' || n % 2000, '{"channel": "C", "user": "U"}', 'ready', ${at("n", 25_000)}, true
       from ${rows(25_000)}`,
    `insert into known_account (slack_account, operator, seen_at) select 'T:U' || n, 'ci:v-' || n, ${now} from ${rows(2000)}`,
    `insert into home_viewer (slack_user, operator, name, account, ci_user, is_team, opened_at) select 'U' || n, 'ci:v-' || n, 'V', null, 'v-' || n, false, ${now} from ${rows(300)}`,
    "update sync_state set told_plan = (select id from plan where shown order by planned_at desc limit 1)",
  ];
  await client.query("set session_replication_role = replica");
  for (const sql of statements) await client.query(sql);
  await client.query("set session_replication_role = origin");
  await client.query("vacuum analyze");
}

/** The tables with their rows and sizes, the largest first. */
export async function sizesOf(client) {
  const { rows } = await client.query(
    `select relname as name, greatest(reltuples, 0)::int as rows, pg_total_relation_size(oid)::float8 as bytes from pg_class
     where relnamespace = 'twokey'::regnamespace and relkind = 'r' order by 3 desc`,
  );
  return rows;
}
