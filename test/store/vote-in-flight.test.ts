/** Claim INV-2: what a process of the version before says while the ballot's migration runs is carried over, or refused; nothing of it is lost. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { emptyDatabase, untilLockWait } from "../support/database.ts";

test("a withdrawal that is being written when migration 0030 begins is carried over", async () => {
  const fresh = await emptyDatabase();
  const dir = mkdtempSync(path.join(tmpdir(), "twokey-migrations-"));
  cpSync(path.resolve(import.meta.dirname, "../../migrations"), dir, { recursive: true });
  for (const later of readdirSync(dir).filter((file) => file >= "0030")) rmSync(path.join(dir, later));
  await migrate(fresh.url, { dir });
  const old = new pg.Client({ connectionString: fresh.url, options: "-c search_path=twokey" });
  await old.connect();
  const id = randomUUID();
  const digest = "a".repeat(64);
  await old.query(
    `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at)
     values ($1, $2, 'p', 'a', 'ROOT/ci/a', 'a', '{}', '{ci:chen}', 'archiving', 2, '{"archiveKinds": [], "coolOffMs": 0, "graceMs": 0}', 1)`,
    [id, randomUUID()],
  );
  await old.query(`update deletion set phase='proposed', digest=$2, proposed_at=10, expires_at=100000, entered_at=10 where id=$1`, [
    id,
    digest,
  ]);
  await old.query(`insert into vote (deletion_id, voter, voter_name, verdict, digest, at) values ($1,'ci:ada','ada','approve',$2,20)`, [
    id,
    digest,
  ]);
  // The old process: Ada presses Withdraw, and its transaction is not over yet.
  await old.query("begin");
  await old.query("select * from deletion where id = $1 for update", [id]);
  await old.query("insert into withdrawal (deletion_id, voter, at) values ($1, 'ci:ada', 30)", [id]);
  const migrating = migrate(fresh.url);
  // Until the migration waits for us.
  await untilLockWait(fresh);
  await old.query("commit");
  expect(await migrating).toContain("0030_ballot");
  const kept = await old.query("select verdict from ballot where question = $1 order by seq", [id]);
  await old.query(
    `insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('deletion',$1,'ci:ben','ben','approve',$2,40)`,
    [id, digest],
  );
  const moved = await old.query("update deletion set phase='cooling_off', entered_at=50, until_at=60 where id=$1", [id]).then(
    () => "cooling_off",
    (e: pg.DatabaseError) => e.constraint,
  );
  await old.end();
  await fresh.drop();
  rmSync(dir, { recursive: true });
  expect(kept.rows).toEqual([{ verdict: "approve" }, { verdict: "withdraw" }]);
  expect(moved).toBe("deletion_quorum");
});
