/** Claim: what cannot come back is named with its reason, the rest comes back, and whatever goes wrong registers nothing twice. */
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Instant } from "../../../src/core/ids.ts";
import { twokey } from "../../support/terminal.ts";
import { RestoreWorld, today } from "./world.ts";

const DESTRUCTIVE = /^(?:delete|destroy|disable|lock|expunge|remove|stop|update)/;
const DAY = 86_400_000;
let world: RestoreWorld;
/** What a person deletes between two runs is no deed of the re-import. */
const deletedByTest = new Set<string>();

beforeEach(async () => {
  world = await RestoreWorld.start([{ id: "p-1", slug: "alpha", members: ["ann"] }]);
  for (const name of ["a-first", "b-second"]) world.cloud.addTemplate({ account: world.account("alpha", "ann"), name, bytes: 70_000 });
  world.addDomain("spare", ["ann"]);
});
afterEach(async () => {
  expect(
    world.cloud.requests().filter((r) => DESTRUCTIVE.test(r.command) && !deletedByTest.has(r.params["id"] ?? "")),
    "a re-import takes nothing away",
  ).toEqual([]);
  await world.close();
});

/** The file of a template's copy in the archive. */
async function fileOf(name: string): Promise<string> {
  const { key } = await world.state.db.one(z.object({ key: z.string() }), "select store_key as key from archive_entry where name = $1", [
    name,
  ]);
  return path.join(world.archive, key.slice(0, 2), key);
}
const names = async (): Promise<readonly unknown[]> => (await world.templates("spare")).map((t) => t["name"]);

test("copies whose bytes are gone, too few, others or too many are not even registered; the sound ones come back", async () => {
  const spoilt: readonly (readonly [string, (file: string) => void, string])[] = [
    ["c-gone", (file) => rmSync(file), "An object is missing in the archive"],
    ["d-ends-early", (file) => truncateSync(file, 69_999), "are not what its manifest says"],
    ["e-others", (file) => writeFileSync(file, Buffer.alloc(70_000, 7)), "are not what its manifest says"],
    ["f-more", (file) => writeFileSync(file, Buffer.alloc(70_001, 7)), "are not what its manifest says"],
  ];
  for (const [name] of spoilt) world.cloud.addTemplate({ account: world.account("alpha", "ann"), name, bytes: 70_000 });
  await world.backUp("p-1", "alpha", "templates");
  for (const [name, spoils] of spoilt) spoils(await fileOf(name));
  const ran = await world.reimportAlpha();
  expect([ran.code, ran.err]).toEqual([1, ""]);
  expect(ran.out).toContain("Templates that are not back (4):\n");
  for (const [name, , said] of spoilt) expect(ran.out).toMatch(new RegExp(`\n {2}${name} for ann: .*${said}`));
  expect(ran.out).toContain("2 of 6 templates are back in ROOT/ci/spare. Run it again to continue.");
  expect([await names(), world.registrations().length]).toEqual([["a-first", "b-second"], 2]);
  const again = await world.reimportAlpha();
  expect([again.code, await names(), world.registrations().length]).toEqual([1, ["a-first", "b-second"], 2]);
});

test("an archive that is away brings nothing back, and says so; nothing is sent", async () => {
  await world.backUp("p-1", "alpha", "templates");
  const bucket = {
    ARCHIVE_S3_BUCKET: "gone",
    ARCHIVE_S3_ENDPOINT: "http://127.0.0.1:9",
    ARCHIVE_S3_ACCESS_KEY_ID: "a",
    ARCHIVE_S3_SECRET_ACCESS_KEY: "b",
  };
  Object.assign(world.env, bucket);
  const ran = await world.reimportAlpha();
  expect([ran.code, world.registrations()]).toEqual([1, []]);
  expect(ran.out).toMatch(/a-first for ann: .*archive/i);
  for (const name of Object.keys(bucket)) delete world.env[name];
  expect((await world.reimportAlpha()).code).toBe(0);
});

test("a name that CloudStack refuses, and one that is never sent, are named; the others come back", async () => {
  const account = world.account("alpha", "ann");
  world.cloud.addTemplate({ account, name: "x".repeat(256), bytes: 1_000 });
  world.cloud.addTemplate({ account, name: "c:\\disk", bytes: 1_000 });
  world.cloud.addTemplate({ account, name: "formless", bytes: 1_000, format: "" });
  await world.backUp("p-1", "alpha", "templates");
  const ran = await world.reimportAlpha();
  expect(ran.code).toBe(1);
  expect(ran.out).toContain("Value greater than max allowed length 255");
  expect(ran.out).toContain("c:\\disk for ann: registerTemplate: name holds a character that CloudStack would garble");
  expect(ran.out).toContain("formless for ann: its manifest does not say which format the file has");
  expect(await names()).toEqual(["a-first", "b-second"]);
});

