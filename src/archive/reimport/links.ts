import type { IncomingHttpHeaders } from "node:http";
import { LINK_ID, isLocal, isTokenOf, serveCopy, textAnswer, type HttpAnswer, type LinkContext } from "../links.ts";
import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { readServedReimport } from "../../store/reimports.ts";

const SHAPE = new RegExp(`^/restores/(${LINK_ID})/([\\w-]{20,100})/template\\.[a-z0-9]{2,10}$`);

/**
 * Builds the path of a link for one template. CloudStack refuses a link that does not end as its format does (recording 15).
 *
 * Errors: `invalid` when the format is not a word.
 */
export function reimportPath(itemId: string, token: string, format: unknown): Result<string, Failure> {
  const ending = typeof format === "string" ? format.toLowerCase() : "";
  return /^[a-z0-9]{2,10}$/.test(ending)
    ? ok(`/restores/${itemId}/${token}/template.${ending}`)
    : fail("invalid", "restore.no_format", "its manifest does not say which format the file has");
}

/** Serves a template's bytes to CloudStack while the link is valid. Every other link gets the same answer: 404. */
export async function serveReimport(path: string, asked: IncomingHttpHeaders, c: LinkContext): Promise<HttpAnswer> {
  const nothing = textAnswer(404, "Nothing is served here.\n");
  const [, itemId = "", token = ""] = SHAPE.exec(path) ?? [];
  if (itemId === "") return nothing;
  const served = await readServedReimport(c.db, itemId, c.now());
  if (served === null || !isTokenOf(served.token_sha256, token)) return nothing;
  return (await serveCopy(served, asked, c)) ?? nothing;
}

/** Errors: `refused` when CloudStack could not fetch anything from that address. Source: facts/cloudstack §5.4; recording 15. */
export function requireReachable(publicUrl: string | null): Result<void, Failure> {
  if (publicUrl !== null && !isLocal(publicUrl)) return ok(undefined);
  const what = publicUrl === null ? "TWOKEY_PUBLIC_URL is not set" : "TWOKEY_PUBLIC_URL is an address of this machine only";
  return fail("refused", "restore.no_address", `${what}: CloudStack fetches the templates from there`, {
    remedy:
      "Set it to the address at which CloudStack's secondary storage VMs reach TWOKEY_HTTP_HOST and TWOKEY_HTTP_PORT (docs/recovery.md).",
  });
}
