/**
 * Claims INV-10: the old part of the audit log leaves it only into a file that holds exactly it, by the owner of the database, and with a
 * checkpoint that the holder of a key signed; what is left verifies from there, and whatever is changed before or after is seen.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimOfAge } from "../../src/core/claims.ts";
import { recordAudit, verifyAudit } from "../../src/store/audit.ts";
import { CountRow } from "../../src/store/db.ts";
import { readAuditHead, readAuditHeads, readInstallation, recordKept } from "../../src/store/installation.ts";
import { openAsBot, type FreshDatabase } from "../support/database.ts";
import { openOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { twokey } from "../support/terminal.ts";

let fresh: FreshDatabase;
let folder: string;
beforeEach(async () => {
  fresh = await lendDatabase();
  folder = mkdtempSync(path.join(tmpdir(), "twokey-audit-"));
  for (const name of ["audit", "other"]) {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    writeFileSync(at(`${name}.pem`), privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(at(`${name}.pub.pem`), publicKey.export({ type: "spki", format: "pem" }));
  }
  await readInstallation(fresh.db);
  for (let n = 1; n <= 6; n += 1) await record(n * 1000);
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await fresh.drop();
});

const at = (name: string): string => path.join(folder, name);
const run = (...args: string[]) => twokey(args, { DATABASE_URL: fresh.url });
const exported = async (name: string, before = "1970-01-01T00:00:04.500Z") => run("audit", "export", at(name), "--before", before);
const cut = (name: string, ...more: string[]) => run("audit", "cut", at(name), "--key", at("audit.pem"), ...more);
const verify = (key = "audit", ...more: string[]) => run("audit", "verify", "--key", at(`${key}.pub.pem`), ...more);
const rows = () => fresh.db.one(CountRow, "select count(*) as n from audit");
const record = (when: number) =>
  fresh.db.tx((q) =>
    recordAudit(q, { at: when, actor: "ci:1", kind: "test", subject: `s${when}`, data: { when, deep: [{ a: "é\u2028" }] } }),
  );
async function tamper(sql: string): Promise<void> {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(sql);
  });
}

test("the bot's role writes no checkpoint, calls no cut and removes no row; even the owner meets the guards", async () => {
  const bot = await openAsBot(fresh);
  const values = `4, repeat('0', 64), 4, repeat('0', 64), repeat('0', 64), 1, 'x'`;
  for (const sql of [`insert into audit_checkpoint values (${values})`, `select cut_audit(${values})`, "delete from audit where seq <= 4"])
    await expect(bot.exec(sql), sql).rejects.toMatchObject({ cause: { code: "42501" } });
  await bot.close();
  await expect(fresh.db.exec(`select cut_audit(${values})`)).rejects.toMatchObject({ constraint: "checkpoint_rows" });
  await expect(fresh.db.exec("delete from audit where seq <= 4")).rejects.toMatchObject({ constraint: "audit_append_only" });
});

test("a key that is none, a file that is none, that was changed or that is another installation's: nothing is cut off", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  writeFileSync(at("rsa.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
  await exported("old.jsonl");
  for (const [key, words] of [
    ["none.pem", "cannot be read (ENOENT)"],
    ["rsa.pem", "a key of another kind (rsa)"],
    ["audit.pub.pem", "holds no private key"],
  ] as const)
    expect(await run("audit", "cut", at("old.jsonl"), "--key", at(key)), key).toMatchObject({
      code: 2,
      err: expect.stringContaining(words) as string,
    });

  const lines = readFileSync(at("old.jsonl"), "utf8").split("\n");
  for (const [what, text, words] of [
    ["a text", "hello", "no export of the audit log"],
    [
      "a changed line",
      lines.join("\n").replace('"actor":"ci:1"', '"actor":"ci:2"'),
      "Line 2 of the file is not what was exported: it was changed",
    ],
    ["a line less", lines.toSpliced(2, 1).join("\n"), "Line 3 of the file is not what was exported: a line before it is missing"],
    ["no row", `${lines[0]}\n`, "holds no row"],
    ["an end less", lines.toSpliced(4, 1).join("\n"), ""],
    [
      "another's",
      lines.join("\n").replace(/"installation":"[^"]+"/, `"installation":"6f1c9a1e-0000-4000-8000-0000000000c1"`),
      "another installation",
    ],
  ] as const) {
    writeFileSync(at("bad.jsonl"), text);
    const done = await cut("bad.jsonl", ...(words === "" ? ["--dry-run"] : []));
    if (words !== "") expect(done, what).toMatchObject({ code: 1, err: expect.stringContaining(words) as string });
  }
  expect(await rows()).toBe(6);
  await tamper("update audit set actor = 'ci:9' where seq = 2");
  expect(await cut("old.jsonl")).toMatchObject({ code: 1, err: expect.stringContaining("not intact") as string });
});

test("rows of the last 30 days, the archive's head, and those since the oldest deletion under way stay", async () => {
  await record(Date.now());
  await record(Date.now());
  await exported("young.jsonl", "2100-01-01");
  expect(await cut("young.jsonl")).toMatchObject({ code: 1, err: expect.stringContaining("rows of the last 30 days") as string });
  await exported("old.jsonl");
  await recordKept(fresh.db, (await readAuditHeads(fresh.db, 3)).there?.hash ?? "");
  expect(await cut("old.jsonl")).toMatchObject({ code: 1, err: expect.stringContaining("the archive's copy of the head") as string });
  await recordKept(fresh.db, (await readAuditHeads(fresh.db, 5)).there?.hash ?? "");
  const live = await openOne(fresh.db);
  await tamper(`update deletion set opened_at = 2500 where id = '${live.id}'`);
  expect(await cut("old.jsonl")).toMatchObject({ code: 1, err: expect.stringContaining("a deletion that has not ended") as string });
  expect(await rows()).toBe(8);
});

test("exported, cut off and verified with the key; with another key, without one, or after a change it does not verify", async () => {
  const done = await exported("old.jsonl");
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining("4 rows of the audit log, up to row 4") as string });
  expect(statSync(at("old.jsonl")).mode & 0o777).toBe(0o600);
  expect(await exported("old.jsonl")).toMatchObject({ code: 1, err: expect.stringContaining("is there already") as string });
  const [copied, fourth] = [(await readAuditHeads(fresh.db, 5)).there, (await readAuditHeads(fresh.db, 4)).there];
  const head = /head ([0-9a-f]{64})/.exec((await verify()).out)?.[1] ?? "";

  expect(await cut("old.jsonl", "--dry-run")).toMatchObject({ code: 0, out: expect.stringContaining("would be cut off") as string });
  expect(await rows()).toBe(6);
  expect(await cut("old.jsonl")).toMatchObject({ code: 0, out: expect.stringContaining("4 rows, up to row 4") as string });
  // Rows 5 and 6, and the one that says that it was cut.
  expect(await rows()).toBe(3);
  expect(await verify("audit", "--head", head)).toMatchObject({
    code: 0,
    out: expect.stringContaining("begins at a signed checkpoint, after row 4") as string,
  });
  expect(await verify("audit", "--head", fourth?.hash ?? "")).toMatchObject({ code: 0 });
  expect(await verify("other")).toMatchObject({ code: 1, err: expect.stringContaining("this key did not sign") as string });
  expect(await run("audit", "verify")).toMatchObject({ code: 2, err: expect.stringContaining("add --key FILE") as string });
  // The same part is not cut off twice.
  expect(await cut("old.jsonl")).toMatchObject({ code: 1 });

  // The archive's copy of the head is compared as before, also where it is the last row that was cut off.
  for (const copy of [copied, fourth]) {
    if (copy === null) throw new Error("the row must be there");
    expect(claimOfAge(copy, (await readAuditHeads(fresh.db, copy.seq)).there, await readAuditHead(fresh.db), "the archive")).toBeNull();
  }

  await record(7000);
  expect(await exported("next.jsonl", "1970-01-01T00:00:05.500Z")).toMatchObject({
    code: 0,
    out: expect.stringContaining("1 rows") as string,
  });
  expect((await cut("next.jsonl")).code).toBe(0);
  expect((await verify()).code).toBe(0);
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true, begin: { lastSeq: 5, signed: null } });

  await tamper("delete from audit where seq = 6");
  expect(await verify()).toMatchObject({ code: 1, err: expect.stringContaining("a row before this one is missing") as string });
  await tamper("update audit_checkpoint set rows = rows + 1");
  expect(await verify()).toMatchObject({ code: 1, err: expect.stringContaining("this key did not sign") as string });
});
