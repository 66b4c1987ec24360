import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  type Stats,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { EmbeddedPostgresUnavailable, type Ids } from "./embedded-binaries.ts";

/** The folders of an embedded server; `ids` is the user it runs as, empty for this process's own. */
export interface Place {
  readonly dir: string;
  readonly socket: string;
  readonly ids: Ids;
}

/** The folders of the server on `wanted`; nothing is created. A root process's data is in /var/tmp where its server cannot reach `wanted`. */
export function placeOf(wanted: string): Place {
  const isRoot = process.getuid?.() === 0;
  const dir = isRoot && !isReachable(wanted) ? path.join("/var/tmp", `twokey-pg-data-${shortHash(wanted)}`) : wanted;
  const ids = isRoot ? privateIds(dir) : {};
  // A socket's path has at most 107 bytes, so it is not in the data folder.
  return { dir, ids, socket: path.join(tmpdir(), `twokey-pg-${shortHash(`${ids.uid ?? process.getuid?.() ?? ""}:${dir}`)}`) };
}

/**
 * Creates both folders, or checks those that are there: whoever owns the socket's folder could answer as PostgreSQL, and whoever can
 * enter it could be its superuser.
 *
 * Errors: `EmbeddedPostgresUnavailable` for a folder that is a link, another user's, or open to others, or that others may replace.
 */
export function preparePlace(place: Place): void {
  for (const folder of [place.dir, place.socket]) {
    mkdirSync(path.dirname(folder), { recursive: true });
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (!existsSync(folder)) throw error;
    }
  }
  takeOverOldCluster(place);
  if (readdirSync(place.dir).length === 0 && lstatSync(place.dir).uid === process.getuid?.()) chmodSync(place.dir, 0o700);
  const reason = whyOthersReach(place);
  if (reason !== null) throw new EmbeddedPostgresUnavailable(reason);
  if (place.ids.uid === undefined) return;
  for (const folder of [place.dir, place.socket]) chownSync(folder, place.ids.uid, place.ids.gid);
}

/**
 * Why another user could read or change this database, or put one of their own in its place: a folder that is a link, another user's or
 * open to others, or one above it in which somebody else may rename. Null: none could. Folders above `program` do not count: who may
 * rename one of them could as well replace the program.
 */
export function whyOthersReach(place: Place, program = import.meta.filename): string | null {
  const trusted = new Set(foldersAbove(program));
  for (const folder of [place.dir, place.socket]) {
    const above = whyOthersRename(folder, place.ids, trusted);
    if (above !== null)
      return (
        `${above}, so somebody else could put a database of their own in the place of ${folder}. ` +
        "Take that right away (chmod go-w), or set TMPDIR and TWOKEY_DATA_DIR to places of your own, or DATABASE_URL."
      );
    const found = lstatSync(folder, { throwIfNoEntry: false });
    const reason = found === undefined ? null : whyNotPrivate(found, place.ids);
    if (reason !== null)
      return (
        `${folder} ${reason}, so somebody else could read or change the database. ` +
        "If you made it, delete it and start again; otherwise set TMPDIR or TWOKEY_DATA_DIR to a place of your own, or DATABASE_URL."
      );
  }
  return null;
}

/** Gives a folder and everything in it to the server's user; links are not followed. */
export function giveTo(folder: string, ids: Ids): void {
  if (ids.uid === undefined) return;
  lchownSync(folder, ids.uid, ids.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) giveTo(file, ids);
    else lchownSync(file, ids.uid, ids.gid);
  }
}

/** The only user of this machine that the server lets in: the one of this process, as any role. */
export function accessRules(): { readonly hba: string; readonly ident: string } {
  const name = `"${userInfo().username}"`;
  // PostgreSQL 16 and later read "all" as any role; before, the bot uses the role `postgres` with SET ROLE.
  return { hba: "local all all peer map=twokey\n", ident: `twokey ${name} postgres\ntwokey ${name} all\n` };
}

