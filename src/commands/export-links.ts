import { bucketLink, type ExportService, type LiveLink, type LiveLinks } from "../archive/export-service.ts";
import { failure, type Failure } from "../core/failure.ts";
import { ExportId, Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { counted } from "../core/plural.ts";
import { err, ok, type Result } from "../core/result.ts";
import { replyOf, shortReply, type Part, type Reply, type Words } from "./reply.ts";

/** What is wished of the links of exports: to see those of one project or of all, or to revoke one. */
export type LinkWish = { readonly project: Slug | null } | { readonly revoke: ExportId };

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
/** As many lines as one section of a message holds. */
const LINES = 15;

/** Nothing, a project, or `revoke` and a link or its id; of a link only the id is kept. Errors: `invalid`, with how to write it. */
export function parseLinkWish(words: string): Result<LinkWish, Failure> {
  if (words === "") return ok({ project: null });
  const [, which = ""] = /^revoke\s+(.+)$/is.exec(words) ?? [];
  const isAddress = /https?:\/\//i.test(which);
  const id = ExportId.safeParse(ID.exec(isAddress ? (which.split("/exports/").at(1) ?? "") : which)?.[0]?.toLowerCase());
  if (id.success) return ok({ revoke: id.data });
  if (isAddress) return err(notOurs());
  const project = Slug.safeParse(words.toLowerCase().replace(/^#/, ""));
  if (project.success && words !== "revoke" && !ID.test(words)) return ok({ project: project.data });
  return err(
    failure("invalid", "command.export_links", "This is not how a link is revoked", {
      remedy: "Write /ci-export-links alone for the list, then /ci-export-links revoke and the id of a link, or the link itself.",
    }),
  );
}

/** What the bucket hands out has an address of its own. */
function notOurs(): Failure {
  const { message, remedy } = bucketLink();
  return failure("invalid", "command.export_links", "This is no link of Twokey's own", {
    remedy: `/ci-export-links lists those. If it is the archive's bucket's: ${message.replace(/^This link is .* and /, "")}. ${remedy ?? ""}`,
  });
}

/** `/ci-export-links`: the links that can be used now, and with `revoke` the end of one. */
export async function answerExportLinks(asker: Asker, wish: LinkWish, exports: ExportService, slackUser: string): Promise<Reply> {
  if ("revoke" in wish)
    return replyOf(await exports.revokeAsTeam(wish.revoke, asker, slackUser), ({ name, project, isSigned }) =>
      shortReply(
        `The link to ${name} of ${project} is revoked`,
        isSigned
          ? "It no longer opens anything. Where a download had begun, the archive's bucket goes on with it, and begins it again for five minutes. The copy stays in the archive."
          : "Nobody can use it any more; downloads that had begun end within seconds. The copy stays in the archive.",
      ),
    );
  return replyOf(await exports.links(asker, wish.project), (found) => linksReply(found, wish.project));
}

function linksReply({ links, of }: LiveLinks, project: Slug | null): Reply {
  const about = project === null ? "" : ` of ${project}`;
  if (links.length === 0) return shortReply(`No link to an export${about} can be used now`);
  const left = of - links.length;
  const title = of === 1 ? `1 link to an export${about} can be used now` : `${counted(of, "link")} to exports${about} can be used now`;
  const isBucket = links.some((l) => !l.isRevocable);
  return {
    title,
    parts: [
      ...pagesOf(links),
      ...(left > 0
        ? [
            {
              kind: "text",
              text: `${counted(left, "older one")} not shown: /ci-export-links and a project's short name lists those of one project.`,
            } as const,
          ]
        : []),
      ...(isBucket
        ? [{ kind: "note", text: "Nobody can revoke an address of the bucket's own: it ends by itself within the hour." } as const]
        : []),
    ],
  };
}

/** Each list is a section of a message, which holds so many lines. */
function pagesOf(links: readonly LiveLink[]): readonly Part[] {
  const pages: Part[] = [];
  for (let n = 0; n < links.length; n += LINES) {
    const title = n === 0 ? "To end one: /ci-export-links revoke and its id" : "Older ones";
    pages.push({ kind: "list", title, lines: links.slice(n, n + LINES).map(lineOf) });
  }
  return pages;
}

function lineOf(l: LiveLink): Words {
  const by = l.askedBy.replace(/^(?:ci|slack):/, "");
  const what = l.isRevocable ? "" : ", the bucket's own address";
  return [{ code: l.id }, ": ", { code: l.name }, ` of ${l.slug}, asked for by ${by}${what}, until `, { at: l.until }];
}
