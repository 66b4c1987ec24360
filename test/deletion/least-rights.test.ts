/**
 * Claim: with the four keys of docs/cloudstack.md, each with few rules, a deletion comes to its end and a Restore gives all back, whatever
 * rights the domain's accounts have and whatever rules its networks have; CloudStack compares rights and not only commands.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { emulatedWorld, type EmulatedWorld } from "../support/emulated-world.ts";

let fresh: FreshDatabase;
let e: EmulatedWorld;
let machine = "";
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterEach(() => e.close());
afterAll(() => fresh.drop());

const now = () => expectRow(fresh.db, e.id);
const beta = (): string =>
  JSON.stringify(
    e.emulator
      .tree()
      .children.find((d) => d.name === "ci")
      ?.children.find((d) => d.name === "beta"),
  );

/** A domain and its neighbour, each with an account, a machine, and a network with a rule; `more` adds to the domain. */
async function start(more: (cloud: CloudStackEmulator, domain: string, network: string) => void): Promise<void> {
  await resetDatabase(fresh.db);
  e = await emulatedWorld(fresh.db, (cloud, a, ci) => {
    for (const domain of [cloud.addDomain({ name: "beta", parent: ci }), a]) {
      const account = cloud.addAccount({ domain, name: "ann" }).accountId;
      machine = cloud.addMachine({ account, name: "m", stopped: true });
      const network = cloud.addNetwork({ account, name: "with-rules" });
      cloud.addFirewallRule({ network, egress: true });
      // As a template that is made from a snapshot: only its owner and an administrator may extract it.
      cloud.addTemplate({ account, name: "golden", isExtractable: false });
      if (domain === a) more(cloud, a, network);
    }
  });
}

test("rules of every kind go before their network, and the neighbour keeps its own", async () => {
  await start((cloud, _domain, network) => {
    cloud.addFirewallRule({ network, port: 22 });
    cloud.addVpn({ network });
    cloud.addAddress({ network });
  });
  const before = beta();
  await e.until(["deleted", "frozen", "closed"]);
  expect(await now()).toMatchObject({ phase: "deleted", activity: "CloudStack's event log confirms it" });
  const changes = e.sent().filter((c) => /Rule$|Vpn$|^deleteNetwork$/.test(c));
  expect(changes.at(-1)).toBe("deleteNetwork");
  expect(new Set(changes)).toEqual(new Set(["deleteRemoteAccessVpn", "deleteFirewallRule", "deleteEgressFirewallRule", "deleteNetwork"]));
  expect(beta()).toBe(before);
});

test("an account that may do more than the keys is disabled and deleted all the same", async () => {
  await start((cloud, domain) => cloud.addAccount({ domain, name: "boss", role: cloud.ids.domainAdminRole }));
  await e.until(["deleted", "frozen", "closed"]);
  expect(await now()).toMatchObject({ phase: "deleted", frozen_reason: null });
});

test("such an account is enabled again by Restore, and a machine of another account runs again", async () => {
  await start((cloud, domain) => cloud.addAccount({ domain, name: "boss", role: cloud.ids.domainAdminRole }));
  await e.until(["expunging", "frozen"]);
  const change = { restore_by: "dora", closed_because: "restored", closed_by: "dora" } as const;
  await updateDeletion(fresh.db, e.id, { ...change, ran_machines: [machine] });
  await e.until(["closed", "frozen"]);
  expect(await now()).toMatchObject({ phase: "closed", activity: "everything is back as it was" });
  const { items } = await e.inventory();
  expect(items.filter((i) => i.kind === "account").map((i) => i.state)).toEqual(["enabled", "enabled"]);
  expect(items.find((i) => i.kind === "machine")?.state).toBe("Running");
});
