// Three replicas of the bot on one database, and who kills them.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { at } from "../bench/paths.mjs";

/** As scripts/twokey.mjs starts the bot. */
const BOT_ARGS = ["--max-semi-space-size=8", "--max-old-space-size=768"];
/** How long between two kills, and how long a killed replica stays away. Units: ms. */
const [KILL_MS, AWAY_MS] = [
  [3_000, 14_000],
  [0, 3_000],
];

/** Starts `count` replicas. `logFile` gets what they write. */
export function startReplicas(world, { count, chance, logFile }) {
  const slots = Array.from({ length: count }, (_, n) => ({ name: `replica ${n + 1}`, child: null, ready: false }));
  const kills = [];
  const deaths = [];
  let ending = false;

  function start(slot) {
    const main = fileURLToPath(at("dist/src/main.js"));
    const child = spawn(process.execPath, [...BOT_ARGS, main, "serve"], { stdio: ["ignore", "pipe", "pipe"], env: world.environment });
    Object.assign(slot, { child, ready: false, startedAt: Date.now() });
    child.stdout.on("data", (chunk) => {
      if (String(chunk).includes("Twokey is running")) slot.ready = true;
      appendFileSync(logFile, `${slot.name} ${chunk}`);
    });
    child.stderr.on("data", (chunk) => appendFileSync(logFile, `${slot.name} ${chunk}`));
    child.once("exit", (code, signal) => {
      // Who was not killed must not end.
      if (signal !== "SIGKILL" && !ending) deaths.push(`${slot.name} ended by itself with ${signal ?? `exit code ${code}`}`);
    });
  }

  async function kill(slot) {
    if (slot.child === null || slot.child.exitCode !== null || slot.child.signalCode !== null) return;
    const gone = new Promise((resolve) => slot.child.once("exit", resolve));
    kills.push({ at: Date.now(), name: slot.name, wasReady: slot.ready });
    slot.child.kill("SIGKILL");
    await gone;
    await pause(chance.between(...AWAY_MS));
    start(slot);
  }

  for (const slot of slots) start(slot);
  return {
    kills,
    deaths,
    isReady: () => slots.every((slot) => slot.ready),
    /** Kills them at random until `end`: one, sometimes two, sometimes all at once; some while they still start. */
    async killUntil(end) {
      const away = [];
      for (;;) {
        const wait = chance.between(...KILL_MS);
        if (Date.now() + wait > end) break;
        await pause(wait);
        const many = chance.hit(0.1) ? slots.length : chance.hit(0.2) ? 2 : 1;
        // One that only just starts does little; it is killed, too, but seldom.
        const standing = chance.hit(0.15) ? slots : slots.filter((slot) => slot.ready);
        const victims = [...standing].sort(() => chance.next() - 0.5).slice(0, many);
        away.push(...victims.map(kill));
      }
      await Promise.all(away);
    },
    /** Ends them as an operator does. */
    async stop() {
      ending = true;
      await Promise.all(
        slots.map(({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return undefined;
          const gone = new Promise((resolve) => child.once("exit", resolve));
          child.kill("SIGTERM");
          const forced = setTimeout(() => child.kill("SIGKILL"), 20_000);
          return gone.then(() => clearTimeout(forced));
        }),
      );
    },
  };
}
