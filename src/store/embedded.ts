import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isAlive } from "../core/is-alive.ts";
import { EmbeddedPostgresUnavailable, NOBODY, findBinaries, type Binaries } from "./embedded-binaries.ts";
import { accessRules, whyOthersReach, giveTo, placeOf, preparePlace, type Place } from "./embedded-place.ts";

/** A PostgreSQL server that Twokey starts, reachable through a Unix socket only. */
export interface EmbeddedPostgres {
  /** Address of a database on it; the default is `postgres`. */
  url(database?: string): string;
  /** True when this process started the server, or the process that did is dead; only an owner's `stop` ends it. */
  readonly owned: boolean;
  stop(): Promise<void>;
}

/** `fast` turns off fsync: for tests and disposable data only. */
export interface EmbeddedOptions {
  readonly fast?: boolean;
}

/**
 * Starts a PostgreSQL server on `dataDir`, or attaches to the one that already serves it.
 *
 * A new cluster is made in another folder and renamed, so a crash or a race leaves no incomplete one. PostgreSQL refuses to run as root:
 * then it runs as a user that nobody else has, with the data in /var/tmp where that user cannot reach the folder (such as one below
 * /root). Only this process's user may connect: the socket's folder is private, and PostgreSQL asks the kernel who connects (`peer`).
 * The server has a session of its own, so Ctrl-C reaches the bot first; the next bot takes over the server of a killed one.
 *
 * Errors: `EmbeddedPostgresUnavailable` with what to do instead, or with the end of the server's log when it does not start.
 */
export async function startEmbeddedPostgres(dataDir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const place = placeOf(path.resolve(dataDir));
  preparePlace(place);
  if (existsSync(path.join(place.dir, "postmaster.pid")) && (await isServing(place))) return attach(place);
  const binaries = await findBinaries(place.ids);
  if (!existsSync(path.join(place.dir, "PG_VERSION"))) createCluster(place, binaries, options);
  return launch(place, binaries, options);
}

/** What is in a data folder: no cluster, a stopped one, a running one with its address, or one that others can reach, and why. */
export type FoundCluster =
  | { readonly state: "none" }
  | { readonly state: "stopped" }
  | { readonly state: "running"; readonly url: string }
  | { readonly state: "refused"; readonly reason: string };

/** Finds a server on `dataDir`; changes nothing. */
export async function findEmbeddedPostgres(dataDir: string): Promise<FoundCluster> {
  const place = placeOf(path.resolve(dataDir));
  if (!existsSync(path.join(place.dir, "PG_VERSION"))) return { state: "none" };
  const reason = whyOthersReach(place);
  if (reason !== null) return { state: "refused", reason };
  return (await isServing(place)) ? { state: "running", url: urlOf(place) } : { state: "stopped" };
}

function createCluster(place: Place, binaries: Binaries, options: EmbeddedOptions): void {
  const outer = mkdtempSync(`${place.dir}.init-`);
  const aside = path.join(outer, "cluster");
  mkdirSync(aside, { mode: 0o700 });
  try {
    initialise(outer, aside, place, binaries, options);
    renameSync(aside, place.dir);
  } catch (error) {
    // Another process was faster: its cluster is used.
    if (!existsSync(path.join(place.dir, "PG_VERSION"))) throw error;
  } finally {
    rmSync(outer, { recursive: true, force: true });
  }
}

/**
 * Runs initdb. It needs a user with a name, so for root it runs as `nobody`, but in the server's own group, which alone may enter the
 * folder around the cluster: another process of `nobody` reaches neither the files nor the process.
 */
function initialise(outer: string, aside: string, place: Place, binaries: Binaries, options: EmbeddedOptions): void {
  const { gid } = place.ids;
  if (gid !== undefined) {
    chownSync(outer, 0, gid);
    chmodSync(outer, 0o710);
    chownSync(aside, NOBODY, gid);
  }
  const args = ["-D", aside, "-U", "postgres", "-A", "peer", "-E", "UTF8", "--locale=C", ...(options.fast === true ? ["-N"] : [])];
  const ids = gid === undefined ? {} : { uid: NOBODY, gid };
  const made = spawnSync(binaries.initdb, args, { ...ids, cwd: aside, encoding: "utf8", env: serverEnvironment() });
  if (made.status !== 0) throw new EmbeddedPostgresUnavailable(`initdb failed: ${made.error?.message ?? ""}${made.stderr ?? ""}`.trim());
  giveTo(aside, place.ids);
}

/** The processes of a killed server keep its shared memory for a moment; until they end a new server refuses to start. */
const LAUNCHES_MAX = 6;
const POLLS_MAX = 3_000;
const POLL_MS = 20;
/** How long to wait for another process's server after ours ended. Units: polls. */
const RIVAL_POLLS = 25;

