/**
 * Claim: a call of a deletion or of a Restore that loses its answer, before its effect or after it, is looked up; the deletion ends as it
 * would have, no call that had an effect is sent again, and the neighbour stays as it was. Every other command: test/matrix/faults.test.ts.
 * A disk is never detached in a whole deletion (it comes off when its machine is expunged); `detachVolume` is in test/cloudstack/deleter.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { CloudStackEmulator, CloudStackFault } from "../../emulators/cloudstack/server.ts";
import { resetDatabase } from "../sim/reset.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { openIntents } from "../../src/store/intents.ts";
import { fail } from "../../src/core/failure.ts";
import { valueOf } from "../cloudstack/support.ts";
import type { TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { emulatedWorld, type EmulatedWorld } from "../support/emulated-world.ts";

let fresh: FreshDatabase;
let e: EmulatedWorld;
let emulator: CloudStackEmulator;
let row: DeletionRow;
let bot: TestBot;
let machine = "";
let network = "";

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  e = await emulatedWorld(fresh.db, (cloud, a, ci) => {
    for (const [name, domain] of [
      ["a", a],
      ["beta", cloud.addDomain({ name: "beta", parent: ci })],
    ] as const) {
      const account = cloud.addAccount({ domain, name: `ann-${name}` }).accountId;
      const made = cloud.addMachine({ account, name: `m-${name}`, stopped: true });
      cloud.addVolume({ account, name: `data-${name}`, machine: made });
      cloud.addSnapshot({ machine: made });
      cloud.addTemplate({ account, name: `t-${name}` });
      if (name === "beta") continue;
      machine = made;
      network = cloud.addNetwork({ account, name: "with-rules" });
      cloud.addFirewallRule({ network, egress: true });
      cloud.addVpn({ network });
    }
  });
  ({ emulator, bot, row } = e);
});
afterEach(() => e.close());
afterAll(() => fresh.drop());

const beta = (): string =>
  JSON.stringify(
    emulator
      .tree()
      .children.find((d) => d.name === "ci")
      ?.children.find((d) => d.name === "beta"),
  );

const until = (...wanted: readonly string[]): Promise<void> => e.until(wanted);

/** The ids that a command was carried out for. The log has a request that was lost before its effect too: the first one, then. */
const carriedOut = (command: string, kind: CloudStackFault["kind"]): readonly string[] =>
  emulator
    .requests()
    .filter((r) => r.command === command && (r.status === 200 || r.status === 0))
    .slice(kind === "lost_before" ? 1 : 0)
    .map((r) => String(r.params["id"]));
/** What a call that lost its answer came to in the log of intents. */
const Outcome = z.object({ command: z.string(), results: z.array(z.string()) });
const outcomes = () =>
  fresh.db.many(
    Outcome,
    "select command, array_agg(result order by outcome.seq) as results from intent join outcome on intent_id = id group by id, command order by min(intent.at)",
  );

const kinds: readonly CloudStackFault["kind"][] = ["lost_before", "lost_after"];

describe.each(kinds)("an answer that is gone (%s)", (kind) => {
  test.each(["destroyVirtualMachine", "deleteSnapshot", "deleteEgressFirewallRule", "deleteDomain"])(
    "of %s is looked up, and the deletion ends",
    async (command) => {
      const before = beta();
      emulator.setFaults([{ kind, command, times: 1 }]);
      await until("deleted", "frozen", "closed");
      const after = await expectRow(fresh.db, row.id);
      expect([after.phase, after.frozen_reason]).toEqual(["deleted", null]);
      const ids = carriedOut(command, kind);
      expect(ids.length, command).toBeGreaterThan(0);
      expect(new Set(ids).size, "nothing is carried out twice").toBe(ids.length);
      expect(beta()).toBe(before);
      expect(await openIntents(fresh.db, { kind: "deletion", id: row.id })).toEqual([]);
      // A network with rules is refused once.
      const ended = (await outcomes()).filter((o) => o.command !== "delete_network" || o.results.join() !== "refused");
      for (const o of ended) expect(o.results, o.command).toSatisfy((r: string[]) => ["done", "looked_up"].includes(r.at(-1) ?? ""));
    },
  );

  test.each(["recoverVirtualMachine", "enableAccount", "attachVolume", "startVirtualMachine"])(
    "of %s is looked up, and all is given back",
    async (command) => {
      await until("expunging");
      expect((await expectRow(fresh.db, row.id)).phase).toBe("expunging");
      await updateDeletion(fresh.db, row.id, {
        restore_by: "dora",
        closed_because: "restored",
        closed_by: "dora",
        ran_machines: [machine],
      });
      emulator.setFaults([{ kind, command, times: 1 }]);
      await until("closed", "frozen");
      expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", activity: "everything is back as it was" });
      expect(carriedOut(command, kind)).toHaveLength(1);
      const now = valueOf(await bot.deletions.reader.readInventory(row.domain_id, row.path));
      expect(now.items.find((i) => i.kind === "machine")?.state).toBe("Running");
      expect(now.items.find((i) => i.kind === "account")?.state).toBe("enabled");
    },
  );
});

test("a job that a restart of the server cut off is settled by the lists, and not waited for without end", async () => {
  emulator.setFaults([{ kind: "job_cancelled", command: "destroyVirtualMachine", times: 1 }]);
  await until("deleted", "frozen");
  expect((await expectRow(fresh.db, row.id)).phase).toBe("deleted");
  expect((await outcomes()).find((o) => o.command === "destroy")?.results).toEqual(["indeterminate", "looked_up"]);
});

test("a job that is forgotten is settled by the lists", async () => {
  emulator.setFaults([{ kind: "lost_job", command: "deleteTemplate", times: 1 }]);
  await until("deleted", "frozen");
  expect((await expectRow(fresh.db, row.id)).phase).toBe("deleted");
  expect(carriedOut("deleteTemplate", "lost_job")).toHaveLength(1);
});

test("a network that CloudStack refused to delete is not tried again before its rules are gone, whatever cuts its step short", async () => {
  const first = bot.with({
    deleter: { removeNetworkRules: async () => fail("unavailable", "cloudstack.unreachable", "CloudStack cannot be reached") },
  });
  const isIts = ({ command, params }: { command: string; params: Readonly<Record<string, string>> }) =>
    /Rule$|Vpn$/.test(command) ? command.startsWith("delete") : command === "deleteNetwork" && params["id"] === network;
  const sent = () =>
    emulator
      .requests()
      .filter(isIts)
      .map((r) => r.command);
  for (let i = 0; i < 80 && (await expectRow(fresh.db, row.id)).phase !== "removing"; i += 1) {
    e.w.now += 500;
    await first.advance(row.id);
  }
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "removing", waiting_for: "unavailable" });
  expect(sent()).toEqual(["deleteNetwork"]);
  // The next process knows it by the log of intents only.
  await until("deleted", "frozen");
  expect((await expectRow(fresh.db, row.id)).phase).toBe("deleted");
  expect(sent()).toEqual(["deleteNetwork", "deleteRemoteAccessVpn", "deleteEgressFirewallRule", "deleteNetwork"]);
  const tries = (await outcomes()).filter((o) => o.command === "remove_rules");
  expect(tries.map((o) => o.results.join()).toSorted()).toEqual(["done", "refused"]);
});
