/** Claim: of several replicas one at a time writes the copy of the audit log's head: two at once could leave half of one, which reads as lost. */
import { expect, onTestFinished, test } from "vitest";
import { createHeadKeeper } from "../../src/approvals/ownership.ts";
import type { AuditHead } from "../../src/core/claims.ts";
import type { Failure } from "../../src/core/failure.ts";
import { ok } from "../../src/core/result.ts";
import { recordAudit } from "../../src/store/audit.ts";
import { readAuditHead } from "../../src/store/installation.ts";
import { eventually } from "../support/eventually.ts";
import { freshDatabase } from "../support/database.ts";

test("a replica that has something to keep waits for the one that writes, and keeps the newest head", async () => {
  const { db, drop } = await freshDatabase();
  onTestFinished(drop);
  const begun: AuditHead[] = [];
  const failures: Failure[] = [];
  let kept: AuditHead | null = null;
  let most = 0;
  let writing = 0;
  let finish = (): void => undefined;
  const copy = {
    read: async () => ok(kept),
    holds: async () => ok(true),
    write: async (_installation: string, head: AuditHead) => {
      most = Math.max(most, (writing += 1));
      begun.push(head);
      await new Promise<void>((resolve) => (finish = resolve));
      kept = head;
      writing -= 1;
      return ok(undefined);
    },
  };
  const act = (at: number) => db.tx((q) => recordAudit(q, { at, actor: "twokey", kind: "test", subject: "it", data: null }));
  const replica = () => createHeadKeeper({ db, copy, onFailure: (f) => void failures.push(f), keepMs: 60_000 });
  const [a, b] = [replica(), replica()];
  await act(1);
  const first = a.keep();
  await eventually("the first writes", () => begun.length === 1);
  await act(2);
  const second = b.keep();
  await eventually(
    "the second waits for the lock",
    async () => (await db.exec("select from pg_stat_activity where datname = current_database() and query like '%advisory_lock%'")) > 0,
  );
  expect(begun).toHaveLength(1);
  finish();
  await first;
  await eventually("the second writes", () => begun.length === 2);
  finish();
  await second;
  expect(most).toBe(1);
  expect(kept).toEqual(await readAuditHead(db));
  expect(failures).toEqual([]);
});
