/** A deletion in its cool-off, on an emulated CloudStack with the four keys of docs/cloudstack.md, by the clients that the bot has. */
import { addManagedRoot, keyVariables } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { cloudStack } from "../../src/app/systems.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { Database } from "../../src/store/db.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { valueOf } from "../cloudstack/support.ts";
import { openDoor } from "../sim/door.ts";
import { resetDatabase } from "../sim/reset.ts";
import { configOf, type TestBot } from "./bot.ts";
import { at, enterAsSaved, expectRow, op, openOne } from "./deletions.ts";
import { botIn, smallWorld, type SmallWorld } from "./small-world.ts";

const START = 1_700_000_000_000;

/** A domain `a` under deletion, and its neighbour `beta`, each with an account, a stopped machine, a disk, a snapshot and a template. */
export interface CloudLife {
  readonly w: SmallWorld;
  readonly emulator: CloudStackEmulator;
  readonly bot: TestBot;
  readonly row: DeletionRow;
  readonly machine: string;
  /** Lets time pass until the deletion stands in one of these phases. */
  until(...wanted: readonly string[]): Promise<void>;
  /** The neighbour's domain, as text. */
  beta(): string;
}

/** Starts one; `furnish` adds to the domain before anybody approves it. */
export async function startCloudLife(
  db: Database,
  furnish: (emulator: CloudStackEmulator, domain: string, account: string) => void = () => undefined,
): Promise<CloudLife> {
  await resetDatabase(db);
  const w = await smallWorld(db);
  w.now = START;
  const emulator = await startCloudStackEmulator({ now: () => w.now, jobMs: 30, listens: false });
  openDoor((request, response) => emulator.serve(request, response));
  const opened = await openOne(db);
  const ci = addManagedRoot(emulator);
  let machine = "";
  let own = { domain: "", account: "" };
  for (const [name, id] of [
    ["a", opened.domain_id],
    ["beta", undefined],
  ] as const) {
    const domain = emulator.addDomain({ name, parent: ci, ...(id === undefined ? {} : { id }) });
    const account = emulator.addAccount({ domain, name: `ann-${name}` }).accountId;
    const made = emulator.addMachine({ account, name: `m-${name}`, stopped: true });
    emulator.addVolume({ account, name: `data-${name}`, machine: made });
    emulator.addSnapshot({ machine: made });
    // As a template that is made from a snapshot: only its owner and an administrator may extract it.
    emulator.addTemplate({ account, name: `t-${name}`, isExtractable: false });
    if (id !== undefined) [machine, own] = [made, { domain, account }];
  }
  furnish(emulator, own.domain, own.account);
  // Time passes only while somebody waits for CloudStack.
  const usual = botIn(w, opened);
  const config = configOf({ CLOUDSTACK_API_URL: emulator.url, ...keyVariables(emulator) });
  const cloud = cloudStack(config, db, { ...usual.parts, sleep: async (ms) => void (w.now += ms) });
  const bot = usual.with({ reader: cloud.reader, deleter: cloud.deleter, restorer: cloud.restorer });
  const shown = valueOf(await bot.deletions.reader.readInventory(opened.domain_id, opened.path));
  const digest = inventoryDigest(shown);
  await recordApprovedInventory(db, opened.id, shown, w.now);
  await enterAsSaved(db, opened, shown);
  const times = { proposed_at: at(w.now), expires_at: at(w.now + 1000), entered_at: at(w.now) };
  await updateDeletion(db, opened.id, { phase: "proposed", digest, ...times });
  for (const voter of ["ada", "ben"]) {
    const vote = { voterName: voter, account: null, verdict: "approve", digest, reason: null, at: at(w.now + 1) } as const;
    await recordVote(db, { kind: "deletion", id: opened.id }, { voter: op(voter), ...vote });
  }
  await updateDeletion(db, opened.id, { phase: "cooling_off", entered_at: at(w.now), until_at: at(w.now + 100) });
  return {
    ...{ w, emulator, bot, machine },
    row: await expectRow(db, opened.id),
    async until(...wanted) {
      for (let i = 0; i < 80; i += 1) {
        await bot.advance(opened.id);
        if (wanted.includes((await expectRow(db, opened.id)).phase)) return;
        w.now += 500;
      }
    },
    beta: () =>
      JSON.stringify(
        emulator
          .tree()
          .children.find((d) => d.name === "ci")
          ?.children.find((d) => d.name === "beta"),
      ),
  };
}
