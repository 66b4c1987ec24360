/** A small world whose CloudStack is the emulator, behind the real clients and the real question before each call. */
import { addManagedRoot, keyVariables } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { cloudStack } from "../../src/app/systems.ts";
import type { Inventory } from "../../src/core/inventory.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { Database } from "../../src/store/db.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { valueOf } from "../cloudstack/support.ts";
import { openDoor, type DoorKeeper } from "../sim/door.ts";
import { configOf, type TestBot } from "./bot.ts";
import { at, enterAsSaved, expectRow, op, openOne } from "./deletions.ts";
import { botIn, smallWorld, type SmallWorld } from "./small-world.ts";

/** The bot, its CloudStack, and one deletion that two people approved. */
export interface EmulatedWorld {
  readonly w: SmallWorld;
  readonly emulator: CloudStackEmulator;
  readonly bot: TestBot;
  readonly id: string;
  readonly row: DeletionRow;
  /** Lets time pass until the deletion stands in one of these phases. Units: ms. */
  until(phases: readonly string[], stepMs?: number): Promise<void>;
  inventory(): Promise<Inventory>;
  /** The commands that change something, in their order. */
  sent(): readonly string[];
  close(): Promise<void>;
}

/** The managed root, and the variables of the keys. */
interface Prepared {
  readonly ci: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** When the worlds begin. */
export const START = 1_700_000_000_000;

/**
 * Makes a world; `fill` puts things into the domain `a`, `keeper` stands between the bot and CloudStack, `prepare` makes the managed root
 * and the keys. Time passes while the bot waits.
 */
export async function emulatedWorld(
  db: Database,
  fill: (emulator: CloudStackEmulator, domain: string, ci: string) => void,
  keeper: Partial<DoorKeeper> = {},
  options: Parameters<typeof startCloudStackEmulator>[0] = {},
  prepare: (emulator: CloudStackEmulator) => Promise<Prepared> = async (emulator) => {
    const ci = addManagedRoot(emulator);
    return { ci, variables: keyVariables(emulator) };
  },
): Promise<EmulatedWorld> {
  const w = await smallWorld(db);
  w.now = START;
  const emulator = await startCloudStackEmulator({ now: () => w.now, jobMs: 30, ...options, listens: false });
  openDoor((request, response) => emulator.serve(request, response), {
    before: async (params) => keeper.before?.(params),
    after: async (params, status) => keeper.after?.(params, status),
  });
  const opened = await openOne(db);
  const { ci, variables } = await prepare(emulator);
  fill(emulator, emulator.addDomain({ name: "a", parent: ci, id: opened.domain_id }), ci);
  const usual = botIn(w, opened);
  const config = configOf({ CLOUDSTACK_API_URL: emulator.url, ...variables });
  const cloud = cloudStack(config, db, { ...usual.parts, sleep: async (ms) => void (w.now += ms) });
  const bot = usual.with({ reader: cloud.reader, deleter: cloud.deleter, restorer: cloud.restorer });
  const inventory = async () => valueOf(await bot.deletions.reader.readInventory(opened.domain_id, opened.path));
  await approve(db, opened, await inventory(), w.now);
  return {
    w,
    emulator,
    bot,
    id: opened.id,
    row: await expectRow(db, opened.id),
    until: async (phases, stepMs = 500) => {
      for (let i = 0; i < 80; i += 1) {
        await bot.advance(opened.id);
        if (phases.includes((await expectRow(db, opened.id)).phase)) return;
        w.now += stepMs;
      }
    },
    inventory,
    sent: () =>
      emulator
        .requests()
        .map((r) => r.command)
        .filter((command) => !/^(?:list|query)/.test(command)),
    close: () => emulator.close(),
  };
}

/** Two people approve what is shown, whatever it is; the cool-off then takes 100 ms. */
async function approve(db: Database, { id }: DeletionRow, shown: Inventory, now: number): Promise<void> {
  const digest = inventoryDigest(shown);
  await recordApprovedInventory(db, id, shown, now);
  await enterAsSaved(db, await expectRow(db, id), shown);
  await updateDeletion(db, id, { phase: "proposed", digest, proposed_at: at(now), expires_at: at(now + 1000), entered_at: at(now) });
  for (const voter of ["ada", "ben"]) {
    const vote = { voter: op(voter), voterName: voter, account: null, verdict: "approve", digest, reason: null, at: at(now + 1) } as const;
    await recordVote(db, { kind: "deletion", id }, vote);
  }
  await updateDeletion(db, id, { phase: "cooling_off", entered_at: at(now), until_at: at(now + 100) });
}
