/**
 * Claims: a link can be revoked by who asked and by the team, and by nobody else; curl and wget resume with it, and keep the file under its
 * name; where the bucket signs, it passes people on. People who ask for one thing see one download, and what it is at.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { startHttpServer } from "../../src/app/http.ts";
import { dispositionOf, fileNameOf } from "../../src/archive/file-name.ts";
import { signUrl } from "../../src/archive/s3-sign.ts";
import { renderExport } from "../../src/bot/render/export.ts";
import type { Slug } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { AuditColumns } from "../../src/store/audit.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { putInForce, type TestBot } from "../support/bot.ts";
import { item } from "../support/deletions.ts";
import { resetDatabase } from "../sim/reset.ts";
import { body, exportBot, exported, exportWorld, lastOf, mia, place, type ExportWorld } from "./export-world.ts";

const run = promisify(execFile);
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

const theLink = () => new URL(String(lastOf(w).link)).pathname;

async function serving(b: TestBot, work: (url: string) => Promise<void>): Promise<void> {
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => expect(e).toBe(null) }, b.links);
  await work(`${server.url}${theLink()}`).finally(() => server.close());
}

test("a stranger cannot revoke a link, nor can it be revoked twice; who asked and the team can, and it is in the audit log without it", async () => {
  const b = exportBot(w);
  await exported(b, "template-t-1");
  const { id } = lastOf(w);
  const link = String(lastOf(w).link);
  expect(await b.services.exports.revoke(id, mia("eve"), "U2")).toMatchObject({ ok: false, error: { code: "export.not_yours" } });
  expect(await b.services.exports.revoke("6f1c9a1e-0000-4000-8000-000000000001", mia(), "U1")).toMatchObject({ ok: false });
  await serving(b, async (url) => {
    expect((await fetch(url)).status).toBe(200);
    expect(await b.services.exports.revoke(id, mia(), "U1")).toMatchObject({
      ok: true,
      value: { state: "revoked", revoked: { by: "mia" } },
    });
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(url, { headers: { range: "bytes=5-" } })).status).toBe(404);
  });
  expect(await b.services.exports.revoke(id, mia(), "U1")).toMatchObject({ ok: false, error: { kind: "stale" } });
  expect(lastOf(w)).toMatchObject({ state: "revoked", link: null });
  const audit = await fresh.db.many(
    AuditColumns.pick({ kind: true, actor: true, data: true }),
    "select kind, actor, data from audit order by seq",
  );
  expect(audit.at(-1)).toMatchObject({ kind: "export.revoked", actor: "ci:mia" });
  expect(JSON.stringify(audit)).not.toContain(link.split("/").at(-1));

  await exported(b, "template-t-1");
  const team = { ...mia("ada"), isTeam: true };
  expect((await b.services.exports.revoke(lastOf(w).id, team, "U9")).ok).toBe(true);
  await exported(b, "template-t-1");
  w.now += 25 * 3600_000;
  expect(await b.services.exports.revoke(lastOf(w).id, mia(), "U1")).toMatchObject({ ok: false, error: { code: "export.no_link" } });
});

test("a download that has begun breaks off when its link is revoked", async () => {
  const endless = async () =>
    ok(
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536);
        })(),
      ),
    );
  const before = exportBot(w);
  await exported(before, "template-t-1");
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update archive_entry set bytes = 1000000000000");
  });
  const b = before.with({ archive: { open: endless } });
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => expect(e).toBe(null) }, b.links);
  const answer = await fetch(`${server.url}${theLink()}`).then((r) => r.body?.getReader());
  expect((await answer?.read())?.done).toBe(false);
  expect((await b.services.exports.revoke(lastOf(w).id, mia(), "U1")).ok).toBe(true);
  await expect(
    (async () => {
      for (;;) if ((await answer?.read())?.done !== false) return;
    })(),
  ).rejects.toThrow();
  await server.close();
});

test("curl and wget resume a download that broke off, keep its name, and the line to check it says OK", async () => {
  const b = exportBot(w);
  w.items = [
    item("template", "t-1", { name: 'Größe "x" $(id)', bytes: body.length, facts: { physicalBytes: body.length, format: "OVA" } }),
  ];
  await exported(b, "template-t-1");
  await serving(b, async (url) => {
    const folder = mkdtempSync(path.join(tmpdir(), "twokey-curl-"));
    const file = String(lastOf(w).fileName);
    expect(file).toBe("Größe__x____id_.ova");
    const there = (name: string) => existsSync(`/usr/bin/${name}`);
    for (const [program, args] of [
      ["curl", ["-sS", "--fail", "-C", "-", "-o", file, url]],
      ["wget", ["-q", "-c", "-O", file, url]],
    ] as const) {
      writeFileSync(path.join(folder, file), body.subarray(0, 100));
      if (there(program)) await run(program, args, { cwd: folder });
      else {
        const rest = await fetch(url, { headers: { range: "bytes=100-" } });
        writeFileSync(path.join(folder, file), Buffer.concat([body.subarray(0, 100), Buffer.from(await rest.arrayBuffer())]));
      }
      expect(readFileSync(path.join(folder, file))).toEqual(body);
    }
    const shown = JSON.stringify(renderExport(lastOf(w)).blocks);
    const [, line = ""] = /```(echo .*?)```/.exec(shown) ?? [];
    const checked = await run("sh", ["-c", JSON.parse(`"${line}"`) as string], { cwd: folder });
    expect(checked.stdout).toMatch(/: OK\n$/);
    if (!there("curl")) return;
    await run("curl", ["-sSOJ", "--fail", url], { cwd: folder });
    expect(readdirSync(folder).toSorted()).toContain("Gr__e__x____id_.ova");
  });
});

test.each([
  ["aurora-img", "QCOW2", null, "aurora-img.qcow2"],
  ["aurora.qcow2", "QCOW2", null, "aurora.qcow2"],
  ["disk", null, "VMware", "disk.ova"],
  ["disk", null, "XenServer", "disk.vhd"],
  ["disk", null, null, "disk"],
  ["../../etc/passwd", "RAW", null, "__.._etc_passwd.raw"],
  ["", null, null, "file"],
  ["-rf `id`; \u202Egpj", "VHD", null, "_rf__id____gpj.vhd"],
  ["名前", "OVA", null, "名前.ova"],
])("the file of %j, %s, %s is called %s", (name, format, hypervisor, expected) => {
  const file = fileNameOf(name, format, hypervisor);
  expect(file).toBe(expected);
  expect(dispositionOf(file)).toMatch(/^attachment; filename="[\x20-\x7e]*"(?:; filename\*=UTF-8''[A-Za-z0-9._%-]+)?$/);
});

test("people who wait for one thing see the one download: asked for, so many bytes, checked, and a link each", async () => {
  const b = exportBot(w, {
    exports: {
      openExport: async () =>
        ok({
          open: async () =>
            ok({
              bytes: Readable.from([body.subarray(0, 10), body.subarray(10)].map((part) => ((w.now += 3000), part))),
              offset: 0,
              totalBytes: body.length,
            }),
        }),
    },
  });
  for (const name of ["mia", "ben"]) await b.services.exports.start(mia(name), "aurora" as Slug, "template-t-1", place);
  await b.work.export("template-t-1", new AbortController().signal);
  const ids = [...new Set(w.shown.map((v) => v.id))];
  expect(ids).toHaveLength(2);
  for (const id of ids) {
    const own = w.shown.filter((v) => v.id === id);
    expect(own.map((v) => v.step)).toEqual(expect.arrayContaining(["asking", "copying", "checking"]));
    expect(own.filter((v) => v.step === "copying").every((v) => v.others === 1)).toBe(true);
    expect(own.at(-1)).toMatchObject({ state: "ready", copiedAt: null });
  }
  expect(new Set(w.shown.flatMap((v) => v.link ?? [])).size).toBe(2);
  w.now += 1;
  await exported(b, "template-t-1");
  expect(lastOf(w)).toMatchObject({ state: "ready", copiedAt: expect.any(Number), isGone: false });
  for (const view of w.shown) expect(validateBlocks(renderExport(view).blocks, "message")).toEqual([]);
});

test("where the bucket signs, our link passes on to an address of the bucket's, after the same questions", async () => {
  const signed: string[] = [];
  const sign = async (key: string, method: string, name: string) =>
    ok((signed.push(`${method} ${name}`), `https://bucket.example.org/${key}?sig`));
  const b = exportBot(w, { archive: { sign } });
  await exported(b, "template-t-1");
  expect(JSON.stringify(renderExport(lastOf(w)).blocks)).toContain("five minutes");
  await serving(b, async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([
      307,
      expect.stringMatching(/^https:\/\/bucket\.example\.org\/[0-9a-f-]+\?sig$/),
    ]);
    await fetch(url, { redirect: "manual", method: "HEAD" });
    expect(signed).toEqual(['GET attachment; filename="t-1.qcow2"', 'HEAD attachment; filename="t-1.qcow2"']);
    await b.services.exports.revoke(lastOf(w).id, mia(), "U1");
    expect((await fetch(url, { redirect: "manual" })).status).toBe(404);
  });
});

test("an address is signed as Amazon's example is", () => {
  const signed = signUrl(new URL("https://examplebucket.s3.amazonaws.com/test.txt"), {
    method: "GET",
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
    at: Date.UTC(2013, 4, 24),
    seconds: 86400,
  });
  expect(new URL(signed).searchParams.get("X-Amz-Signature")).toBe("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
});

test("volumes and snapshots only where the policy allows; not of a machine that runs, nor what is too big; a volume is never an old copy", async () => {
  const machine = item("machine", "m", { name: "builder", state: "Running" });
  const volume = item("volume", "v", { bytes: 5, parentId: machine.id });
  w.items = [volume, machine, item("snapshot", "s", { state: "BackedUp", bytes: 5 }), item("template", "t-1", { bytes: 2 ** 40 })];
  const b = exportBot(w);
  const code = async (id: string, kind: "template" | "volume" | "snapshot", of = b) => {
    const asked = await exported(of, id, mia(), kind);
    return asked.ok ? "ok" : `${asked.error.code}: ${asked.error.message}`;
  };
  await putInForce(fresh.db);
  expect(await code(volume.id, "volume")).toContain("export.kind");
  expect(await b.services.exports.choices(mia(), "snapshot")).toMatchObject({ ok: false, error: { code: "export.kind" } });
  await putInForce(fresh.db, { exportKinds: ["volume", "snapshot"] });
  expect(await code(volume.id, "volume")).toBe(
    "export.not_now: A volume can be exported once it is detached or its machine is stopped; builder is Running",
  );
  const small = { ...b.parts.config, archive: { ...b.parts.config.archive, exportMaxBytes: 2 ** 30 } };
  expect(await code("template-t-1", "template", b.with({ config: small }))).toBe(
    "export.too_big: t-1 has 1.0 TiB; at most 1.0 GiB can be exported",
  );
  w.items = w.items.map((i) => (i === machine ? { ...i, state: "Stopped" } : i));
  expect(await code(volume.id, "volume")).toBe("ok");
  w.now += 10;
  expect(await code(volume.id, "volume")).toBe("ok");
  expect(w.downloads).toEqual(["v", "v"]);
  expect(await code("snapshot-s", "snapshot")).toBe("ok");
  expect(await code("snapshot-s", "snapshot")).toBe("ok");
  expect(w.downloads).toEqual(["v", "v", "s"]);
  expect(createHash("sha256").update(body).digest("hex")).toBe(lastOf(w).sha256);
});
