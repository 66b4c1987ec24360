/** Claims that the embedded server survives races, kills and restarts; shown with real processes on a real folder. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  lchownSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import pg from "pg";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { findBinaries } from "../../src/store/embedded-binaries.ts";
import { giveTo, placeOf, whyOthersReach } from "../../src/store/embedded-place.ts";
import { findEmbeddedPostgres, startEmbeddedPostgres } from "../../src/store/embedded.ts";
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
  if (existsSync(path.join(folder, "pg", "PG_VERSION")))
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
    await expect(findBinaries({})).rejects.toThrow(/TWOKEY_POSTGRES_BIN: .*does not exist/);
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
  // Root, which looks after the test whether something runs there, does not trust a folder of another user.
  chownSync(folder, 0, 0);
});

const isRoot = process.getuid?.() === 0;

test.each<[string, boolean, (socket: string) => void]>([
  ["a link", true, (socket) => symlinkSync(folder, socket)],
  ["open to others", true, (socket) => (mkdirSync(socket), chmodSync(socket, 0o777))],
  ["open to a group", true, (socket) => (mkdirSync(socket), chmodSync(socket, 0o750))],
  ["another user's", isRoot, (socket) => (mkdirSync(socket, { mode: 0o700 }), chownSync(socket, 8, 8))],
  ["of nobody", isRoot, (socket) => (mkdirSync(socket, { mode: 0o700 }), chownSync(socket, 65534, 65534))],
])("a socket's folder that is %s is refused, and left as it was", async (_, isPossible, make) => {
  if (!isPossible) return;
  const dir = path.join(folder, "other");
  const { socket } = placeOf(dir);
  make(socket);
  const before = lstatSync(socket);
  try {
    await expect(startEmbeddedPostgres(dir, { fast: true })).rejects.toThrow(/so somebody else could read or change the database/);
    expect([lstatSync(socket).uid, lstatSync(socket).mode, readdirSync(dir)]).toEqual([before.uid, before.mode, []]);
  } finally {
    rmSync(socket, { recursive: true });
  }
});

test("the doctor's look at a cluster whose socket anybody can enter says so, and does not connect", async () => {
  const server = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  const { socket } = placeOf(path.join(folder, "pg"));
  chmodSync(socket, 0o755);
  expect(await findEmbeddedPostgres(path.join(folder, "pg"))).toMatchObject({ state: "refused", reason: expect.stringContaining("755") });
  chmodSync(socket, 0o700);
  await server.stop();
});

test.each([
  ["others may write", (at: string) => chmodSync(at, 0o777), "without the sticky bit"],
  [
    "a group may write",
    (at: string) => (isRoot ? chownSync(at, 0, 12) : undefined, chmodSync(at, isRoot ? 0o775 : 0o777)),
    "may be changed",
  ],
  ["a link leads into an open folder", linkInto, "without the sticky bit"],
])("a folder above in which %s is refused, before anything is started", async (_, open, why) => {
  const parent = path.join(folder, "open", "below");
  mkdirSync(parent, { recursive: true });
  const at = path.join(parent, "pg");
  open(path.join(folder, "open"));
  expect(whyOthersReach({ dir: at, socket: at, ids: {} })).toContain(why);
  await expect(startEmbeddedPostgres(at, { fast: true })).rejects.toThrow("could put a database of their own in the place of");
});

test("a folder above with the sticky bit is fine, as /tmp is; so are all above ours, and a group of one's own", () => {
  const parent = path.join(folder, "open");
  mkdirSync(parent);
  const place = { dir: path.join(parent, "pg"), socket: path.join(parent, "socket"), ids: {} };
  expect(whyOthersReach(place)).toBeNull();
  chmodSync(parent, 0o1777);
  expect(whyOthersReach(place)).toBeNull();
});

test.runIf(isRoot)("a link above that another user owns is refused, wherever it leads now", () => {
  const [real, link] = [path.join(folder, "real"), path.join(folder, "link")];
  mkdirSync(real);
  symlinkSync(real, link);
  const place = { dir: path.join(link, "pg"), socket: path.join(real, "socket"), ids: {} };
  expect(whyOthersReach(place)).toBeNull();
  lchownSync(link, 12, 12);
  expect(whyOthersReach(place)).toMatch(/the link .* belongs to user 12/);
});

test.runIf(isRoot)("a folder above that another user owns is refused", () => {
  const parent = path.join(folder, "open");
  mkdirSync(parent);
  chownSync(parent, 12, 12);
  const place = { dir: path.join(folder, "pg"), socket: path.join(parent, "socket"), ids: {} };
  expect(whyOthersReach(place)).toMatch(/belongs to user 12, so somebody else could put/);
});

test("a folder above the program itself may be as it is: who can rename it can replace the program", () => {
  const parent = path.join(folder, "open");
  mkdirSync(parent);
  chmodSync(parent, 0o777);
  const place = { dir: path.join(parent, "pg"), socket: path.join(folder, "socket"), ids: {} };
  expect(whyOthersReach(place, path.join(parent, "twokey", "main.js"))).toBeNull();
  expect(whyOthersReach(place, path.join(folder, "elsewhere", "main.js"))).not.toBeNull();
});

/** Puts a link in the place of a folder, to one in a folder that others may write. */
function linkInto(at: string): void {
  const elsewhere = path.join(folder, "elsewhere");
  mkdirSync(elsewhere);
  renameSync(at, path.join(elsewhere, "real"));
  symlinkSync(path.join(elsewhere, "real"), at);
  chmodSync(elsewhere, 0o777);
}

