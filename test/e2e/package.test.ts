/**
 * Claims: the tarball of `npm pack` installs in an empty folder without development packages, compilers or install scripts, and from there
 * the bot and the emulators run as another user in a folder that nobody may write to, compile nothing and leave nothing behind.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
/** Everybody must be able to enter it: what mkdtemp makes is closed to others. */
const folder = mkdtempSync(path.join(tmpdir(), "twokey-package-"));
const home = path.join(folder, "package");
const dataDir = path.join(folder, "data");
/** Who runs it: somebody who owns nothing here, where the test may choose. */
const NOBODY = 65534;
const ids = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" };
const { version } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as { version: string };

const running: ChildProcess[] = [];
const bridges: net.Server[] = [];
let databases: readonly FreshDatabase[] = [];
let before = "";

beforeAll(async () => {
  chmodSync(folder, 0o755);
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: ROOT });
  await run("tar", ["xzf", path.join(folder, stdout.trim()), "-C", folder]);
  await installPackages();
  mkdirSync(dataDir, { mode: 0o700 });
  if (ids.uid !== undefined) chownSync(dataDir, ids.uid, ids.gid);
  // Folders only: the files may be links to those of the checkout.
  await run("find", [home, "-type", "d", "-exec", "chmod", "a-w", "{}", "+"]);
  before = stateOf(home);
});

afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  for (const bridge of bridges) bridge.close();
  await Promise.all(databases.map((one) => one.drop()));
  await run("chmod", ["-R", "u+w", folder]);
  await run("rm", ["-rf", folder]);
});

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean; readonly hasInstallScript?: boolean }>>;
}

/** The packages of the tarball's own lock that it cannot do without, by their folders. */
function neededPackages(): readonly (readonly [folder: string, p: Lock["packages"][string]])[] {
  const lock = JSON.parse(readFileSync(path.join(home, "npm-shrinkwrap.json"), "utf8")) as Lock;
  return Object.entries(lock.packages).filter(([at, p]) => at !== "" && p.dev !== true && p.optional !== true);
}

/**
 * In CI as docs/operations.md says. Elsewhere the same packages are linked from the checkout, which takes a moment instead of ten seconds
 * of a processor: `CI=true npm test -- test/e2e/package` installs in earnest.
 */
async function installPackages(): Promise<void> {
  if (process.env["CI"] !== undefined || process.platform !== "linux") {
    const flags = ["--omit=dev", "--omit=optional", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["ci", ...flags], { cwd: home });
    return;
  }
  const [into, cwd] = [path.join(home, "node_modules"), realpathSync(path.join(ROOT, "node_modules"))];
  mkdirSync(into);
  const names = neededPackages().map(([at]) => at.slice("node_modules/".length));
  const link = (how: string): Promise<unknown> =>
    run("cp", [how, "--parents", ...names.filter((name) => !name.includes("/node_modules/")), into], { cwd });
  // Where the folder for temporary files is another disk, they are copied.
  await link("-al").catch(() => link("-a"));
}

/** Every file below with its size and time. */
function stateOf(dir: string): string {
  const lines = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    const { size, mtimeMs } = statSync(file);
    return `${file} ${size} ${mtimeMs}`;
  });
  return lines.sort().join("\n");
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of the package as somebody else, in the package's own folder. */
async function ended(program: string, args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const options = { ...ids, cwd: home, env: { ...env, ...more }, maxBuffer: 2 ** 26 };
  return run(path.join(home, "scripts", program), [...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (thrown: { code: number; stdout: string; stderr: string }) => ({ code: thrown.code, out: thrown.stdout, err: thrown.stderr }),
  );
}

/** Starts one and keeps what it prints. */
function started(program: string, args: readonly string[], more: Record<string, string> = {}): { child: ChildProcess; said(): string } {
  let said = "";
  const child = spawn(path.join(home, "scripts", program), [...args], { ...ids, cwd: home, env: { ...env, ...more } });
  running.push(child);
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (d: Buffer) => (said += d.toString()));
  return { child, said: () => said };
}

