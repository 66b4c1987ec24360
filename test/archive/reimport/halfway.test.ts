/** Claim: what happens between two registrations counts before the second one: a stop, a deletion, a domain that goes, a pass that begins. */
import { resumeByTwo } from "../../support/stop.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recordStop } from "../../../src/store/stop-switch.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { ok, type Result } from "../../../src/core/result.ts";
import { eventually } from "../../support/eventually.ts";
import { RestoreWorld } from "./world.ts";

let world: RestoreWorld;
let served: Awaited<ReturnType<RestoreWorld["serve"]>>;

beforeEach(async () => {
  world = await RestoreWorld.start([{ id: "p-1", slug: "alpha", members: ["ann"] }]);
  for (const name of ["a-first", "b-second"]) world.cloud.addTemplate({ account: world.account("alpha", "ann"), name, bytes: 9_000 });
  await world.backUp("p-1", "alpha", "templates");
  world.addDomain("spare", ["ann"]);
  served = await world.serve();
});
afterEach(async () => {
  await served.close();
  await world.close();
});

/** Re-imports alpha; `happens` after the first registration, and the re-import waits for it. */
function reimportWhile(happens: () => Promise<unknown>): Promise<Result<unknown, Failure>> {
  let happened: Promise<unknown> | null = null;
  return world.reimportWith(({ cloud }) => ({
    registrar: {
      registerTemplate: async (t) => {
        const done = await cloud.registrar.registerTemplate(t);
        await (happened ??= happens());
        return done;
      },
    },
  }));
}
const names = async (): Promise<readonly unknown[]> => (await world.templates("spare")).map((t) => t["name"]);

test("/ci-stop ends it before the next call; after the resume the same re-import goes on", async () => {
  const ran = await reimportWhile(() => recordStop(world.state.db, { at: 1, kind: "stop", byOperator: "ci:ada", reason: "drill" }));
  expect(ran).toMatchObject({ ok: false, error: { code: "restore.stopped", message: "Everything is stopped: drill" } });
  expect(world.registrations()).toHaveLength(1);
  await resumeByTwo(world.state.db, 2);
  expect(await reimportWhile(() => Promise.resolve())).toMatchObject({ ok: true });
  expect([await names(), world.registrations().length]).toEqual([["a-first", "b-second"], 2]);
});

test("/ci-stop at the last moment: the call itself asks the switch, is not sent, and goes on after the resume", async () => {
  const ran = await world.reimportWith(() => ({}), {
    reach: async () => {
      await recordStop(world.state.db, { at: 1, kind: "stop", byOperator: "ci:ada", reason: "drill" });
      return ok(undefined);
    },
  });
  expect(ran).toMatchObject({ ok: false, error: { code: "cloudstack.stopped" } });
  expect(world.registrations()).toEqual([]);
  await resumeByTwo(world.state.db, 2);
  expect(await reimportWhile(() => Promise.resolve())).toMatchObject({ ok: true });
  expect(world.registrations()).toHaveLength(2);
});

test("a deletion of the domain that is opened ends it before the next call", async () => {
  const ran = await reimportWhile(() => world.openDeletion("p-9", "spare"));
  expect(ran).toMatchObject({ ok: false, error: { code: "restore.under_deletion" } });
  expect(world.registrations()).toHaveLength(1);
});

test("a domain that goes away ends it before the next call", async () => {
  const { id } = world.domain("spare");
  const ran = await reimportWhile(() =>
    eventually("the domain is gone", async () => {
      await world.call("deleteDomain", { id, cleanup: "true" });
      return !JSON.stringify(world.cloud.tree()).includes(id);
    }),
  );
  expect(ran).toMatchObject({ ok: false, error: { code: "cloudstack.domain_gone" } });
  expect(world.registrations()).toHaveLength(1);
});

test("no pass can begin while a template is registered; one can as soon as it is", async () => {
  const taken: boolean[] = [];
  const tryPass = async (): Promise<boolean> =>
    (await world.state.db.withAdvisoryLock("twokey.pass", { waitMs: 0 }, () => Promise.resolve())).held;
  const ran = await reimportWhile(async () => taken.push(await tryPass()));
  expect([ran.ok, taken, await tryPass()]).toEqual([true, [false], true]);
});
