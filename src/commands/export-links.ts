import type { ExportService } from "../archive/export-service.ts";
import { failure } from "../core/failure.ts";
import { ExportId } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { counted } from "../core/plural.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Failure } from "../core/failure.ts";
import { replyOf, shortReply, type Reply } from "./reply.ts";

/** What is wished of the links of exports: null lists them, an id revokes one. */
export type LinkWish = ExportId | null;

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

/** Nothing, or `revoke` and a link or its number; of a link only the number is kept. Errors: `invalid`, with how to write it. */
export function parseLinkWish(words: string): Result<LinkWish, Failure> {
  if (words === "") return ok(null);
  const [, which = ""] = /^revoke\s+(.+)$/is.exec(words) ?? [];
  const id = ExportId.safeParse(ID.exec(which)?.[0]?.toLowerCase());
  if (id.success) return ok(id.data);
  return err(
    failure("invalid", "command.export_links", "This is not how a link is revoked", {
      remedy: "Write /ci-export-links alone for the list, then /ci-export-links revoke and the number of a link, or the link itself.",
    }),
  );
}

/** `/ci-export-links`: the links that can be used now, and with `revoke` the end of one. */
export async function answerExportLinks(asker: Asker, wish: LinkWish, exports: ExportService, slackUser: string): Promise<Reply> {
  if (wish !== null)
    return replyOf(await exports.revokeAsTeam(wish, asker, slackUser), ({ name, project, isSigned }) =>
      shortReply(
        `The link to ${name} of ${project} is revoked`,
        `Nobody gets anything by it any more; downloads that had begun end within seconds.${
          isSigned ? " What the archive's bucket had handed out already can be used for five minutes more." : ""
        } The copy stays in the archive.`,
      ),
    );
  return replyOf(await exports.links(asker), (links) => ({
    title: links.length === 0 ? "No link to an export can be used now" : `${counted(links.length, "link")} to exports can be used now`,
    parts:
      links.length === 0
        ? []
        : [
            {
              kind: "list",
              title: "To end one: /ci-export-links revoke and its number",
              lines: links.map((l) => [
                `${l.id}: ${l.name} of ${l.slug}, asked for by ${l.askedBy.replace(/^(?:ci|slack):/, "")}, until `,
                { at: l.until },
              ]),
            },
          ],
  }));
}