/** The server of the tests lets only this process's user in: what comes to the port goes on through this process. */
async function reachable({ url }: FreshDatabase): Promise<string> {
  const address = new URL(url);
  const socket = address.searchParams.get("host");
  if (socket === null) return url;
  const bridge = net.createServer((client) => {
    const server = net.connect(path.join(socket, ".s.PGSQL.5432"));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  bridges.push(bridge);
  await new Promise<void>((resolve) => bridge.listen(0, "127.0.0.1", resolve));
  address.searchParams.delete("host");
  address.host = `127.0.0.1:${(bridge.address() as net.AddressInfo).port}`;
  return address.href;
}

test("without an environment it says what is missing, and wrong use is refused", async () => {
  const bare = await ended("twokey.mjs", ["serve"]);
  expect([bare.code, bare.out]).toEqual([2, ""]);
  expect(bare.err).toContain("CI_DATABASE_URL");
  expect(await ended("twokey-emulators.mjs", ["start", "--slack-port", "99999"])).toMatchObject({ code: 2, out: "" });
  writeFileSync(path.join(folder, "bad.json"), '{"people":[],"projects":[],"domains":[{"name":"a"},{"name":"A"}]}');
  const bad = await ended("twokey-emulators.mjs", ["start", path.join(folder, "bad.json")]);
  expect(bad).toMatchObject({ code: 1, err: expect.stringContaining("domains: the name a is there twice") as string });
});

test("it holds what runs, and nothing that compiles or tests", () => {
  const own = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((file) => !file.startsWith("node_modules"));
  expect(own).toEqual(expect.arrayContaining(["dist/src/main.js", "LICENSE", "CHANGELOG.md", "docs/install.md", "deploy/compose.yaml"]));
  expect(own.filter((file) => /\.ts$|^(?:src|test|dist\/test)\b|prepare\.mjs|^\.data/.test(file))).toEqual([]);
  const installed = readdirSync(path.join(home, "node_modules"));
  expect(installed.filter((name) => ["typescript", "vitest", "prettier", "fast-check", "playwright-core"].includes(name))).toEqual([]);
});

test("no package that it needs is built where it is installed", () => {
  const needed = neededPackages();
  expect(needed.length).toBeGreaterThan(100);
  expect(needed.filter(([, p]) => p.hasInstallScript === true)).toEqual([]);
});

test("as any user it tells its version and help", async () => {
  expect(await ended("twokey.mjs", ["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  expect((await ended("twokey.mjs", ["serve", "--help"])).out).toContain("twokey serve");
});

test("the emulators and the bot run: ready, with the version in the log and in the metrics, and nothing was written here", async () => {
  const seed = path.join(folder, "seed.json");
  writeFileSync(seed, (await ended("twokey-emulators.mjs", ["seed", "--projects", "2", "--members", "1"])).out);
  const [state, ci] = await Promise.all([freshDatabase(), emptyDatabase()]);
  databases = [state, ci];
  const client = new pg.Client({ connectionString: ci.url });
  await client.connect();
  await client.query((await ended("twokey-emulators.mjs", ["sql", seed])).out);
  await client.end();

  const anyPort = ["--slack-port", "0", "--cloudstack-port", "0", "--page-port", "0"];
  const emulators = started("twokey-emulators.mjs", ["start", seed, ...anyPort]);
  const portOf = (name: string): string => new RegExp(`^${name}: http://127\\.0\\.0\\.1:(\\d+)`, "m").exec(emulators.said())?.[1] ?? "";
  await eventually("the emulators run", () => /^The bot's environment/m.test(emulators.said()));
  expect(emulators.said()).toContain("2 domains below ROOT/ci");
  const places = ["--slack-port", portOf("Slack"), "--cloudstack-port", portOf("CloudStack")];
  const lines = (await ended("twokey-emulators.mjs", ["env", ...places])).out.trim().split("\n");

  const bot = started("twokey.mjs", ["serve"], {
    ...Object.fromEntries(lines.map((line) => line.split("=") as [string, string])),
    DATABASE_URL: await reachable(state),
    CI_DATABASE_URL: await reachable(ci),
    TWOKEY_DATA_DIR: dataDir,
    TWOKEY_HTTP_PORT: "0",
    TWOKEY_SYNC_EVERY_SECONDS: "5",
  });
  await eventually("the bot runs", () => / at http:/.test(bot.said()), { tell: bot.said });
  const url = / at (http:\S+)/.exec(bot.said())?.[1] ?? "";
  await eventually("it is ready", async () => (await fetch(`${url}/readyz`)).status === 200);
  expect(bot.said()).toMatch(new RegExp(`"version":"${version.replaceAll(".", "\\.")}".*"started"|"started".*"version":"${version}"`));
  expect(await (await fetch(`${url}/metrics`)).text()).toContain(`twokey_build_info{version="${version}",node="${process.version}"} 1`);
  const hasRead = async (): Promise<boolean> => /^twokey_complete_pass_age_seconds \d/m.test(await (await fetch(`${url}/metrics`)).text());
  await eventually("a pass has read both sides", hasRead, { everyMs: 500, tell: bot.said });

  const stopped = new Promise((resolve) => bot.child.once("exit", resolve));
  bot.child.kill("SIGTERM");
  expect(await stopped).toBe(0);
  const left = new Promise((resolve) => emulators.child.once("exit", resolve));
  emulators.child.kill("SIGTERM");
  expect(await left).toBe(0);
  expect(stateOf(home)).toBe(before);
});
