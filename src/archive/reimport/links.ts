import { createHash, timingSafeEqual } from "node:crypto";
import type { ArchiveStore } from "../ports.ts";
import type { ExportAnswer } from "../export-service.ts";
import type { Clock } from "../../core/clock.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Queryable } from "../../store/db.ts";
import { readServedReimport } from "../../store/reimports.ts";

const SHAPE = /^\/restores\/([0-9a-f-]{36})\/([\w-]{20,100})\/template\.[a-z0-9]{2,10}$/;

/**
 * Writes the path of a link for one template. CloudStack refuses a link that does not end as its format does (recording 15).
 *
 * Errors: `invalid` when the format is no word.
 */
export function reimportPath(itemId: string, token: string, format: unknown): Result<string, Failure> {
  const ending = typeof format === "string" ? format.toLowerCase() : "";
  if (!/^[a-z0-9]{2,10}$/.test(ending))
    return err(failure("invalid", "restore.no_format", "its manifest does not say which format the file has"));
  return ok(`/restores/${itemId}/${token}/template.${ending}`);
}

/** What is kept of a link's secret. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Serves a template's bytes to CloudStack by a link of ours, while it is good. Any other link is answered alike: 404. */
export async function serveReimport(
  path: string,
  c: { readonly db: Queryable; readonly store: Pick<ArchiveStore, "open">; readonly now: Clock },
): Promise<ExportAnswer> {
  const nothing: ExportAnswer = {
    status: 404,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: "Nothing is served here.\n",
  };
  const [, itemId = "", token = ""] = SHAPE.exec(path) ?? [];
  if (itemId === "") return nothing;
  const served = await readServedReimport(c.db, itemId, c.now());
  if (served === null || !timingSafeEqual(Buffer.from(served.token_sha256), Buffer.from(tokenHash(token)))) return nothing;
  const opened = await c.store.open(served.key);
  if (!opened.ok) return nothing;
  const headers = { "content-type": "application/octet-stream", "content-length": String(served.bytes), "cache-control": "no-store" };
  return { status: 200, headers, body: opened.value };
}

/** Hosts that CloudStack refuses in a link, or that would lead it to itself. Source: facts/cloudstack §5.4; recording 15. */
const LOCAL = /^(?:127\.|localhost$|\[::1?\]$|0\.0\.0\.0$|169\.254\.)/;

/** Why CloudStack could not fetch anything from that address; null when it may be tried. */
export function linkProblem(publicUrl: string | null): Failure | null {
  if (publicUrl !== null && !LOCAL.test(new URL(publicUrl).hostname)) return null;
  const what = publicUrl === null ? "TWOKEY_PUBLIC_URL is not set" : "TWOKEY_PUBLIC_URL leads to this machine alone";
  return failure("refused", "restore.no_address", `${what}: CloudStack fetches the templates from there`, {
    remedy:
      "Set it to the address at which CloudStack's secondary storage VMs reach TWOKEY_HTTP_HOST and TWOKEY_HTTP_PORT (docs/recovery.md).",
  });
}
