/** What a person is told of their project's domain as it is now. */
import type { InventoryItem, ItemKind } from "../core/inventory.ts";
import { limitTypes } from "../core/managed.ts";
import { compareNames } from "../core/shown-text.ts";
import { DAY_MS, HOUR_MS, sizeText } from "../core/units.ts";
import type { DomainNow } from "../sync/planning/observed.ts";
import { counted } from "../core/plural.ts";
import { amountText, limitNames } from "./differences.ts";
import type { ProjectStatus } from "./projects.ts";
import type { Part, Words } from "./reply.ts";

/** Cells of a bar. */
const CELLS = 10;

/** The project and its domain in a few fields. */
export function headParts({ project, domain, now, items, isUnadopted }: ProjectStatus): readonly Part[] {
  if (project === null) return [];
  const machines = items?.filter((i) => i.kind === "machine") ?? null;
  const running = machines?.filter((i) => i.state === "Running").length ?? 0;
  return [
    {
      kind: "fields",
      rows: [
        ["Project", `${nameText(project)}, ${project.state}, ${counted(project.members.length, "member")}`],
        ["Domain", domain === null ? (isUnadopted ? notManaged(project.state) : "not there") : domainWords(domain.path, now)],
        ...(domain === null
          ? []
          : [["Machines", machines === null ? "not known" : `${running} running, ${machines.length - running} not`] as const]),
      ],
    },
  ];
}

/** A project's name with its short name, where that says more. */
function nameText({ name, slug }: { readonly name: string; readonly slug: string }): string {
  return name === slug ? slug : `${name} (${slug})`;
}

/** A closed project's domain cannot be adopted. */
function notManaged(state: "active" | "closed"): string {
  return `there, but Twokey does not manage it${state === "closed" ? "" : ": /ci-adopt"}`;
}

function domainWords(path: string, now: DomainNow | null): Words {
  if (now === null) return [{ code: path }];
  const state = `, ${now.state === "Active" ? "active" : now.state}`;
  return [{ code: path }, state, ...(now.createdAt === null ? [] : [" since ", { at: now.createdAt, as: "day" } as const])];
}

/** Machines with state and age; disks, snapshots and templates with size and the date of their copy. */
export function contentParts({ items, copies, at }: ProjectStatus): readonly Part[] {
  if (items === null) return [];
  const of = (kind: ItemKind) => items.filter((i) => i.kind === kind).toSorted((a, b) => compareNames(a.name, b.name));
  const names = new Map(items.map((i) => [i.id, i.name]));
  const machine = (i: InventoryItem): Words => [
    { code: i.name },
    `: ${i.state}${i.createdAt === null ? "" : `, ${ageText(at - i.createdAt)} old`}`,
  ];
  const thing = (i: InventoryItem): Words => {
    const parent = i.parentId === null ? undefined : names.get(i.parentId);
    const of: Words = parent === undefined ? [] : [" (of ", { code: parent }, ")"];
    const size = i.bytes === null ? "size not known" : sizeText(i.bytes);
    const saved = copies.get(i.id);
    const copy: Words = saved === undefined ? [", no copy in the archive"] : [", copy of ", { at: saved, as: "day" }];
    return [{ code: i.name }, ...of, `: ${size}`, ...copy];
  };
  return [
    { kind: "list", title: "Machines", lines: of("machine").map(machine) },
    { kind: "list", title: "Disks", lines: of("volume").map(thing) },
    { kind: "list", title: "Snapshots", lines: of("snapshot").map(thing) },
    { kind: "list", title: "Templates", lines: of("template").map(thing) },
  ];
}

/** Each limit with a bar for how much of it is used. */
export function limitParts({ now }: ProjectStatus): readonly Part[] {
  if (now === null || now.limits === null) return [];
  const rows = limitTypes.flatMap((type) => {
    const [limit, used] = [now.limits?.[type], now.used[type]];
    if (limit === undefined || limit === -1 || used === undefined) return [];
    const full = used >= limit ? ", full" : "";
    return [[limitNames[type], bar(used, limit), `${amountText(type, used)} of ${amountText(type, limit)}${full}`] as const];
  });
  if (rows.length === 0) return [{ kind: "note", text: "The domain has no limits." }];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [{ kind: "table", title: "Limits, and how much is used", lines: rows.map(([n, b, text]) => `${n.padEnd(width)}  ${b}  ${text}`) }];
}

/** A small bar of text: filled for what is used, at least one cell as soon as anything is. Pure. */
function bar(used: number, limit: number): string {
  const share = limit <= 0 ? 1 : Math.min(1, used / limit);
  const filled = share === 0 ? 0 : Math.max(1, Math.floor(share * CELLS));
  return "█".repeat(filled) + "░".repeat(CELLS - filled);
}

/** An age for people: "34 days". */
function ageText(ms: number): string {
  if (ms < HOUR_MS) return "less than an hour";
  if (ms < 2 * DAY_MS) return counted(Math.floor(ms / HOUR_MS), "hour");
  return counted(Math.floor(ms / DAY_MS), "day");
}

/** Who is locked out, how the two sides differ, what is changed next, and what keeps it. */
export function stepParts(s: ProjectStatus): readonly Part[] {
  const { nextChanges, differences, held, lockedOut, troubles } = s;
  return [
    { kind: "list", title: "Locked out in CloudStack", lines: lockedOut },
    { kind: "list", title: "Held", lines: held },
    nextPart(nextChanges),
    { kind: "list", title: "CI database and CloudStack differ", lines: differences },
    { kind: "list", title: "Could not be read", lines: troubles },
  ];
}

function nextPart(changes: ProjectStatus["nextChanges"]): Part {
  if (changes === null) return { kind: "text", text: "What the next plan would change is not known: not everything could be read." };
  return changes.length === 0
    ? { kind: "text", text: "The next plan would change nothing here." }
    : { kind: "list", title: "The next plan would", lines: changes };
}