test("CloudStack refuses registrations with 431, 530 and 535: each is named, and tried again the next time", async () => {
  world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "c-third", bytes: 70_000 });
  world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "d-fourth", bytes: 70_000 });
  await world.backUp("p-1", "alpha", "templates");
  // A fault that lets calls pass counts those that another fault has struck.
  const statuses = [431, 530, 535];
  world.cloud.setFaults(statuses.map((status, i) => ({ kind: "status", status, command: "registerTemplate", times: 1, afterCalls: i })));
  const ran = await world.reimportAlpha();
  expect([ran.code, await names()]).toEqual([1, ["d-fourth"]]);
  for (const [i, name] of ["a-first", "b-second", "c-third"].entries())
    expect(ran.out).toMatch(new RegExp(`${name} for ann: registerTemplate: CloudStack answered ${statuses[i] ?? 0}`));
  expect([(await world.reimportAlpha()).code, await names()]).toEqual([0, ["a-first", "b-second", "c-third", "d-fourth"]]);
});

test("a manifest that is spoilt is named, and nothing is sent for it", async () => {
  await world.backUp("p-1", "alpha", "templates");
  await world.state.db.tx(async (q) => {
    // As a hand with all rights could: past the guards.
    await q.exec("set local session_replication_role = replica");
    await q.exec("update archive_entry set manifest = jsonb_set(manifest, '{item,facts,format}', '\"TAR.XZ\"') where name = 'a-first'");
    await q.exec(
      "update archive_entry set manifest = jsonb_set(manifest, '{item,facts}', manifest #> '{item,facts}' || '{\"osTypeId\": \"7\", \"osType\": \"Plan 9\"}') where name = 'b-second'",
    );
  });
  const ran = await world.reimportAlpha();
  expect(ran.out).toContain("a-first for ann: its manifest does not say which format the file has");
  expect(ran.out).toContain("b-second for ann: CloudStack has no OS type Plan 9. Add one of that name");
  expect([ran.code, await names()]).toEqual([1, []]);
});

test("CloudStack cannot fetch a template: its own words, and how to go on; after that it comes back once", async () => {
  await world.backUp("p-1", "alpha", "templates");
  const good = world.hosts["twokey.test"] ?? "";
  world.hosts["twokey.test"] = "127.0.0.1:9";
  const ran = await world.reimportAlpha();
  expect(ran.code).toBe(1);
  const [failed] = await world.templates("spare");
  expect(ran.out).toContain(`Delete the template ${String(failed?.["id"])} in CloudStack, and run it again`);
  expect(ran.out).toMatch(/a-first for ann: CloudStack could not fetch it: .*ECONNREFUSED.*TWOKEY_PUBLIC_URL/);
  world.hosts["twokey.test"] = good;
  const stuck = await world.reimportAlpha();
  expect([stuck.code, world.registrations().length]).toEqual([1, 2]);
  for (const t of await world.templates("spare")) {
    deletedByTest.add(String(t["id"]));
    await world.call("deleteTemplate", { id: String(t["id"]) });
  }
  const again = await world.reimportAlpha();
  expect([again.code, await names()]).toEqual([0, ["a-first", "b-second"]]);
  expect(again.out).toMatch(/a-first: CloudStack no longer has its template [0-9a-f-]{36}; it is registered again/);
});

test("a template that never becomes ready is named with its status when its link's time is over, and the link is dead", async () => {
  await world.backUp("p-1", "alpha", "templates");
  const hole = createServer(() => undefined);
  await new Promise<void>((resolve) => hole.listen(0, "127.0.0.1", resolve));
  world.hosts["twokey.test"] = `127.0.0.1:${(hole.address() as AddressInfo).port}`;
  let passed = 0;
  const { code, out, err } = await twokey(["reimport", "alpha", "--from", today(), "--to", "ROOT/ci/spare"], world.env, {
    now: () => (Date.now() + passed) as Instant,
    sleep: () => {
      passed += DAY / 24;
      return Promise.resolve();
    },
  });
  hole.closeAllConnections();
  hole.close();
  expect([code, err]).toEqual([1, ""]);
  expect(out).toMatch(/a-first for ann: CloudStack has not fetched it in time; it says: 0% Downloaded\. Delete the template/);
  expect(await world.state.db.many(z.object({ n: z.unknown() }), "select 1 as n from restore_item where token_sha256 is not null")).toEqual(
    [],
  );
});

test.each(["lost_before", "lost_after"] as const)("an answer that gets lost (%s) is looked up, and nothing is made twice", async (kind) => {
  await world.backUp("p-1", "alpha", "templates");
  world.cloud.setFaults([{ kind, command: "registerTemplate", times: 1 }]);
  const first = await world.reimportAlpha();
  expect(first.code).toBe(kind === "lost_after" ? 0 : 1);
  if (kind === "lost_before") expect(first.out).toContain("a-first for ann: not known yet whether it is registered");
  const again = await world.reimportAlpha();
  expect([again.code, await names()]).toEqual([0, ["a-first", "b-second"]]);
  if (kind === "lost_before") expect(again.out).toMatch(/waiting \d+ s for that call to arrive/);
});

