/**
 * Claim: the team sees which links can be used now and ends any of them by a command, nobody else does; a link that one replica revoked ends
 * what another one sends within seconds. Where Twokey has no address of its own, the bucket's is handed out, and said to be what it is.
 */
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { startHttpServer } from "../../src/app/http.ts";
import { watched } from "../../src/archive/watched.ts";
import { renderExport } from "../../src/bot/render/export.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import { parseCommand } from "../../src/commands/command.ts";
import { runCommand } from "../../src/commands/run.ts";
import { failure } from "../../src/core/failure.ts";
import type { Asker } from "../../src/core/people.ts";
import { err, ok } from "../../src/core/result.ts";
import { readHomeExports } from "../../src/store/home.ts";
import { readAudit } from "../../src/store/audit.ts";
import type { TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { resetDatabase } from "../sim/reset.ts";
import { exportBot, exported, exportWorld, lastOf, mia, place, type ExportWorld } from "./export-world.ts";

let fresh: FreshDatabase;
let w: ExportWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await exportWorld(fresh);
});
afterAll(() => fresh.drop());

const ada: Asker = { ...mia("ada"), isTeam: true };
async function said(b: TestBot, who: Asker, words: string): Promise<string> {
  const command = parseCommand("/ci-export-links", words);
  if (!command.ok) return `${command.error.code}: ${command.error.remedy ?? ""}`;
  const reply = await runCommand(command.value, who, b.services, place);
  for (const message of [renderReply(reply)].flat()) expect(validateBlocks(message.blocks, "message")).toEqual([]);
  return JSON.stringify(reply);
}
const audited = async () => (await readAudit(fresh.db, { limit: 99 })).map((row) => `${row.actor} ${row.kind}`);

test("anybody but the team is refused, sees no link, ends none, and is recorded", async () => {
  const b = exportBot(w);
  await exported(b, "template-t-1");
  const { id } = lastOf(w);
  for (const who of [mia(), mia("eve")]) {
    expect(await said(b, who, "")).toContain("Only members of the CI team may see the links to exports");
    expect(await said(b, who, `revoke ${id}`)).toContain("Only members of the CI team may revoke a link to an export");
  }
  expect((await audited()).filter((line) => line.endsWith("export.refused"))).toHaveLength(4);
  expect(await b.services.exports.links(ada, null)).toMatchObject({ ok: true, value: { of: 1, links: [{ id, isRevocable: true }] } });
});

test.each(["revoke", "revoke it", "revoke 12345", "delete 6f1c9a1e-0000-4000-8000-000000000001", "6f1c9a1e-0000-4000-8000-000000000001"])(
  "%j: how it is written is said",
  async (words) => expect(await said(exportBot(w), ada, words)).toContain("command.export_links: Write /ci-export-links alone"),
);

test("the list has what can be used now; the link itself can be given, and its secret comes back nowhere", async () => {
  const b = exportBot(w);
  expect(await said(b, ada, "")).toContain("No link to an export can be used now");
  await exported(b, "template-t-1");
  const first = lastOf(w);
  await exported(b, "template-t-2", mia("ben"));
  const listed = await said(b, ada, "");
  expect(listed).toContain("2 links to exports can be used now");
  expect(listed).toContain(`{"code":"${first.id}"},": ",{"code":"t-1"}," of aurora, asked for by mia, until "`);

  const done = await said(b, ada, `revoke ${String(first.link)}`);
  expect(done).toContain("The link to t-1 of aurora is revoked");
  expect(w.shown.at(-1)).toMatchObject({ id: first.id, state: "revoked", revoked: { by: "ada" } });
  expect(await said(b, ada, "")).toContain("1 link to an export can be used now");
  expect(await said(b, ada, `revoke ${first.id}`)).toContain("there is nothing to revoke");
  expect(await said(b, ada, "revoke 6f1c9a1e-0000-4000-8000-000000000001")).toContain("may revoke its link");
  expect(await audited()).toContain("ci:ada export.revoked");
  const secret = String(first.link).split("/").at(-1) ?? "?";
  expect(done + listed + JSON.stringify(await readAudit(fresh.db, { limit: 99 }))).not.toContain(secret);
  w.now += 25 * 3600_000;
  expect(await said(b, ada, "")).toContain("No link to an export can be used now");
});

