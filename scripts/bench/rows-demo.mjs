// The row of the demo: from a clone to its first plan in Slack, with the packages in npm's cache.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { at, dist } from "./paths.mjs";

const { cast, demoChannel } = await import(dist("demo/cast.js"));
const { person } = await import(dist("emulators/slack/person.js"));

export async function demo() {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-demo-"));
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  let child = null;
  try {
    execFileSync("git", ["clone", "--quiet", fileURLToPath(at(".")), folder], { stdio: "ignore" });
    child = spawn("npm", ["run", "demo", "--", "--port", "0"], { cwd: folder, stdio: ["ignore", "pipe", "ignore"], detached: true });
    const url = await said(child, /The demo is at (http:\S+)/);
    const start = since();
    const ada = person(url.replace(/\/$/, ""), cast.ada.slackId);
    await ada.waitFor("the first plan", (v) =>
      v.conversations.find((c) => c.id === demoChannel)?.messages.some((m) => m.text.startsWith("Plan")),
    );
    const plan = since();
    return {
      name: "the demo, from clone to first plan",
      ours: `${plan.toFixed(1)} s; its page after ${start.toFixed(1)} s`,
      rival: "–",
      goal: "under 15 s with the packages in npm's cache",
      isMet: plan < 15,
    };
  } finally {
    // npm passes a signal on to the demo, which stops its database; the folder is in use until then.
    if (child !== null && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("close", resolve));
      process.kill(-child.pid, "SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

function said(child, words) {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      text += String(chunk);
      const found = words.exec(text);
      if (found !== null) resolve(found[1]);
    });
    child.once("close", () => reject(new Error(`the demo ended, having said: ${text.slice(-300)}`)));
  });
}
