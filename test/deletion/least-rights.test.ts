/**
 * Claim: with the four keys of docs/cloudstack.md, each with few rules, a deletion comes to its end and a Restore gives all back, whatever
 * rights the domain's accounts have and whatever rules its networks have; CloudStack compares rights and not only commands.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { updateDeletion } from "../../src/store/deletions.ts";
import { valueOf } from "../cloudstack/support.ts";
import { startCloudLife, type CloudLife } from "../support/cloud-life.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";

let fresh: FreshDatabase;
let life: CloudLife;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterEach(() => life.emulator.close());
afterAll(() => fresh.drop());

const now = () => expectRow(fresh.db, life.row.id);
const commands = (): readonly string[] => life.emulator.requests().map((r) => r.command);

test("rules of every kind go before their network, and the neighbour keeps its own", async () => {
  life = await startCloudLife(fresh.db, (cloud, _domain, account) => {
    const network = cloud.addNetwork({ account, name: "rich" });
    cloud.addFirewallRule({ network, egress: true });
    cloud.addFirewallRule({ network, port: 22 });
    cloud.addVpn({ network });
    cloud.addAddress({ network });
    const neighbour = cloud
      .tree()
      .children.find((d) => d.name === "ci")
      ?.children.find((d) => d.name === "beta")?.accounts[0]?.id;
    if (neighbour === undefined) throw new Error("there is no neighbour");
    cloud.addFirewallRule({ network: cloud.addNetwork({ account: neighbour, name: "other" }), egress: true });
  });
  const before = life.beta();
  await life.until("deleted", "frozen", "closed");
  expect(await now()).toMatchObject({ phase: "deleted", activity: "CloudStack's event log confirms it" });
  const changes = commands().filter((c) => /Rule$|Vpn$|^deleteNetwork$/.test(c));
  expect(changes.slice(-1)).toEqual(["deleteNetwork"]);
  expect(new Set(changes)).toEqual(new Set(["deleteRemoteAccessVpn", "deleteFirewallRule", "deleteEgressFirewallRule", "deleteNetwork"]));
  expect(life.beta()).toBe(before);
});

test("an account that may do more than the keys is disabled and deleted all the same", async () => {
  life = await startCloudLife(fresh.db, (cloud, domain) => {
    cloud.addAccount({ domain, name: "boss", role: cloud.ids.domainAdminRole });
  });
  await life.until("deleted", "frozen", "closed");
  expect(await now()).toMatchObject({ phase: "deleted", frozen_reason: null });
});

test("such an account is enabled again by Restore, and a machine of another account runs again", async () => {
  life = await startCloudLife(fresh.db, (cloud, domain) => {
    cloud.addAccount({ domain, name: "boss", role: cloud.ids.domainAdminRole });
  });
  await life.until("expunging", "frozen");
  const change = { restore_by: "dora", closed_because: "restored", closed_by: "dora" } as const;
  await updateDeletion(fresh.db, life.row.id, { ...change, ran_machines: [life.machine] });
  await life.until("closed", "frozen");
  expect(await now()).toMatchObject({ phase: "closed", activity: "everything is back as it was" });
  const found = valueOf(await life.bot.deletions.reader.readInventory(life.row.domain_id, life.row.path));
  expect(found.items.filter((i) => i.kind === "account").map((i) => i.state)).toEqual(["enabled", "enabled"]);
  expect(found.items.find((i) => i.kind === "machine")?.state).toBe("Running");
});