test("what one replica revoked ends what another one sends, once its clock says that seconds have passed", async () => {
  const endless = async () =>
    ok(
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536);
        })(),
      ),
    );
  const serving = exportBot(w, { archive: { open: endless } });
  await exported(exportBot(w), "template-t-1");
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update archive_entry set bytes = 1000000000000");
  });
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => expect(e).toBe(null) }, serving.links);
  const url = `${server.url}${new URL(String(lastOf(w).link)).pathname}`;
  const reader = (await fetch(url)).body?.getReader();
  expect((await reader?.read())?.done).toBe(false);
  // The other replica shares nothing with this one but the database.
  const other = exportBot(w);
  expect((await other.services.exports.revoke(lastOf(w).id, ada, "U9")).ok).toBe(true);
  expect((await reader?.read())?.done).toBe(false);
  w.now += 5_001;
  await expect(
    (async () => {
      for (;;) if ((await reader?.read())?.done !== false) return;
    })(),
  ).rejects.toThrow();
  await server.close();
});

test("bytes flow while nobody can say, are asked about again, and none passes once it is known", async () => {
  let [now, asked] = [0, 0];
  let says: () => Promise<boolean> = () => Promise.reject(new Error("the database is away"));
  // Larger than what waits between the archive and the network, so that one after the other is asked about.
  const source = Readable.from(Array.from({ length: 20 }, (_x, n) => Buffer.alloc(100_000, n)));
  const body = watched(
    source,
    () => ((asked += 1), says()),
    () => (now += 6_000) as never,
  );
  const read: number[] = [];
  let askedBefore = 0;
  await expect(
    (async () => {
      for await (const chunk of body) {
        read.push((chunk as Buffer).at(0) ?? -1);
        if (read.length !== 5) continue;
        askedBefore = asked;
        says = async () => false;
      }
    })(),
  ).rejects.toThrow();
  expect(askedBefore).toBeGreaterThan(3);
  // What had passed before may still be read.
  expect(read.length).toBeLessThan(10);
  expect(source.destroyed).toBe(true);
});

test("a download that nobody revoked is whole, byte for byte, however often it is asked about", async () => {
  let [now, asked] = [0, 0];
  const parts = Array.from({ length: 50 }, (_x, n) => Buffer.alloc(100_000, n));
  const body = watched(
    Readable.from(parts),
    async () => ((asked += 1), true),
    () => (now += 6_000) as never,
  );
  // Element by element, as `toEqual` compares them, five million bytes take half a minute.
  expect(Buffer.concat(await body.toArray()).equals(Buffer.concat(parts))).toBe(true);
  expect(asked).toBe(50);
});

