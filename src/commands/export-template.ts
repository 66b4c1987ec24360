import type { ExportKind } from "../core/archive-kinds.ts";
import { dayInZone } from "../core/day-in-zone.ts";
import { inTime } from "../core/in-time.ts";
import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { isNamed } from "../core/shown-text.ts";
import { sizeText } from "../core/units.ts";
import { matching, type Exportable } from "../archive/export-choices.ts";
import type { ExportListener } from "../archive/export-view.ts";
import type { Services } from "./services.ts";
import { replyOf, replyOfFailure, shortReply, type Part, type Reply } from "./reply.ts";

/** As many options as one menu of Slack's has at most. */
const OPTIONS_MAX = 100;
/** Slack's longest option. */
const LABEL_MAX = 75;
/** How long the first list is waited for before the menu is shown without it. Units: milliseconds. */
const FIRST_LIST_MS = 1000;

/** `/ci-export-…`: offers a choice, or starts the export of a thing named by name or id. */
export async function answerExport(
  asker: Asker,
  slug: Slug | null,
  name: string | null,
  services: Services,
  where: ExportListener,
  kind: ExportKind = "template",
): Promise<Reply> {
  if (slug === null) return searchAll(asker, kind, services);
  const found = await services.exports.templates(asker, slug, kind);
  if (!found.ok) return replyOfFailure(found.error);
  const all = found.value;
  if (all.length === 0) return nothingThere(kind);
  const exact = all.filter((t) => t.name === name || t.id === name);
  const named = name === null || exact.length > 0 ? exact : all.filter((t) => isNamed(name, t.name));
  const [one] = named;
  if (named.length === 1 && one !== undefined) return startExport(asker, one.project, one.id, services, where, kind);
  if (named.length > 1)
    return { title: `${named.length} ${kind}s have that name: which one should be exported?`, parts: [choiceOf(named, kind, asker.zone)] };
  if (name !== null) return shortReply(`No ${kind} has that name`, "Leave the name out and choose one from the list.");
  return { title: titleOf(kind), parts: [choiceOf(all, kind, asker.zone)] };
}

function choiceOf(things: readonly Exportable[], kind: ExportKind, zone: Asker["zone"]): Part {
  return things.length <= OPTIONS_MAX
    ? { kind: "choice", action: `choose_${kind}`, label: `Choose a ${kind}`, options: optionsOf(things, zone) }
    : { kind: "search", action: `choose_${kind}`, label: `Type a part of the ${kind}'s name` };
}

/** A menu that asks with each letter, over all projects; where there is nothing to choose, or it cannot be read, that is said at once. */
async function searchAll(asker: Asker, kind: ExportKind, services: Services): Promise<Reply> {
  const first = await inTime(services.exports.choices(asker, kind), FIRST_LIST_MS);
  if (first?.came.ok === false) return replyOfFailure(first.came.error);
  if (first?.came.ok === true && first.came.value.length === 0) {
    const projects = await services.projects.projectsOf(asker);
    if (!projects.ok) return replyOfFailure(projects.error);
    return projects.value.length === 0 ? shortReply("You have no project here", "/ci-status lists yours.") : nothingThere(kind);
  }
  const label = `Type a project or a ${kind}`;
  return {
    title: titleOf(kind),
    parts: [
      { kind: "search", action: `choose_${kind}`, label },
      {
        kind: "note",
        text: `All your projects are in the list; it shows ${OPTIONS_MAX} at most: type a part of a name to find the others.`,
      },
    ],
  };
}

/** What a menu offers to who typed this. Errors: why it cannot be read. */
export async function suggest(
  asker: Asker,
  kind: ExportKind,
  typed: string,
  services: Pick<Services, "exports">,
): ReturnType<typeof listed> {
  return listed(await services.exports.choices(asker, kind), typed, asker.zone);
}

async function listed(found: Awaited<ReturnType<Services["exports"]["choices"]>>, typed: string, zone: Asker["zone"]) {
  return found.ok ? ({ ok: true, value: optionsOf(matching(found.value, typed).slice(0, OPTIONS_MAX), zone) } as const) : found;
}

/** Starts one export; its progress comes as a direct message. */
export async function startExport(
  asker: Asker,
  slug: Slug,
  id: string,
  services: Pick<Services, "exports">,
  where: ExportListener,
  kind: ExportKind = "template",
): Promise<Reply> {
  return replyOf(await services.exports.start(asker, slug, id, where, kind), (started) =>
    shortReply(
      `Exporting ${started.name} of ${slug}`,
      started.isGone
        ? "CloudStack does not have it any more: the copy in the archive is checked, then you get the link as a direct message."
        : "It is saved and checked first; then you get the link as a direct message.",
    ),
  );
}

function titleOf(kind: ExportKind): string {
  return `Which ${kind} should be exported?`;
}

function nothingThere(kind: ExportKind): Reply {
  const how = {
    template: "Create one from a stopped machine in CloudStack first.",
    volume: "A volume can be exported once it is detached or its machine is stopped.",
    snapshot: "Take one of a volume in CloudStack first.",
  }[kind];
  return shortReply(`There is no ${kind} to export`, how);
}

interface Option {
  readonly value: string;
  readonly label: string;
}

/** The lines of a menu; those that would be alike are told apart by the beginning of their id, as CloudStack shows it. */
function optionsOf(things: readonly Exportable[], zone: Asker["zone"]): readonly Option[] {
  const plain = things.map((t) => optionOf(t, zone));
  const labels = new Map<string, number>();
  for (const { label } of plain) labels.set(label, (labels.get(label) ?? 0) + 1);
  return things.map((t, i) => {
    const one = plain[i] ?? optionOf(t, zone);
    return (labels.get(one.label) ?? 0) > 1 ? optionOf(t, zone, `id ${t.id.slice(0, 8)}`) : one;
  });
}

/** One line of a menu, for a reader in this zone: its size, or since when only the archive has it, is never cut off. */
function optionOf(t: Exportable, zone: Asker["zone"], apart = ""): Option {
  const size = t.bytes === null ? "" : sizeText(t.bytes);
  const saved = t.savedAt === null ? "" : `saved ${dayInZone(t.savedAt, zone)}`;
  const more = [size, saved, apart].filter((text) => text !== "").join(", ");
  const end = more === "" ? "" : ` (${more})`;
  const name = [...`${t.project}: ${t.name}`];
  const room = LABEL_MAX - end.length;
  return { value: `${t.project} ${t.id}`, label: `${name.length > room ? `${name.slice(0, room - 1).join("")}…` : name.join("")}${end}` };
}
