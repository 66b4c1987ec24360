/** A deletion of the small world with the real CloudStack clients, put together as in production, against the emulator on its own clock. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { addManagedRoot, keyVariables } from "../../demo/keys.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { runJob } from "../../src/cloudstack/api/jobs.ts";
import { deleteCommands, deleteLists, restoreCommands } from "../../src/cloudstack/api/needs.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { openDoor } from "../sim/door.ts";
import { cloudStack } from "../../src/app/systems.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { JobId } from "../../src/core/ids.ts";
import type { Result } from "../../src/core/result.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import type { Database } from "../../src/store/db.ts";
import type { DeletionRow } from "../../src/store/deletions.ts";
import { optionsFor, valueOf } from "../cloudstack/support.ts";
import { expectRow, op, openOne } from "./deletions.ts";
import { configOf, type TestBot } from "./bot.ts";
import { botIn, smallWorld, type SmallWorld } from "./small-world.ts";

const START = 1_700_000_000_000;

/** The emulator with the domain `a`, which is to be deleted, its account `ann`, and a neighbour `beta` with an account of its own. */
export interface RealCloud {
  readonly w: SmallWorld;
  readonly emulator: CloudStackEmulator;
  readonly bot: TestBot;
  readonly ci: string;
  readonly domain: string;
  readonly ann: string;
  readonly beta: string;
  readonly bob: string;
  row(): Promise<DeletionRow>;
  view(): Promise<DeletionView>;
  approve(who: string): Promise<Result<DeletionView, Failure>>;
  /** Runs the deletion as far as it goes now. */
  advance(): Promise<void>;
  /** Lets time pass until the deletion is in one of these phases, or `rounds` are over. */
  until(phases: readonly string[], rounds?: number): Promise<string>;
  /** What happens in the world right before a command reaches the server. */
  before(happens: Happens): void;
  /** How often a command was sent. */
  sent(command: string): number;
}

/** Something that happens in the world, at a call. */
export type Happens = (command: string, params: URLSearchParams) => Promise<void>;

/** How a world differs from the usual one. */
export interface RealCloudOptions {
  readonly emulator?: Parameters<typeof startCloudStackEmulator>[0];
  /** The lists that the deleting key, by which a deletion reads, may send; left out: those of `twokey roles`. */
  readonly readRules?: readonly string[];
  /** The type of that role; left out: Admin. */
  readonly readType?: "DomainAdmin";
  readonly env?: Readonly<Record<string, string>>;
}

/** A deleting key pair, by which a deletion reads, that may send these lists and every step of a deletion; `domain`: only below it. */
function readsBy(emulator: CloudStackEmulator, rules: readonly string[], domain?: string): Readonly<Record<string, string>> {
  const steps = [...deleteCommands, ...deleteLists, ...restoreCommands].map((command) => `allow ${command}`);
  const type = domain === undefined ? "Admin" : "DomainAdmin";
  const role = emulator.addRole({ name: "reader", type, rules: [...steps, ...rules] });
  const { keys } = emulator.addAccount({ domain: domain ?? emulator.ids.rootDomain, name: "reader", role, keys: true });
  return { CLOUDSTACK_DELETE_API_KEY: keys?.apiKey ?? "", CLOUDSTACK_DELETE_SECRET_KEY: keys?.secretKey ?? "" };
}

/** Makes the world; `fill` puts things into it before anything is read. */
export async function realCloud(db: Database, fill: (cloud: RealCloud) => void, o: RealCloudOptions = {}): Promise<RealCloud> {
  const w = await smallWorld(db);
  w.now = START;
  const emulator = await startCloudStackEmulator({ now: () => w.now, jobMs: 30, listens: false, templateBytes: 3, ...o.emulator });
  let happens: Happens = async () => undefined;
  openDoor((request, response) => emulator.serve(request, response), {
    before: async (params) => happens(params.get("command") ?? "", params),
    after: async () => undefined,
  });
  const opened = await openOne(db, {}, { approvalMs: 24 * 3600_000 });
  const ci = addManagedRoot(emulator);
  const domain = emulator.addDomain({ name: "a", parent: ci, id: opened.domain_id });
  const beta = emulator.addDomain({ name: "beta", parent: ci });
  const ann = emulator.addAccount({ domain, name: "ann" }).accountId;
  const bob = emulator.addAccount({ domain: beta, name: "bob" }).accountId;
  const reads = o.readRules === undefined ? {} : readsBy(emulator, o.readRules, o.readType === undefined ? undefined : ci);
  const config = configOf({ CLOUDSTACK_API_URL: emulator.url, ...keyVariables(emulator), ...reads, ...o.env });
  const usual = botIn(w, opened);
  // Time passes only while somebody waits for CloudStack.
  const parts = cloudStack(config, db, { ...usual.parts, sleep: async (ms) => void (w.now += ms) });
  const bot = usual.with({ reader: parts.reader, deleter: parts.deleter, restorer: parts.restorer });
  const row = () => expectRow(db, opened.id);
  const cloud: RealCloud = {
    ...{ w, emulator, bot, ci, domain, ann, beta, bob, row },
    async view() {
      const shown = await bot.services.deletions.view(opened.id);
      if (!shown.ok) throw new Error(shown.error.message);
      return shown.value;
    },
    async approve(who) {
      const { version, digest } = await row();
      w.now += 1;
      const by = { operator: { id: op(who), name: who, ciUserId: null }, isTeam: true };
      return bot.services.deletions.approve({ deletionId: opened.id, version, digest, by, typedName: "a" });
    },
    advance: () => bot.advance(opened.id),
    async until(phases, rounds = 80) {
      for (let i = 0; i < rounds; i += 1) {
        await bot.advance(opened.id);
        if (phases.includes((await row()).phase)) break;
        w.now += 500;
      }
      return (await row()).phase;
    },
    before: (what) => void (happens = what),
    sent: (command) => emulator.requests().filter((r) => r.command === command).length,
  };
  fill(cloud);
  return cloud;
}

/** Runs a deletion until it is proposed, and has two people approve it. */
export async function approveReal(cloud: RealCloud): Promise<void> {
  await cloud.until(["proposed"]);
  for (const who of ["ada", "ben"]) {
    const done = await cloud.approve(who);
    if (!done.ok) throw new Error(done.error.message);
  }
}

/** Somebody else's call, made with an administrator's key. */
export async function changeByHand(c: RealCloud, command: string, params: Readonly<Record<string, string>>): Promise<void> {
  const clock = { now: () => c.w.now as never, sleep: async (ms: number) => void (c.w.now += ms) };
  const api = createApi(optionsFor({ url: c.emulator.url, ...c.emulator.admin }, clock));
  valueOf(await runJob(api, command, params, randomUUID() as JobId));
}

/** What was sent that takes something away. */
const removals = (c: RealCloud) => c.emulator.requests().filter((r) => /^(?:delete|destroy|disable)/.test(r.command));

/** No Approve button, and a click on an old one is refused; nothing was taken away. */
export async function expectVeto(c: RealCloud, words: string): Promise<void> {
  expect(await c.until(["proposed"])).toBe("proposed");
  expect((await c.view()).vetoes.join("\n")).toContain(words);
  expect(await c.approve("ada")).toMatchObject({ ok: false, error: { code: "deletion.veto" } });
  expect(removals(c)).toEqual([]);
}