test("without an address of ours the bucket's is handed out, for an hour, and no button promises what it cannot do", async () => {
  const signed: unknown[] = [];
  const sign = async (...of: unknown[]) => ok((signed.push(of.slice(1)), "https://bucket.example.org/key?X-Amz-Signature=secret"));
  const b = exportBot(w, { archive: { sign: sign as never }, publicUrl: () => null });
  await exported(b, "template-t-1");
  const view = lastOf(w);
  expect(signed).toEqual([["GET", 'attachment; filename="t-1.qcow2"', 3600]]);
  expect(view).toMatchObject({ state: "ready", isDirect: true, problem: null, linkUntil: w.now + 3600_000 });
  const shown = JSON.stringify(renderExport(view).blocks);
  expect(shown).toContain("https://bucket.example.org/key?X-Amz-Signature=secret");
  expect(shown).toContain("it cannot be revoked");
  expect(shown).not.toContain("export_revoke");
  expect(validateBlocks(renderExport(view).blocks, "message")).toEqual([]);
  // It can be used, so it is listed, and nobody is told that it opens nothing; the address is stored nowhere.
  expect(await said(b, ada, "")).toMatch(/1 link to an export can be used now.*the bucket's own address/);
  expect(await b.services.exports.revoke(view.id, mia(), "U1")).toMatchObject({ ok: false, error: { code: "export.bucket_link" } });
  expect(await said(b, ada, `revoke ${view.id}`)).toMatch(/nobody can revoke it.*ends by itself an hour after it was sent/);
  for (const address of [
    String(view.link),
    "https://bucket.example.org/twokey/6f1c9a1e-0000-4000-8000-000000000001?X-Amz-Signature=secret",
  ])
    expect(await said(b, ada, `revoke ${address}`)).toMatch(/nobody can revoke it.*ends by itself an hour after it was sent/);
  expect(JSON.stringify(await readAudit(fresh.db, { limit: 99 }))).not.toContain("X-Amz");
  w.now += 3600_001;
  expect(await said(b, ada, "")).toContain("No link to an export can be used now");
  expect(await said(b, ada, `revoke ${view.id}`)).toContain("there is nothing to revoke");
});

test.each([
  ["gives no address", async () => err(failure("unavailable", "archive.away", "away"))],
  ["gives one that fits no message", async () => ok(`https://bucket.example.org/${"x".repeat(3000)}`)],
])("a bucket that %s: it is said that there is no link, and what to do", async (_what, sign) => {
  const b = exportBot(w, { archive: { sign }, publicUrl: () => null });
  await exported(b, "template-t-1");
  expect(lastOf(w)).toMatchObject({ state: "ready", link: null, problem: expect.stringContaining("TWOKEY_PUBLIC_URL") as string });
  // What was handed out to nobody is no link.
  expect(await said(b, ada, "")).toContain("No link to an export can be used now");
  expect(await said(b, ada, `revoke ${lastOf(w).id}`)).toContain("there is nothing to revoke");
  expect(await readHomeExports(fresh.db, "ci:mia", w.now)).toMatchObject([{ state: "ready", hasLink: false, told: true }]);
});

test("of many links the newest are listed and all are counted; those of one project are listed alone", async () => {
  const b = exportBot(w);
  await exported(b, "template-t-1");
  await fresh.db.exec(
    `insert into export (id, slug, item_kind, template_id, template_name, asked_by, asked_by_name, listener, state, link, token_sha256, link_until,
       asked_at, told)
     select gen_random_uuid(), case when n <= 50 then 'borealis' else 'cirrus' end, 'template', 't' || n, 'image ' || n, 'ci:17', 'Ben',
       '{"channel":"C1","user":"U2"}', 'ready', 'ours', 'h' || n, 9000 + n, 1, true from generate_series(1, 60) n`,
  );
  w.now = 5000;
  const all = await said(b, ada, "");
  expect(all).toMatch(/61 links to exports can be used now.*asked for by Ben.*16 older ones not shown/);
  expect(all.match(/asked for by/g)).toHaveLength(45);
  const cirrus = await said(b, ada, "cirrus");
  expect(cirrus).toContain("10 links to exports of cirrus can be used now");
  expect(cirrus.match(/asked for by Ben/g)).toHaveLength(10);
  expect(await said(b, ada, "nimbus")).toContain("No link to an export of nimbus can be used now");
});

test("with an address of ours it is our own link, which can be revoked, also where the bucket signs", async () => {
  const b = exportBot(w, { archive: { sign: async () => ok("https://bucket.example.org/x") } });
  await exported(b, "template-t-1");
  expect(lastOf(w)).toMatchObject({ isDirect: false, link: expect.stringMatching(/^https:\/\/twokey\.test\/exports\//) as string });
});
