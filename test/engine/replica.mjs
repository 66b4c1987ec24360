// One replica for fail-over.test.ts: a process of its own, since DBOS allows one engine in each.
// It writes what it does into the table `mark`, which the test reads.
import { setTimeout as sleep } from "node:timers/promises";
import { createEngine } from "../../dist/src/engine/engine.js";
import { createDatabase } from "../../dist/src/store/db.js";

const [url, name, mode] = process.argv.slice(2);
const db = createDatabase(url, { onError: () => undefined });
const mark = (what) => db.exec("insert into mark (replica, what) values ($1, $2)", [name, what]);

const engine = createEngine({
  url,
  executorId: `${name}-${process.pid}`,
  applicationVersion: "1",
  now: Date.now,
  reapEveryMs: 200,
  takeOversMax: 2,
  onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  onFatal: () => process.exit(75),
});
engine.define("slow", async (id) => {
  await mark(`begin ${id}`);
  await sleep(mode === "stuck" ? 60_000 : 50);
  await mark(`end ${id}`);
});
engine.define("deadly", async (id) => {
  await mark(`begin ${id}`);
  process.kill(process.pid, "SIGKILL");
});
if (mode === "schedule") engine.schedule("tick", 1, (at) => mark(`tick ${at}`));
await engine.start();
process.stdout.write("started\n");
process.stdin.on("data", (data) => {
  const [what, id] = String(data).trim().split(" ");
  if (what === "stop")
    void engine
      .stop()
      .then(() => db.close())
      .then(() => process.exit(0));
  else void engine.enqueue(what, id);
});
