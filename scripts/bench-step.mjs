// Measures the checks before a step of a deletion (`takePassage`), on a real PostgreSQL that holds the state of many domains and deletions.
// Counted: every statement to our own database, comparing inventories and neighbours, counting votes, minting the grant.
// Not counted: what CloudStack, Slack and the CI database take to answer; here they answer from memory.
// Prints medians, the slowest of twenty, and the ratio to a small database in the same run; exits with 1 when the median is over the budget.
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { migrate } = await import(dist("src/store/migrate.js"));
const { createDatabase } = await import(dist("src/store/db.js"));
const { createSkewMeter } = await import(dist("src/store/server-clock.js"));
const { readDeletion } = await import(dist("src/store/deletions.js"));
const { inventoryDigest } = await import(dist("src/core/inventory.js"));
const { takePassage } = await import(dist("src/deletion/passage.js"));
const { completeOf } = await import(dist("test/support/deletions.js"));
const { putInForce, testBot } = await import(dist("test/support/bot.js"));
const { runStep } = await import(dist("src/deletion/step.js"));

const BUDGET_MS = 50;
const many = Number(process.argv[2] ?? 5000);
const rounds = Number(process.argv[3] ?? 200);
const things = 60;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-step-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
let slowest = 0;
try {
  const small = await measure("small", 50);
  const large = await measure("large", many);
  for (const what of Object.keys(large)) {
    console.log(
      `${what.padEnd(52)} ${many} domains: median ${large[what].median.toFixed(1)} ms, p95 ${large[what].p95.toFixed(1)} ms; ` +
        `50 domains: ${small[what].median.toFixed(1)} ms; ratio ${(large[what].median / small[what].median).toFixed(2)}`,
    );
  }
  slowest = Math.max(...Object.values(large).map((m) => m.median));
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
const ok = slowest < BUDGET_MS;
console.log(`slowest median ${slowest.toFixed(1)} ms, budget ${BUDGET_MS} ms: ${ok ? "kept" : "NOT KEPT"}`);
process.exit(ok ? 0 : 1);

/** Fills a database with the state of `n` domains, and times the checks of one deletion among them. */
async function measure(name, n) {
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query(`create database bench_${name}`);
  await admin.end();
  const url = postgres.url(`bench_${name}`);
  await migrate(url);
  const db = createDatabase(url, { onError: () => {} });
  const domainId = randomUUID();
  const item = (i) => ({
    kind: ["machine", "volume", "snapshot", "template"][i % 4],
    id: randomUUID(),
    name: `thing-${i}`,
    accountId: null,
    accountName: "ann",
    bytes: i,
    state: "Stopped",
    createdAt: null,
    zoneId: null,
    parentId: null,
    facts: { hypervisor: "KVM", ostypename: "Debian 12" },
  });
  const inventory = { domainId, path: "ROOT/ci/a", items: Array.from({ length: things }, (_, i) => item(i)), obstacles: [], asOf: 0 };
  const id = randomUUID();
  await fill(url, n, { id, domainId, digest: inventoryDigest(inventory), inventory });
  let neighbours = Array.from({ length: n - 1 }, (_, i) => ({
    id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
    name: `p${i}`,
    machines: 10,
    volumes: 20,
    templates: 3,
  }));
  await putInForce(db);
  let now = 5000;
  let fresh = inventory;
  const answer = (value) => Promise.resolve({ ok: true, value });
  const context = testBot(db, {
    reader: {
      readInventory: () => answer(completeOf({ ...fresh, asOf: now })),
      readNeighbours: () => answer({ neighbours, domains: null }),
      readHoldings: () => answer({}),
      readRemovals: () => answer([]),
    },
    ci: { readProjectState: () => answer("closed") },
    now: () => now,
    clockSkew: createSkewMeter(
      db,
      () => Date.now(),
      () => performance.now(),
    ),
  }).deletions;
  const row = await readDeletion(db, id);
  const fence = async () => {
    const passed = await takePassage(row, context);
    if (!passed.ok) throw new Error(passed.error.message);
  };
  const states = ["Stopped", "Destroyed"];
  const times = {
    "nothing changed since the last step": await time(fence),
    "the last step changed one thing": await time(fence, (i) => {
      fresh = { ...inventory, items: inventory.items.map((x, k) => (k === 0 ? { ...x, state: states[i % 2] } : x)) };
    }),
    "and a neighbour grew": await time(fence, (i) => {
      fresh = { ...inventory, items: inventory.items.map((x, k) => (k === 0 ? { ...x, state: states[i % 2] } : x)) };
      neighbours = neighbours.map((x, k) => (k === 0 ? { ...x, machines: 11 + i } : x));
    }),
    "the step's own rows: intent, outcome, audit": await time(() =>
      runStep(row, "destroy", { id: "x", name: "x" }, context, () => answer(undefined)),
    ),
  };
  await db.close();
  return times;

  async function time(run, before = () => {}) {
    const taken = [];
    for (let i = 0; i < rounds; i += 1) {
      now += 1000;
      before(i);
      const start = performance.now();
      await run();
      taken.push(performance.now() - start);
    }
    // The first ones warm up the code and PostgreSQL's plans.
    const sorted = taken.slice(Math.floor(rounds / 10)).sort((a, b) => a - b);
    return { median: sorted[Math.floor(sorted.length / 2)], p95: sorted[Math.floor(sorted.length * 0.95)] };
  }
}

/** One deletion that dismantles, and for each further domain one that ended, with its votes, log, inventories, intents and audit lines. */
async function fill(url, n, one) {
  const client = new pg.Client({ connectionString: url, options: "-c search_path=twokey" });
  await client.connect();
  const policy = { expiresMs: 1e6, coolOffMs: 0, graceMs: 0, quorum: 2, perDay: 3, perWeek: 9, protectedDomains: [], pollMs: 1000 };
  const evidence = { kind: "closed", projectId: "p-one", slug: "a", closedAt: 0, closedBy: null };
  // Rows of the past are put in as they would stand; the rules that lead there are no part of what is measured.
  await client.query("set session_replication_role = replica");
  const columns =
    "(id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at, digest, proposed_at, expires_at)";
  const rest = "2, $2::jsonb, 1, $3, 10, 1000000";
  await client.query(
    `insert into deletion ${columns} select gen_random_uuid(), gen_random_uuid(), 'p-' || g, 'p' || g, 'ROOT/ci/p' || g, 'p' || g, $1::jsonb,
     '{ci:chen}', 'deleted', ${rest} from generate_series(1, ${n - 1}) g`,
    [JSON.stringify(evidence), JSON.stringify(policy), one.digest],
  );
  await client.query(
    `insert into deletion ${columns} values ('${one.id}', '${one.domainId}', 'p-one', 'a', 'ROOT/ci/a', 'a', $1::jsonb, '{ci:chen}', 'dismantling', ${rest})`,
    [JSON.stringify(evidence), JSON.stringify(policy), one.digest],
  );
  const body = JSON.stringify(one.inventory);
  await client.query("insert into approved_inventory select id, $1::jsonb, 1 from deletion", [body]);
  await client.query("insert into latest_inventory select id, $1::jsonb, 1 from deletion", [body]);
  await client.query(
    `insert into ballot (kind, question, voter, voter_name, verdict, digest, at)
     select 'deletion', id::text, voter, voter, 'approve', $1, 20 from deletion, unnest(array['ci:ada', 'ci:ben']) voter`,
    [one.digest],
  );
  await client.query(
    "insert into deletion_event (deletion_id, at, kind, data) select id, g, 'inventory changed', '{}' from deletion, generate_series(1, 20) g",
  );
  await client.query(
    `insert into intent (id, owner_kind, owner_id, command, params, at)
     select gen_random_uuid(), 'deletion', id::text, 'destroy', '{}', g from deletion, generate_series(1, 20) g`,
  );
  await client.query("insert into outcome (intent_id, result, data, at) select id, 'done', 'null', at from intent");
  await client.query("insert into stop_switch (at, kind, by_operator, reason) select g, 'resume', 'x', 'y' from generate_series(1, 100) g");
  await client.query("analyze");
  await client.end();
}
