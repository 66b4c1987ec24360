// Rows about reading: observing and planning, and a whole unchanged pass, each against the bare reader of the same pages in the same run.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createBareReader } from "./bare-reader.mjs";
import { at } from "./paths.mjs";
import { readWithCmk } from "./rival-cmk.mjs";
import { dist, median, passesOf, startWorld, waitFor } from "./world.mjs";

/** A Python with the library `cs` (`pip install cs`), for the rival that people write by hand; empty: that row is left out. */
const PYTHON = process.env.BENCH_PYTHON ?? "";

/** The program `cmk` of CloudMonkey, built from its source; empty: left out as well. */
const CMK = process.env.BENCH_CMK ?? "";

/** Rounds of each side, in turn, so that a slow minute of the machine is both sides'. */
const ROUNDS = 7;

/** Where pages take their time, each round does. */
const SLOW_ROUNDS = 3;

/** What a row is called whose server takes the time that a real one took. */
const AS_RECORDED = ", at the answer times of a real server";

export const observeAndPlanAsRecorded = (options) => observeAndPlan({ ...options, asRecorded: true });

export async function observeAndPlan({ domains = 5000, asRecorded = false } = {}) {
  const { lookNow } = await import(dist("src/app/look.js"));
  const { parseLookConfig } = await import(dist("src/config/config.js"));
  const { createDatabase } = await import(dist("src/store/db.js"));
  const world = await startWorld({ domains, asRecorded });
  const rounds = asRecorded ? SLOW_ROUNDS : ROUNDS;
  try {
    // The bot has recognised everything before it is measured.
    const bot = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_QUICK_PASS_SECONDS: "0" });
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    await bot.stop();
    const config = parseLookConfig(world.environment);
    if (!config.ok) throw new Error(config.error.message);
    const db = createDatabase(world.postgres.url(), { onError: () => {} });
    const bare = createBareReader(await world.ask("keys"));
    const ambient = { now: () => Date.now(), sleep: (ms) => new Promise((r) => setTimeout(r, ms)), newId: () => crypto.randomUUID() };
    const [ours, theirs] = [[], []];
    for (let i = 0; i <= rounds; i++) {
      const a = performance.now();
      await bare.read();
      const b = performance.now();
      const look = await lookNow(null, config.value, db, ambient);
      const c = performance.now();
      if (!look.ok) throw new Error(look.error.message);
      // The first round warms both.
      if (i > 0) [theirs, ours].forEach((side, s) => side.push(s === 0 ? b - a : c - b));
    }
    bare.close();
    await db.close();
    const [mine, rival] = [median(ours), median(theirs)];
    const desired = desiredOf(world, domains);
    const byHand = asRecorded ? null : await handWritten(world, desired);
    const byCmk = CMK === "" || asRecorded ? null : readWithCmk(CMK, world.folder, await world.ask("keys"), desired);
    return {
      name: `observe and plan, ${domains} domains, ${domains * 4} accounts${asRecorded ? AS_RECORDED : ""}`,
      ours: `${mine.toFixed(0)} ms`,
      rival: `bare reader ${rival.toFixed(0)} ms${byHand === null ? "" : `; a Python script with cs ${byHand.toFixed(0)} ms`}${byCmk === null ? "" : `; cmk ${byCmk.toFixed(0)} ms`}`,
      ratio: mine / rival,
      goal: "at most 1.15 ×",
      isMet: mine / rival <= 1.15,
    };
  } finally {
    await world.stop();
  }
}

function desiredOf(world, domains) {
  return Array.from({ length: domains }, (_, i) => ({
    slug: `p${i + 1}`,
    members: Array.from({ length: world.perDomain }, (_unused, m) => `user${i * world.perDomain + m + 1}`),
  }));
}

/** The script with the library `cs`: the fastest of three. Units: ms. */
async function handWritten(world, desired) {
  if (PYTHON === "") return null;
  const keys = await world.ask("keys");
  const file = path.join(world.folder, "desired.json");
  writeFileSync(file, JSON.stringify(desired));
  const env = {
    PATH: process.env.PATH,
    CLOUDSTACK_API_URL: keys.url,
    CLOUDSTACK_API_KEY: keys.apiKey,
    CLOUDSTACK_SECRET_KEY: keys.secretKey,
  };
  const times = Array.from({ length: 3 }, () => {
    const ran = spawnSync(PYTHON, [at("scripts/bench/rival.py").pathname, file, keys.root], { env, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`the script with cs: ${ran.stderr.slice(-300)}`);
    return JSON.parse(ran.stdout).ms;
  });
  return Math.min(...times);
}

export const unchangedPassAsRecorded = (options) => unchangedPass({ ...options, asRecorded: true });

export async function unchangedPass({ domains = 5000, asRecorded = false } = {}) {
  const world = await startWorld({ domains, asRecorded });
  const rounds = asRecorded ? SLOW_ROUNDS : ROUNDS;
  try {
    const bare = createBareReader(await world.ask("keys"));
    const bot = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "10", TWOKEY_QUICK_PASS_SECONDS: "0" });
    const passes = await waitFor("five passes", async () => {
      const ended = await passesOf(world);
      return ended.length >= 5 ? ended : null;
    });
    const [resident, most] = [bot.mib("VmRSS"), bot.mib("VmHWM")];
    await bot.stop();
    const theirs = [];
    for (let i = 0; i <= rounds; i++) {
      const a = performance.now();
      await bare.read();
      if (i > 0) theirs.push(performance.now() - a);
    }
    bare.close();
    const mine = median(passes.slice(1).map((p) => p.ms));
    const rival = median(theirs);
    return {
      name: `an unchanged pass, ${domains} domains, stored and audited${asRecorded ? AS_RECORDED : ""}`,
      ours: `${mine} ms; first pass ${passes[0].ms} ms; ${resident} MiB, at most ${most} MiB`,
      rival: `bare reader ${rival.toFixed(0)} ms`,
      ratio: mine / rival,
      goal: asRecorded ? "at most 1.3 ×" : "at most 1.3 ×, under 3 s",
      isMet: mine / rival <= 1.3 && (asRecorded || mine < 3000),
    };
  } finally {
    await world.stop();
  }
}
