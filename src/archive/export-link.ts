import type { IncomingHttpHeaders } from "node:http";
import { readServedExport } from "../store/exports.ts";
import { LINK_ID, isTokenOf, serveCopy, textAnswer, type HttpAnswer, type LinkContext } from "./links.ts";

const SHAPE = new RegExp(`^/exports/(${LINK_ID})/([\\w-]{20,100})$`);

/**
 * Serves a saved template by our own link, whole or in parts, as long as who asked for it may still see the project.
 *
 * Every link that is not valid, or no longer, gets the same answer: 404. Who holds a valid one is told when that cannot be checked.
 */
export async function serveExport(path: string, headers: IncomingHttpHeaders, c: LinkContext): Promise<HttpAnswer> {
  const nothing = textAnswer(404, "This link is not valid, or has expired. Ask again with /ci-export-template.\n");
  const [, id = "", token = ""] = SHAPE.exec(path) ?? [];
  if (id === "") return nothing;
  const served = await readServedExport(c.db, id, c.now());
  if (served === null || !isTokenOf(served.token_sha256, token)) return nothing;
  const may = await c.mayDownload({ projectId: served.project_id, slackUser: served.listener.user });
  if (!may.ok) return textAnswer(503, "Whether you may still download this cannot be checked now. Try again in a minute.\n");
  if (!may.value) return nothing;
  const name = fileNameOf(served.name, served.format);
  return (await serveCopy(served, headers, c, { "content-disposition": `attachment; filename="${name}"` })) ?? nothing;
}

/** A file's name, with the ending of its format: tools go by it. */
function fileNameOf(name: string, format: string | null): string {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100);
  const ending = /^[a-z0-9]{2,10}$/.test(format?.toLowerCase() ?? "") ? `.${format?.toLowerCase()}` : "";
  return plain.toLowerCase().endsWith(ending) ? plain : `${plain}${ending}`;
}