function whyOthersRename(folder: string, ids: Ids, trusted: ReadonlySet<string>): string | null {
  const own = process.getuid?.();
  if (own === undefined) return null;
  for (const at of foldersAbove(folder)) {
    if (trusted.has(at)) continue;
    // In a folder with the sticky bit, who owns a link may point it elsewhere.
    const link = lstatSync(at, { throwIfNoEntry: false });
    if (link?.isSymbolicLink() === true && ![0, own, ids.uid].includes(link.uid)) return `the link ${at} belongs to user ${link.uid}`;
    const found = statSync(at, { throwIfNoEntry: false });
    if (found === undefined) continue;
    const mode = (found.mode & 0o7777).toString(8);
    if (![0, own, ids.uid].includes(found.uid)) return `${at} belongs to user ${found.uid}`;
    // A user's own group, which has the user's number and nobody else in it, and root's are nobody else.
    const isOwnGroup = found.gid === 0 || (found.gid === own && found.gid === process.getgid?.());
    const isWritable = (found.mode & (isOwnGroup ? 0o002 : 0o022)) !== 0;
    if (isWritable && (found.mode & STICKY) === 0) return `${at} may be changed by other users (mode ${mode}, without the sticky bit)`;
  }
  return null;
}

/** In such a folder, only who owns an entry may rename it. */
const STICKY = 0o1000;

/** Every folder that decides where a path leads, up to the root, those of links on the way included. */
function* foldersAbove(folder: string): Generator<string> {
  for (let at = path.dirname(folder); ; at = path.dirname(at)) {
    yield at;
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      yield* foldersAbove(path.join(path.resolve(path.dirname(at), readlinkSync(at)), "entry"));
    if (at === path.dirname(at)) return;
  }
}

function whyNotPrivate(found: Stats, ids: Ids): string | null {
  if (!found.isDirectory()) return "is not a folder";
  const own = process.getuid?.();
  if (own === undefined) return null;
  if (found.uid !== own && found.uid !== ids.uid) return `belongs to user ${found.uid}`;
  return (found.mode & 0o077) === 0 ? null : `is open to other users (mode ${(found.mode & 0o777).toString(8)})`;
}

/**
 * Until version 0.1 a root process's server ran as the shared user `nobody`. Such a cluster is given to its own user, if only root can
 * have put it there and no server runs on it.
 */
function takeOverOldCluster(place: Place): void {
  if (place.ids.uid === undefined || lstatSync(place.dir).uid !== OLD_USER) return;
  if ((statSync(path.dirname(place.dir)).mode & 0o022) !== 0) return;
  if (existsSync(path.join(place.dir, "postmaster.pid")))
    throw new EmbeddedPostgresUnavailable(
      `A server of the user ${OLD_USER} runs, or ended badly, on ${place.dir}. Stop it (kill -INT with the first line of its ` +
        "postmaster.pid), delete that file if it remains, and start again: the data then belongs to a user of its own.",
    );
  giveTo(place.dir, place.ids);
}

const OLD_USER = 65534;
/** Users that no distribution assigns (systemd takes its dynamic users from here). */
const PRIVATE_FIRST = 61184;
const PRIVATE_COUNT = 4336;

/** A user and group for the server on this folder that nobody else has: not in /etc/passwd or /etc/group, the same at each start. */
function privateIds(dir: string): Ids {
  const taken = new Set(["/etc/passwd", "/etc/group"].filter((file) => existsSync(file)).flatMap(idsIn));
  const first = Number.parseInt(shortHash(dir), 16);
  for (let n = 0; n < PRIVATE_COUNT; n++) {
    const id = PRIVATE_FIRST + ((first + n) % PRIVATE_COUNT);
    if (!taken.has(id)) return { uid: id, gid: id };
  }
  throw new EmbeddedPostgresUnavailable("Every user id that PostgreSQL could run as is in /etc/passwd. Start Twokey as an ordinary user.");
}

function idsIn(file: string): readonly number[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.map((line) => Number.parseInt(line.split(":")[2] ?? "", 10));
}

/** Whether another user can reach this path. */
function isReachable(wanted: string): boolean {
  for (let at = path.dirname(wanted); ; at = path.dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
