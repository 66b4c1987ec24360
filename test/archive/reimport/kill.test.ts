/** Claim: killed before or after any call to CloudStack, or after any row of ours, a re-import that is run again goes on and makes nothing twice. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TemplateRegistrar } from "../../../src/archive/reimport/ports.ts";
import type { Database } from "../../../src/store/db.ts";
import { readAudit } from "../../../src/store/audit.ts";
import { RestoreWorld, seededBytes } from "./world.ts";

const NAMES = ["a", "b", "c"];
let world: RestoreWorld;
let ids: string[];
let served: Awaited<ReturnType<RestoreWorld["serve"]>>;

beforeEach(async () => {
  world = await RestoreWorld.start([{ id: "p-1", slug: "alpha", members: ["ann"] }]);
  ids = NAMES.map((name) => world.cloud.addTemplate({ account: world.account("alpha", "ann"), name, bytes: 50_000 }));
  await world.backUp("p-1", "alpha", "templates");
  world.addDomain("spare", ["ann"]);
  served = await world.serve();
});
afterEach(async () => {
  await served.close();
  await world.close();
});

/** Dies like a killed process: nothing of it runs on. */
class Killed extends Error {}

/** Counts down over all that a re-import does outside of its own memory, and dies at the end. */
class Fuse {
  #left: number;
  readonly #when: "before" | "after";
  isBurnt = false;
  constructor(left: number, when: "before" | "after") {
    [this.#left, this.#when] = [left, when];
  }
  async pass<T>(act: () => Promise<T>): Promise<T> {
    if (this.isBurnt) throw new Killed();
    this.#left -= 1;
    const isLast = this.#left === 0;
    if (isLast && this.#when === "before") this.#burn();
    const done = await act();
    if (isLast) this.#burn();
    return done;
  }
  #burn(): never {
    this.isBurnt = true;
    throw new Killed();
  }
}

function fusedRegistrar(r: TemplateRegistrar, fuse: Fuse, at: "everything" | "registrations"): TemplateRegistrar {
  if (at === "registrations") return { ...r, registerTemplate: (t) => fuse.pass(() => r.registerTemplate(t)) };
  return {
    readInstallation: () => fuse.pass(() => r.readInstallation()),
    registerTemplate: (t) => fuse.pass(() => r.registerTemplate(t)),
    findTemplate: (id) => fuse.pass(() => r.findTemplate(id)),
    listTemplates: (id) => fuse.pass(() => r.listTemplates(id)),
  };
}

/** Every transaction counts: between its commit and the next call lies a point to die at. */
function fusedDatabase(db: Database, fuse: Fuse): Database {
  return { ...db, tx: (fn) => fuse.pass(() => db.tx(fn)) };
}

/** Runs until the fuse burns; the number of templates that are ready, or "died". */
async function runWith(fuse: Fuse, at: "everything" | "registrations" = "everything"): Promise<"died" | number> {
  try {
    const done = await world.reimportWith((p) => ({
      db: at === "everything" ? fusedDatabase(p.db, fuse) : p.db,
      registrar: fusedRegistrar(p.cloud.registrar, fuse, at),
    }));
    return done.ok ? done.value.templates.filter((t) => t.state === "ready").length : 0;
  } catch (thrown) {
    if (thrown instanceof Killed) return "died";
    throw thrown;
  }
}

async function expectWholeOnce(): Promise<void> {
  const there = await world.templates("spare");
  expect(there.map((t) => [t["name"], t["isready"]])).toEqual(NAMES.map((name) => [name, true]));
  for (const [i, t] of there.entries()) expect(world.fetched(t)?.equals(seededBytes(ids[i] ?? "", 50_000))).toBe(true);
  expect(world.registrations()).toHaveLength(NAMES.length);
}

test.each(["before", "after"] as const)(
  "killed %s the first act, then the second of the next run, then the third …: all is there once",
  async (when) => {
    let end: "died" | number = "died";
    let deaths = 0;
    for (; end === "died" && deaths < 60; deaths += end === "died" ? 1 : 0) end = await runWith(new Fuse(deaths + 1, when));
    expect(end).toBe(NAMES.length);
    expect(deaths).toBeGreaterThan(5);
    await expectWholeOnce();
  },
  120_000,
);

test.each([
  ["before", 2],
  ["after", 1],
] as const)(
  "killed %s the call that registers, in every run: each template is made once",
  async (when, nth) => {
    let end: "died" | number = "died";
    let deaths = 0;
    for (; end === "died" && deaths < 20; deaths += end === "died" ? 1 : 0) end = await runWith(new Fuse(nth, when), "registrations");
    expect(end).toBe(NAMES.length);
    expect(deaths).toBeGreaterThan(1);
    await expectWholeOnce();
  },
  60_000,
);

test("two runs at once: one of them is refused, and nothing is made twice", async () => {
  const ends = await Promise.all([world.reimportAlpha(), world.reimportAlpha(), world.reimportAlpha()]);
  expect(ends.some((r) => r.code === 0)).toBe(true);
  for (const r of ends.filter((one) => one.code !== 0)) expect(r.err).toMatch(/is already running|A pass is running/);
  await expectWholeOnce();
  const audit = await readAudit(world.state.db, { limit: 1_000 });
  expect(audit.filter((a) => a.kind === "restore.begun")).toHaveLength(1);
});
