import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import path from "node:path";
import type { Config } from "../../config/config.ts";
import { checksOf, type Check } from "./check.ts";
import { whyUnreached } from "./reach.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, warning, failed, refused } = checksOf("archive");
const GIB = 1024 ** 3;
/** Less than this is filled by one or two templates. Units: bytes. */
const FREE_BYTES_MIN = 20 * GIB;

/** Checks where saved templates are kept: a folder's rights and free space, or a bucket by a call that only lists. */
export async function examineArchive(config: Config): Promise<readonly Check[]> {
  const { place, kinds } = config.archive;
  const saved = ok(`saved before anybody may approve: ${listed(kinds)}`);
  return [...(place.kind === "folder" ? await examineFolder(place.dir) : [await examineBucket(place, config.cloudstack.timeoutMs)]), saved];
}

async function examineFolder(dir: string): Promise<readonly Check[]> {
  const wanted = path.resolve(dir);
  const there = await nearest(wanted);
  const exists = there === wanted;
  const found = await stat(there);
  if (!found.isDirectory()) return [failed(`${there} is a file`, "Set TWOKEY_ARCHIVE_DIR to a folder.")];
  try {
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    return [
      failed(`${exists ? "the folder" : "the parent of the folder"} ${wanted} is not writable`, `Let the bot's user write to ${there}.`),
    ];
  }
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const sentence = `${Math.floor(free / GIB)} GiB free`;
  return [
    ok(exists ? `the folder ${wanted} can be written` : `the folder ${wanted} does not exist yet; it can be created`),
    free < FREE_BYTES_MIN
      ? warning(sentence, "Free some space: all templates of a domain are saved before anybody may approve.")
      : ok(sentence),
  ];
}

/** The folder itself, or the nearest one above it that exists. */
async function nearest(wanted: string): Promise<string> {
  for (let at = wanted; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null || at === path.dirname(at)) return at;
  }
}

async function examineBucket(place: Extract<Config["archive"]["place"], { readonly kind: "s3" }>, timeoutMs: number): Promise<Check> {
  // Loaded only when it is used: the SDK takes 20 MiB.
  const { inspectBucket } = await import("../../archive/s3-store.ts");
  const inspected = await inspectBucket({ ...place, timeoutMs });
  const why =
    inspected.ok || inspected.error.kind !== "unavailable" || place.endpoint === null
      ? null
      : await whyUnreached(place.endpoint, "ARCHIVE_S3_ENDPOINT");
  if (why !== null) return failed(`the bucket ${place.bucket} cannot be reached: ${why.sentence}`, why.remedy);
  return inspected.ok
    ? ok(`the bucket ${place.bucket} answers, and lists uploads; whether it can be written shows with the first template`)
    : refused(inspected.error, "Check ARCHIVE_S3_…");
}
