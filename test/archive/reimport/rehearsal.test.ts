/** Claim: after a day like that of 2017, the domain is made again by one command and its templates come back, byte for byte, by another. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAudit, verifyAudit } from "../../../src/store/audit.ts";
import { eventually } from "../../support/eventually.ts";
import { RestoreWorld, seededBytes, today } from "./world.ts";

const BYTES = 1_300_007;
let world: RestoreWorld;

beforeEach(async () => {
  world = await RestoreWorld.start([
    { id: "p-1", slug: "alpha", members: ["ann", "bob"] },
    { id: "p-2", slug: "beta", members: ["ann"] },
  ]);
});
afterEach(() => world.close());

test("backed up, destroyed all at once, rebuilt, re-imported: the same bytes, and what is lost is named", async () => {
  const [ann, bob] = [world.account("alpha", "ann"), world.account("alpha", "bob")];
  const golden = world.cloud.addTemplate({ account: ann, name: "golden", bytes: BYTES });
  const builder = world.cloud.addTemplate({ account: bob, name: "builder", bytes: 4_096 });
  const machine = world.cloud.addMachine({ account: ann, name: "web-1", stopped: true });
  world.cloud.addVolume({ account: ann, name: "data", machine });
  world.cloud.addSnapshot({ machine, name: "friday" });
  await world.backUp("p-1", "alpha", "everything");

  const id = world.domain("alpha").id;
  // It says that it failed, and has destroyed all of it (recording 07); asked again and again, the domain goes too.
  await eventually("the domain is gone", async () => {
    await world.call("deleteDomain", { id, cleanup: "true" });
    return !JSON.stringify(world.cloud.tree()).includes(id);
  });
  expect((await world.rebuild()).code).toBe(0);
  expect(world.domain("alpha").id).not.toBe(id);

  const ran = await world.reimport("alpha", "--from", today(), "--to", "ROOT/ci/alpha");
  expect([ran.err, ran.code]).toEqual(["", 0]);
  const back = await world.templates("alpha");
  expect(back.map((t) => [t["name"], t["account"], t["isready"]])).toEqual([
    ["builder", "bob", true],
    ["golden", "ann", true],
  ]);
  expect(world.fetched(back[1])?.equals(seededBytes(golden, BYTES))).toBe(true);
  expect(world.fetched(back[0])?.equals(seededBytes(builder, 4_096))).toBe(true);
  expect(ran.out).toContain("All 2 templates are back in ROOT/ci/alpha");
  expect(ran.out).toMatch(/ {2}volume data of machine web-1: .*archive key [0-9a-f-]{36}, .*SHA-256 [0-9a-f]{64}/);
  expect(ran.out).toMatch(/ {2}snapshot friday: .*archive key/);
  expect(ran.out).toMatch(
    / {2}web-1 of ann: offering Small Instance \([0-9a-f-]{36}\); 1 CPUs, 512 MiB; template .+; disks .*data 5\.0 GiB/,
  );

  const audit = await readAudit(world.state.db, { limit: 1_000 });
  expect(audit.filter((a) => a.kind.startsWith("restore.")).map((a) => a.kind)).toEqual([
    "restore.begun",
    "restore.register.done",
    "restore.ready",
    "restore.register.done",
    "restore.ready",
    "restore.ended",
  ]);
  expect(await verifyAudit(world.state.db)).toMatchObject({ intact: true });
});

test("a project that was deleted long ago, and that the CI database forgot: back from what its deletion saved, what was not saved is named", async () => {
  const ann = world.account("alpha", "ann");
  const golden = world.cloud.addTemplate({ account: ann, name: "golden", bytes: BYTES });
  const machine = world.cloud.addMachine({ account: ann, name: "web-1", stopped: true });
  world.cloud.addVolume({ account: ann, name: "data", machine });
  await world.archiveDeletion("p-1", "alpha");
  const id = world.domain("alpha").id;
  await eventually("the domain is gone", async () => {
    await world.call("deleteDomain", { id, cleanup: "true" });
    return !JSON.stringify(world.cloud.tree()).includes(id);
  });
  await world.forgetProject("p-1");
  world.addDomain("museum", ["zoe"]);
  for (const [i, name] of ["alpha", "p-1"].entries()) {
    const to = i === 0 ? "ROOT/ci/museum" : world.addDomain("museum-2", ["zoe"]);
    const ran = await world.reimport(name, "--from", today(), "--to", to, "--account", "zoe");
    expect([ran.err, ran.code]).toEqual(["", 0]);
    expect(ran.out).toMatch(/golden for zoe, [0-9a-f-]{36}: 1\.2 MiB, saved .* for a deletion/);
    expect(ran.out).toMatch(/Never saved, so lost \(2\):\n {2}volume .*: no copy of it was made\n {2}volume .*: no copy of it was made\n/);
    expect(ran.out).toContain("web-1 of ann: offering Small Instance");
    expect(ran.out).toMatch(/To be created again by hand \(\d\):\n {2}network: /);
  }
  const [back] = await world.templates("museum");
  expect([back?.["account"], world.fetched(back)?.equals(seededBytes(golden, BYTES))]).toEqual(["zoe", true]);
});

test("what a re-import brought back and a backup saved again comes back once the next time", async () => {
  const golden = world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "golden", bytes: BYTES });
  await world.backUp("p-1", "alpha", "templates");
  world.addDomain("second", ["ann"]);
  expect((await world.reimport("alpha", "--from", today(), "--to", "ROOT/ci/second")).code).toBe(0);
  await world.backUp("p-1", "second", "templates");
  world.addDomain("third", ["ann"]);
  const ran = await world.reimport("p-1", "--from", today(), "--to", "ROOT/ci/third");
  expect([ran.err, ran.code]).toEqual(["", 0]);
  const back = await world.templates("third");
  expect(back.map((t) => t["name"])).toEqual(["golden"]);
  expect(world.fetched(back[0])?.equals(seededBytes(golden, BYTES))).toBe(true);
});

test("a re-import of an older day brings back the bytes of that day, and into another project's domain only with a word of warning", async () => {
  const ann = world.account("alpha", "ann");
  const old = world.cloud.addTemplate({ account: ann, name: "golden", bytes: 5_000 });
  await world.backUp("p-1", "alpha", "templates", Date.UTC(2026, 0, 5, 12));
  const young = world.cloud.addTemplate({ account: ann, name: "silver", bytes: 6_000 });
  await world.backUp("p-1", "alpha", "templates", Date.UTC(2026, 1, 5, 12));
  const ran = await world.reimport("alpha", "--from", "2026-01-31", "--to", "ROOT/ci/beta");
  expect([ran.code, ran.out]).toEqual([0, expect.stringContaining("Note: ROOT/ci/beta is the domain of another project, p-2")]);
  expect((await world.templates("beta")).map((t) => t["name"])).toEqual(["golden"]);
  world.addDomain("both", ["ann"]);
  expect((await world.reimport("alpha", "--from", "2026-02-05", "--to", "ROOT/ci/both")).code).toBe(0);
  const back = await world.templates("both");
  expect(back.map((t) => world.fetched(t)?.length)).toEqual([5_000, 6_000]);
  expect(world.fetched(back[0])?.equals(seededBytes(old, 5_000))).toBe(true);
  expect(world.fetched(back[1])?.equals(seededBytes(young, 6_000))).toBe(true);
});

test("while the bot listens on the port, it serves the templates", async () => {
  world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "golden", bytes: 5_000 });
  await world.backUp("p-1", "alpha", "templates");
  world.addDomain("spare", ["ann"]);
  const bot = await world.serve();
  world.env["TWOKEY_HTTP_PORT"] = String(bot.port);
  const ran = await world.reimportAlpha();
  await bot.close();
  expect([ran.err, ran.code]).toEqual(["", 0]);
});

test("CloudStack itself was replaced: zone and OS type are found by what they are called there, and the bytes come back", async () => {
  const golden = world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "golden", bytes: BYTES });
  await world.backUp("p-1", "alpha", "templates");
  const old = world.cloud.ids;
  await world.replaceCloud();
  expect(world.cloud.ids.zone).not.toBe(old.zone);
  const ran = await world.reimport("alpha", "--from", today(), "--to", "ROOT/ci/alpha");
  expect([ran.err, ran.code]).toEqual(["", 0]);
  expect(ran.out).toContain("Note: Templates whose own zone no longer exists go into the zone Sandbox.");
  const [back] = await world.templates("alpha");
  expect([back?.["zoneid"], back?.["ostypeid"]]).toEqual([world.cloud.ids.zone, world.cloud.ids.osType]);
  expect(world.fetched(back)?.equals(seededBytes(golden, BYTES))).toBe(true);
});
