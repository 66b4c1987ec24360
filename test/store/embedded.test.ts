/** Claims that the embedded server survives races, kills and restarts; shown with real processes on a real folder. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import pg from "pg";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { findBinaries } from "../../src/store/embedded-binaries.ts";
import { startEmbeddedPostgres } from "../../src/store/embedded.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const Said = z.object({ owned: z.boolean(), url: z.string() });
let folder: string;

beforeAll(() => {
  spawnSync(process.execPath, [path.join(ROOT, "scripts/prepare.mjs"), "--quiet"], { stdio: "ignore" });
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "twokey-embedded-"));
  chmodSync(folder, 0o755);
});
afterEach(async () => {
  // Whatever a test left running is inherited and stopped.
  await (await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true })).stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Launcher {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly exit: Promise<number | null>;
  said(): Promise<z.output<typeof Said>>;
}

function launch(ids: { uid?: number; gid?: number } = {}): Launcher {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "embedded-launcher.mjs"), path.join(folder, "pg")], {
    ...ids,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += String(data);
  });
  return {
    process: child,
    exit: new Promise((resolve) => {
      child.once("exit", resolve);
    }),
    async said() {
      await eventually("the launcher says what it has", () => output.includes("\n"));
      return Said.parse(JSON.parse(output));
    },
  };
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a folder of programs that has none is refused with a sentence", async () => {
  process.env["TWOKEY_POSTGRES_BIN"] = path.join(folder, "nothing-here");
  try {
    await expect(findBinaries(false)).rejects.toThrow(/TWOKEY_POSTGRES_BIN: .*does not exist/);
  } finally {
    delete process.env["TWOKEY_POSTGRES_BIN"];
  }
});

test("of three processes at once on a new folder one owns the server, and all reach the same one", async () => {
  const launchers = [launch(), launch(), launch()];
  const said = await Promise.all(launchers.map((launcher) => launcher.said()));
  expect(said.filter((one) => one.owned)).toHaveLength(1);
  await ask(said[0]?.url ?? "", "create table seen (n int)");
  for (const one of said) expect(await ask(one.url, "select count(*)::int as n from seen")).toEqual([{ n: 0 }]);
  for (const launcher of launchers) launcher.process.stdin.write("stop\n");
  expect(await Promise.all(launchers.map((launcher) => launcher.exit))).toEqual([0, 0, 0]);
});

test("a server left behind by a killed process is inherited with its data, and then stopped", async () => {
  const first = launch();
  const { url } = await first.said();
  await ask(url, "create table kept as select 7 as n");
  first.process.kill("SIGKILL");
  await first.exit;
  const heir = launch();
  expect((await heir.said()).owned).toBe(true);
  expect(await ask(url, "select n from kept")).toEqual([{ n: 7 }]);
  heir.process.stdin.write("stop\n");
  await heir.exit;
  await expect(ask(url, "select 1")).rejects.toThrow();
});

test("a server that was killed itself comes back with what had been committed", async () => {
  const server = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  await ask(server.url(), "create table kept as select 7 as n");
  await ask(server.url(), "checkpoint");
  process.kill(Number.parseInt(readFileSync(path.join(folder, "pg", "postmaster.pid"), "utf8"), 10), "SIGKILL");
  await eventually("it is gone", () =>
    ask(server.url(), "select 1").then(
      () => false,
      () => true,
    ),
  );
  const again = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  expect(await ask(again.url(), "select n from kept")).toEqual([{ n: 7 }]);
  await again.stop();
});

/** Below a folder such as /root another user cannot read this checkout. */
const isOtherUserAbleToReadThis =
  process.getuid?.() === 0 &&
  spawnSync("test", ["-r", path.join(import.meta.dirname, "embedded-launcher.mjs")], { uid: 65534, gid: 65534 }).status === 0;

test.runIf(isOtherUserAbleToReadThis)("as an ordinary user it runs as that user", async () => {
  mkdirSync(path.join(folder, "pg"));
  spawnSync("chown", ["-R", "65534:65534", folder]);
  const launcher = launch({ uid: 65534, gid: 65534 });
  expect((await launcher.said()).owned).toBe(true);
  launcher.process.stdin.write("stop\n");
  expect(await launcher.exit).toBe(0);
});