test("a server that does not show links: what was lost is found by name, owner and checksum", async () => {
  await world.backUp("p-1", "alpha", "templates");
  world.cloud.setFaults([{ kind: "lost_after", command: "registerTemplate", times: 1 }]);
  const { url } = world.cloud;
  const proxy = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void fetch(url, { method: "POST", body: Buffer.concat(chunks), headers: { "content-type": String(request.headers["content-type"]) } })
        .then(async (answer) =>
          response
            .writeHead(answer.status, { "content-type": "application/json" })
            .end((await answer.text()).replace(/"url":"[^"]*",?/g, "")),
        )
        .catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  world.env["CLOUDSTACK_API_URL"] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/client/api`;
  const ran = await world.reimportAlpha();
  proxy.closeAllConnections();
  proxy.close();
  expect([ran.err, ran.code]).toEqual(["", 0]);
  expect([await names(), world.registrations().length]).toEqual([["a-first", "b-second"], 2]);
});

test("run again when all is back it does nothing, and counts the same", async () => {
  await world.backUp("p-1", "alpha", "templates");
  expect((await world.reimportAlpha()).code).toBe(0);
  const again = await world.reimportAlpha();
  expect([again.code, again.out]).toEqual([0, expect.stringContaining("All 2 templates are back")]);
  expect(world.registrations()).toHaveLength(2);
});

test("what was brought back and removed since is brought back again, and only that", async () => {
  await world.backUp("p-1", "alpha", "templates");
  expect((await world.reimportAlpha()).code).toBe(0);
  const id = String((await world.templates("spare"))[1]?.["id"]);
  deletedByTest.add(id);
  await world.call("deleteTemplate", { id });
  const again = await world.reimportAlpha();
  expect([again.code, await names(), world.registrations().length]).toEqual([0, ["a-first", "b-second"], 3]);
  expect(again.out).toContain(`b-second: CloudStack no longer has its template ${id}; it is registered again`);
});

test("a CloudStack project's template has no account of its own: one must be named", async () => {
  const project = world.cloud.addProject({ account: world.account("alpha", "ann"), name: "inner" });
  world.cloud.addTemplate({ account: project.accountId, name: "c-of-project", bytes: 2_000 });
  await world.backUp("p-1", "alpha", "templates");
  const ran = await world.reimportAlpha();
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("ROOT/ci/spare has no account of a CloudStack project")]);
  expect(world.registrations()).toEqual([]);
  expect([(await world.reimportAlpha("--account", "ann")).code, await names()]).toEqual([0, ["a-first", "b-second", "c-of-project"]]);
});

test("a name that would turn the text of a terminal around comes back as it is, and is shown without its power", async () => {
  world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "c-\u202egnp.exe", bytes: 1_000 });
  await world.backUp("p-1", "alpha", "templates");
  const ran = await world.reimportAlpha();
  expect([ran.code, await names()]).toEqual([0, ["a-first", "b-second", "c-\u202egnp.exe"]]);
  expect(ran.out).toContain("c- gnp.exe for ann");
  expect(ran.out).not.toContain("\u202e");
});

test("another re-import into the same domain is refused, and told which one was begun there", async () => {
  await world.backUp("p-1", "alpha", "templates", Date.now() - 3 * DAY);
  const before = new Date(Date.now() - 2 * DAY).toISOString().slice(0, 10);
  expect((await world.reimport("alpha", "--from", before, "--to", "ROOT/ci/spare")).code).toBe(0);
  const other = await world.reimportAlpha();
  expect([other.code, other.err]).toEqual([
    1,
    expect.stringMatching(/is not empty: .*template a-first.*\n.*A re-import of p-1 as of .* was begun there/),
  ]);
});

test("the secret of a link is in no line, no row of ours and no audit", async () => {
  await world.backUp("p-1", "alpha", "templates");
  const tokens = ["T1".padEnd(40, "a"), "T2".padEnd(40, "b")];
  const left = [...tokens];
  const { code, out, err } = await twokey(["reimport", "alpha", "--from", today(), "--to", "ROOT/ci/spare"], world.env, {
    newToken: () => left.shift() ?? "",
  });
  const said = out + err;
  expect(code).toBe(0);
  const links = (await world.templates("spare")).map((t) => String(t["url"]));
  expect(links.map((link) => tokens.some((t) => link.includes(t)))).toEqual([true, true]);
  const dump = await world.state.db.many(
    z.object({ row: z.string() }),
    "select to_jsonb(a)::text as row from audit a union all select to_jsonb(i)::text from intent i union all select to_jsonb(o)::text from outcome o union all select to_jsonb(r)::text from restore_item r",
  );
  const everything = [said, ...dump.map((d) => d.row)].join("\n");
  for (const t of tokens) expect(everything).not.toContain(t);
  const { port, close } = await world.serve();
  const asked = await Promise.all(
    links.map(async (link) => (await fetch(link.replace("http://twokey.test", `http://127.0.0.1:${port}`))).status),
  );
  await close();
  expect(asked, "the links are dead now").toEqual([404, 404]);
});
