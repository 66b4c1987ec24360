// The row about commands at a large fleet: from the command to its answer that a person sees.
import { dist, median, passesOf, startWorld, waitFor } from "./world.mjs";

const { cast, demoChannel } = await import(dist("demo/cast.js"));
const { person } = await import(dist("emulators/slack/person.js"));

const ROUNDS = 7;

/** `/ci-status` of a project and of all, `/ci-deletions` and `/ci-help`, asked by Ada of the CI team. */
export async function commands({ domains = 5000 } = {}) {
  const world = await startWorld({ domains });
  try {
    const bot = world.startBot({ TWOKEY_SYNC_EVERY_SECONDS: "3600", TWOKEY_QUICK_PASS_SECONDS: "0" });
    await waitFor("the first pass", async () => (await passesOf(world))[0] ?? null);
    const ada = person(world.slackUrl, cast.ada.slackId);
    const asked = [
      ["/ci-status", "p7"],
      ["/ci-status", ""],
      ["/ci-export-template", "p7"],
      ["/ci-deletions", ""],
      ["/ci-help", ""],
    ];
    const times = new Map();
    for (let i = 0; i <= ROUNDS; i++) {
      for (const [command, text] of asked) {
        // What an answer brings with it a moment later is not the next one's.
        await new Promise((r) => setTimeout(r, 1500));
        const before = answersOf(await ada.view());
        const began = performance.now();
        await ada.command(demoChannel, command, text);
        await ada.waitFor(`an answer to ${command}`, (view) => answersOf(view) > before);
        const name = `${command} ${text}`.trim();
        if (i > 0) times.set(name, [...(times.get(name) ?? []), performance.now() - began]);
      }
    }
    await bot.stop();
    const medians = [...times].map(([name, all]) => [name, median(all)]);
    return {
      name: `commands to their answers, ${domains} domains`,
      ours: medians.map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(", "),
      rival: "–",
      goal: "each under 1 s",
      isMet: medians.every(([, ms]) => ms < 1000),
    };
  } finally {
    await world.stop();
  }
}

/** How many messages a person sees. */
function answersOf(view) {
  return view.conversations.reduce((sum, c) => sum + c.messages.length, 0);
}