test.runIf(isRoot)("root's server runs as a user that nobody else has", async () => {
  const server = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  const uid = lstatSync(path.join(folder, "pg", "postmaster.pid")).uid;
  expect(uid).toBeGreaterThan(1000);
  expect(readFileSync("/etc/passwd", "utf8")).not.toMatch(new RegExp(`^[^:]*:[^:]*:${uid}:`, "m"));
  expect(lstatSync(path.join(folder, "pg")).mode & 0o777).toBe(0o700);
  await server.stop();
});

test.runIf(isOtherUserAbleToReadThis)("another user is refused by PostgreSQL too, with every folder open", async () => {
  const server = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  const { socket } = placeOf(path.join(folder, "pg"));
  chmodSync(socket, 0o755);
  for (const name of readdirSync(socket)) chmodSync(path.join(socket, name), 0o777);
  const script = `
    import pg from ${JSON.stringify(path.join(ROOT, "node_modules/pg/esm/index.mjs"))};
    const client = new pg.Client({ connectionString: process.argv[1] });
    await client.connect().then(() => console.log("connected"), (error) => console.log(error.message));
    await client.end();`;
  const asNobody = { uid: 65534, gid: 65534, encoding: "utf8" } as const;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script, server.url()], asNobody);
  expect(stdout).toMatch(/[Pp]eer authentication failed/);
  chmodSync(socket, 0o700);
  await server.stop();
});

test.runIf(isRoot)("a cluster of the shared user, from an older version, is given to a user of its own", async () => {
  const dir = path.join(folder, "pg");
  const first = await startEmbeddedPostgres(dir, { fast: true });
  await ask(first.url(), "create table kept as select 7 as n");
  await first.stop();
  giveTo(dir, { uid: 65534, gid: 65534 });
  // Where anybody could have put it there, a person must look first.
  chmodSync(folder, 0o1777);
  await expect(startEmbeddedPostgres(dir, { fast: true })).rejects.toThrow(/belongs to user 65534/);
  chmodSync(folder, 0o755);
  const again = await startEmbeddedPostgres(dir, { fast: true });
  expect(await ask(again.url(), "select n from kept")).toEqual([{ n: 7 }]);
  await again.stop();
});
