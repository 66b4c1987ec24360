/** Claim: after a day like that of 2017, the domain is made again by one command and its templates come back, byte for byte, by another. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAudit, verifyAudit } from "../../src/store/audit.ts";
import { eventually } from "../support/eventually.ts";
import { RestoreWorld, seededBytes, today } from "./restore-world.ts";

const BYTES = 1_300_007;
let world: RestoreWorld;

beforeEach(async () => {
  world = await RestoreWorld.start([
    { id: "p-1", slug: "alpha", members: ["ann", "bob"] },
    { id: "p-2", slug: "beta", members: ["ann"] },
  ]);
});
afterEach(() => world.close());

test("backed up, destroyed all at once, rebuilt, restored: the same bytes, and what is lost is named", async () => {
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

  const ran = await world.restore("alpha", "--from", today(), "--to", "ROOT/ci/alpha");
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
  expect(ran.out).toMatch(/ {2}web-1 of ann: offering Small Instance \([0-9a-f-]{36}\); 1 CPUs, 512 MiB; template .+; disks .*data 5\.0 GiB/);

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
