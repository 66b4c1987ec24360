import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import path from "node:path";
import type { Config } from "../../config.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "./report.ts";

const { ok, warning, failed, refused } = checksOf("archive");
const GIB = 1024 ** 3;
/** Less than this is full after a template or two. Units: bytes. */
const FREE_BYTES_MIN = 20 * GIB;

/** Looks at where saved templates are kept: a folder's rights and free space, or a bucket by a call that only lists. */
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
    return [failed(`${exists ? "the folder" : "above the folder"} ${wanted} may not be written`, `Let the bot's user write ${there}.`)];
  }
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const sentence = `${Math.floor(free / GIB)} GiB free`;
  return [
    ok(exists ? `the folder ${wanted} can be written` : `the folder ${wanted} is not there yet; it can be made`),
    free < FREE_BYTES_MIN ? warning(sentence, "Make room: all templates of a domain are saved before anybody may approve.") : ok(sentence),
  ];
}

/** The folder itself, or the nearest one above it that is there. */
async function nearest(wanted: string): Promise<string> {
  for (let at = wanted; ; at = path.dirname(at)) {
    const there = await stat(at).then(
      () => true,
      () => false,
    );
    if (there || at === path.dirname(at)) return at;
  }
}

async function examineBucket(place: Extract<Config["archive"]["place"], { readonly kind: "s3" }>, timeoutMs: number): Promise<Check> {
  // Loaded only when it is used: the SDK takes 20 MiB.
  const { inspectBucket } = await import("../../archive/s3-store.ts");
  const looked = await inspectBucket({ ...place, timeoutMs });
  return looked.ok
    ? ok(`the bucket ${place.bucket} answers, and lists uploads; that it may be written is seen at the first template`)
    : refused(looked.error, "Look at ARCHIVE_S3_…");
}
