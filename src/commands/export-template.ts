import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import type { Services } from "./services.ts";
import type { ExportListener } from "../archive/export-service.ts";
import { replyOf, replyOfFailure, shortReply, type Reply } from "./reply.ts";
import { isNamed } from "../core/shown-text.ts";
import { sizeText } from "../core/units.ts";

const OPTIONS_MAX = 100;

/** `/ci-export-template`: offers a choice, or starts the export of a template named by name or id. */
export async function answerExport(
  asker: Asker,
  slug: Slug | null,
  template: string | null,
  services: Services,
  where: ExportListener,
): Promise<Reply> {
  const projects = await services.projects.projectsOf(asker);
  if (!projects.ok) return replyOfFailure(projects.error);
  const wanted = projects.value.filter((p) => (slug === null ? p.state === "active" : p.slug === slug));
  if (wanted.length === 0)
    return shortReply(slug === null ? "You have no project here" : `You have no project ${slug}`, "/ci-status lists yours.");
  if (slug === null && wanted.length > 5) return shortReply("Which project?", "Write /ci-export-template and its short name.");

  const found = await Promise.all(wanted.map(async (p) => ({ slug: p.slug, templates: await services.exports.templates(asker, p.slug) })));
  const failed = found.find((f) => !f.templates.ok);
  if (failed !== undefined && !failed.templates.ok) return replyOfFailure(failed.templates.error);
  const all = found.flatMap((f) => (f.templates.ok ? f.templates.value : []));
  if (all.length === 0) return shortReply("There is no template to export", "Create one from a stopped machine in CloudStack first.");

  const exact = all.filter((t) => t.name === template || t.id === template);
  const named = template === null || exact.length > 0 ? exact : all.filter((t) => isNamed(template, t.name));
  const [one] = named;
  if (named.length === 1 && one !== undefined) return startExport(asker, one.project, one.id, services, where);
  if (template !== null)
    return shortReply(
      `${named.length === 0 ? "No template has" : "Several templates have"} that name`,
      "Leave the name out and choose one from the list.",
    );

  const options = all
    .slice(0, OPTIONS_MAX)
    .map((t) => ({ value: `${t.project} ${t.id}`, label: `${t.project}: ${t.name}${t.bytes === null ? "" : ` (${sizeText(t.bytes)})`}` }));
  const more =
    all.length > OPTIONS_MAX
      ? [{ kind: "note" as const, text: `There are ${all.length - OPTIONS_MAX} more: give the project's short name too.` }]
      : [];
  return {
    title: "Which template should be exported?",
    parts: [{ kind: "choice", action: "choose_template", label: "Choose a template", options }, ...more],
  };
}

/** Starts one export; its progress comes as a direct message. */
export async function startExport(
  asker: Asker,
  slug: Slug,
  templateId: string,
  services: Pick<Services, "exports">,
  where: ExportListener,
): Promise<Reply> {
  return replyOf(await services.exports.start(asker, slug, templateId, where), (started) =>
    shortReply(`Exporting ${started.template} of ${slug}`, "It is saved and checked first; then you get the link as a direct message."),
  );
}
