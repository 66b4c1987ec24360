import type { IncomingHttpHeaders } from "node:http";
import { isRevoked, readServedExport } from "../store/exports.ts";
import { dispositionOf, fileNameOf } from "./file-name.ts";
import { LINK_ID, isTokenOf, serveCopy, textAnswer, type HttpAnswer, type LinkContext } from "./links.ts";
import { watched } from "./watched.ts";

const SHAPE = new RegExp(`^/exports/(${LINK_ID})/([\\w-]{20,100})$`);

/**
 * Serves what was saved by our own link, whole or in parts, as long as who asked for it may still see the project.
 *
 * Every link that is not valid, or no longer, gets the same answer: 404. Who holds a valid one is told when that cannot be checked.
 */
export async function serveExport(
  path: string,
  headers: IncomingHttpHeaders,
  c: LinkContext,
  method: "GET" | "HEAD" = "GET",
): Promise<HttpAnswer> {
  const nothing = textAnswer(404, "This link is not valid, has expired or was revoked. Ask again in Slack, as you asked for it.\n");
  const [, id = "", token = ""] = SHAPE.exec(path) ?? [];
  if (id === "") return nothing;
  const served = await readServedExport(c.db, id, c.now());
  if (served === null || !isTokenOf(served.token_sha256, token)) return nothing;
  const may = await c.mayDownload({ projectId: served.project_id, slackUser: served.listener.user });
  if (!may.ok) return textAnswer(503, "Whether you may still download this cannot be checked now. Try again in a minute.\n");
  if (!may.value) return nothing;
  const name = dispositionOf(fileNameOf(served.name, served.format, served.hypervisor));
  if (c.store.sign !== undefined) return passOn(served.key, name, method, c);
  const answer = (await serveCopy(served, headers, c, { "content-disposition": name })) ?? nothing;
  if (typeof answer.body === "string") return answer;
  const body = watched(answer.body, async () => !(await isRevoked(c.db, id)), c.now);
  c.downloads.add(id, body);
  return { ...answer, body };
}

/** Passes on to an address of the bucket's own, which is good for a few minutes and for this object only. */
async function passOn(key: string, name: string, method: "GET" | "HEAD", c: LinkContext): Promise<HttpAnswer> {
  const signed = await c.store.sign?.(key, method, name);
  if (signed === undefined || !signed.ok) return textAnswer(503, "The archive cannot be reached now. Try again in a minute.\n");
  return { status: 307, headers: { location: signed.value, "cache-control": "no-store" }, body: "" };
}
