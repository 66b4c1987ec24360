/** Claims that work outlives its process: real processes, killed with SIGKILL, on a real PostgreSQL. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { prepareEngine } from "../../src/engine/schema.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { lendDatabaseLike } from "../support/lent-database.ts";

interface Replica {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exit: Promise<number | null>;
  output: string;
}

const MARKS = "create table mark (seq serial, replica text, what text)";
const ROOT = path.resolve(import.meta.dirname, "../..");
let fresh: FreshDatabase;
let replicas: Replica[] = [];

// The replicas run what is built; a build that has errors elsewhere is still a build.
beforeAll(() => {
  spawnSync(process.execPath, [path.join(ROOT, "scripts/prepare.mjs"), "--quiet"], { stdio: "ignore" });
});
beforeEach(async () => {
  fresh = await lendDatabaseLike("marks", async () => {
    const made = await freshDatabase();
    await prepareEngine(made.url, null);
    await made.db.exec(MARKS);
    return made;
  });
});
afterEach(async () => {
  for (const replica of replicas) replica.process.kill("SIGKILL");
  replicas = [];
  await fresh.drop();
});

function launch(name: string, mode = ""): Replica {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "replica.mjs"), fresh.url, name, mode], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const replica: Replica = {
    process: child,
    output: "",
    exit: new Promise((resolve) => {
      child.once("exit", resolve);
    }),
  };
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      replica.output += String(data);
    });
  replicas.push(replica);
  return replica;
}

function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(what, holds, {
    // A process takes its time to start; looking more often would only take it the processor.
    everyMs: 50,
    tell: async () => `${replicas.map((one) => one.output).join("\n--\n")}\n${(await marks()).join("\n")}`,
  });
}

async function started(...some: readonly Replica[]): Promise<void> {
  await until("started", () => some.every((replica) => replica.output.includes("started\n")));
}

async function marks(): Promise<string[]> {
  const rows = await fresh.db.many(z.object({ replica: z.string(), what: z.string() }), "select replica, what from mark order by seq");
  return rows.map((row) => `${row.replica}: ${row.what}`);
}

test("two first launches at once on an empty database both start", async () => {
  await fresh.drop();
  fresh = await freshDatabase();
  await fresh.db.exec(MARKS);
  expect(await fresh.db.exec("select from pg_namespace where nspname = 'dbos'"), "the engine has no table yet").toBe(0);
  const [a, b] = [launch("a"), launch("b")];
  await started(a, b);
  a.process.stdin.write("slow 1\n");
  await until("it ran", async () => (await marks()).some((line) => line.endsWith("end 1")));
});

test("work of a replica that was killed is finished by another one", async () => {
  const a = launch("a", "stuck");
  await started(a);
  a.process.stdin.write("slow 1\n");
  await until("a began", async () => (await marks()).includes("a: begin 1"));
  const b = launch("b");
  await started(b);
  a.process.kill("SIGKILL");
  await until("b ended it", async () => (await marks()).includes("b: end 1"));
  expect(await marks()).toEqual(["a: begin 1", "b: begin 1", "b: end 1"]);
  expect(b.output).toContain('"taken_over"');
});

test("a replica that was killed finds its work again when it is started again", async () => {
  const a = launch("a", "stuck");
  await started(a);
  a.process.stdin.write("slow 1\n");
  await until("a began", async () => (await marks()).includes("a: begin 1"));
  a.process.kill("SIGKILL");
  await a.exit;
  await started(launch("a2"));
  await until("a2 ended it", async () => (await marks()).includes("a2: end 1"));
});

test("work that kills every process that runs it is given up after the limit", async () => {
  const first = launch("r0");
  await started(first);
  first.process.stdin.write("deadly x\n");
  let count = 1;
  let last = first;
  await until("given up", async () => {
    if (last.output.includes("given_up")) return true;
    if (last.process.exitCode !== null || last.process.signalCode !== null) last = launch(`r${count++}`);
    return Promise.resolve(false);
  });
  expect((await marks()).filter((line) => line.endsWith("begin x"))).toHaveLength(3);
});

test("a replica that loses its sign of life ends itself", async () => {
  const a = launch("a");
  await started(a);
  await fresh.db.exec(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'twokey-life' and datname = current_database()",
  );
  expect(await a.exit).toBe(75);
});

test("a schedule fires once for each time over two replicas", async () => {
  const [a, b] = [launch("a", "schedule"), launch("b", "schedule")];
  await started(a, b);
  await until("four firings", async () => (await marks()).length >= 4);
  const times = (await marks()).map((line) => line.split("tick ")[1]);
  expect(new Set(times).size).toBe(times.length);
});

test("a replica told to stop leaves within seconds, and cleanly", async () => {
  const a = launch("a");
  await started(a);
  a.process.stdin.write("stop\n");
  expect(await a.exit).toBe(0);
});