async function launch(place: Place, binaries: Binaries, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  let ending = "PostgreSQL did not become ready within a minute.";
  for (let launches = 0; launches < LAUNCHES_MAX; launches++) {
    const server = spawnServer(place, binaries, options);
    for (let polls = 0, rivalPolls = 0; polls < POLLS_MAX && rivalPolls < RIVAL_POLLS; polls++) {
      if (await isServing(place)) {
        // Two processes may start at once: one server gets the data folder, and the other process attaches to it.
        if (serverPid(place) !== server.pid) return attach(place);
        return { url: (database) => urlOf(place, database), owned: true, stop: () => stopServer(place) };
      }
      const ended = server.ended();
      if (ended !== null) {
        ending = ended;
        rivalPolls++;
      }
      await sleep(POLL_MS);
    }
  }
  throw new EmbeddedPostgresUnavailable(ending);
}

function spawnServer(place: Place, binaries: Binaries, options: EmbeddedOptions): { pid: number | undefined; ended(): string | null } {
  const fast = options.fast === true ? ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"] : [];
  const settings = {
    ...writeAccessRules(place),
    listen_addresses: "",
    unix_socket_permissions: "0700",
    max_connections: "200",
    timezone: "UTC",
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const args = ["-D", place.dir, "-k", place.socket, ...set, ...fast];
  const logFile = path.join(place.socket, `server-${process.pid}.log`);
  mkdirSync(place.socket, { recursive: true, mode: 0o700 });
  const log = openSync(logFile, "w");
  const server = spawn(binaries.postgres, args, {
    ...place.ids,
    cwd: place.dir,
    env: serverEnvironment(),
    detached: true,
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);

  // Named after the server's process and written before it is ready, so a process that finds the server finds its owner too.
  if (server.pid !== undefined) claim(place, server.pid);
  let ended: string | null = null;
  server.once("exit", (code, signal) => {
    ended = `PostgreSQL ended with ${code ?? signal}: ${endOfLog(logFile)}`;
    if (server.pid !== undefined) rmSync(launcherFile(place, server.pid), { force: true });
  });
  server.once("error", (error) => {
    ended = `PostgreSQL could not be started: ${error.message}`;
  });
  return { pid: server.pid, ended: () => ended };
}

/** Who may connect, written at each start: a cluster made before this version let everybody in. */
function writeAccessRules(place: Place): { readonly hba_file: string; readonly ident_file: string } {
  const rules = accessRules();
  const files = { hba_file: path.join(place.dir, "twokey_hba.conf"), ident_file: path.join(place.dir, "twokey_ident.conf") };
  writeFileSync(files.hba_file, rules.hba);
  writeFileSync(files.ident_file, rules.ident);
  return files;
}

/** The end of the log, which is in the socket's folder and is deleted with it when the server is stopped. */
function endOfLog(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, "utf8").slice(-2000) : "stopped";
}

/** A server whose launcher is dead belongs to the process that finds it; otherwise a person would have to stop it. */
function attach(place: Place): EmbeddedPostgres {
  const url = (database?: string): string => urlOf(place, database);
  const server = serverPid(place);
  const launcher = server === null ? null : readNumber(launcherFile(place, server));
  if (server === null || (launcher !== null && isAlive(launcher))) return { url, owned: false, stop: () => Promise.resolve() };
  claim(place, server);
  return { url, owned: true, stop: () => stopServer(place) };
}

async function stopServer(place: Place): Promise<void> {
  const pid = serverPid(place);
  if (pid === null || readNumber(launcherFile(place, pid)) !== process.pid) return;
  // SIGINT is PostgreSQL's fast shutdown: it ends sessions and writes a checkpoint.
  if (isAlive(pid)) process.kill(pid, "SIGINT");
  while (isAlive(pid) && serverPid(place) === pid) await sleep(10);
  for (const name of readdirSync(place.socket)) {
    if (name.startsWith("server-") || name === `owner-of-${pid}.pid`) rmSync(path.join(place.socket, name), { force: true });
  }
  if (readdirSync(place.socket).length === 0) rmSync(place.socket, { recursive: true, force: true });
}

async function isServing(place: Place): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlOf(place), connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false; // Any error means that it does not serve.
  } finally {
    await client.end().catch(() => undefined);
  }
}

function urlOf(place: Place, database = "postgres"): string {
  return `postgres://postgres@localhost/${database}?host=${encodeURIComponent(place.socket)}`;
}

function claim(place: Place, server: number): void {
  writeFileSync(launcherFile(place, server), String(process.pid));
}

function launcherFile(place: Place, server: number): string {
  return path.join(place.socket, `owner-of-${server}.pid`);
}

function serverPid(place: Place): number | null {
  return readNumber(path.join(place.dir, "postmaster.pid"));
}

/** The number in a file; null without the file: a server that ends deletes its own at any moment. */
function readNumber(file: string): number | null {
  try {
    const value = Number.parseInt(readFileSync(file, "utf8"), 10);
    return Number.isInteger(value) && value > 0 ? value : null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" };
}
