import path from "node:path";
import type { Config } from "../config/config.ts";
import type { MachineThen, ReimportedTemplate, ReimportReport } from "../archive/reimport/context.ts";
import type { SavedCopy } from "../store/reimport-sources.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { sizeText } from "../core/units.ts";

type Place = Config["archive"]["place"];

/** A text on one line, without control characters: names come from CloudStack as somebody wrote them. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

/** Writes the result of a re-import, and by name what is not back, with where its bytes are. */
export function tellReimport(report: ReimportReport, dryRun: boolean, place: Place, out: (text: string) => void): void {
  const ready = report.templates.filter((t) => t.state === "ready");
  const rest = report.templates.filter((t) => t.state !== "ready");
  const list = (title: string, lines: readonly string[]): void => {
    if (lines.length > 0) out(`${title} (${lines.length}):\n${lines.map((line) => `  ${oneLine(line)}\n`).join("")}`);
  };
  for (const note of report.notes) out(`Note: ${oneLine(note)}\n`);
  list("Templates that are back", ready.map(templateLine));
  list(dryRun ? "Templates that would be registered" : "Templates that are not back", rest.map(dryRun ? templateLine : problemLine));
  list(
    "Saved, but not re-imported: a person uploads these to CloudStack (docs/recovery.md)",
    report.kept.map((copy) => keptLine(copy, place)),
  );
  list(
    "Never saved, so lost",
    report.unsaved.map((u) => `${u.kind} ${u.name}: ${u.problem}`),
  );
  list("Machines, which are not created again", report.machines.map(machineLine));
  list("To be created again by hand", othersLines(report.others));
  if (dryRun) out(`Nothing was changed: this was a dry run into ${report.target.path}.\n`);
  else if (rest.length === 0)
    out(`All ${ready.length} templates are back in ${report.target.path}, as they were saved by ${iso(report.from)}.\n`);
  else out(`${ready.length} of ${report.templates.length} templates are back in ${report.target.path}. Run it again to continue.\n`);
}

/** The same for a script, without where bytes are kept. */
export function reimportAsJson(report: ReimportReport, dryRun: boolean): object {
  const copy = ({ kind, name, bytes, savedAt, sha256 }: SavedCopy): object => ({ kind, name, bytes, savedAt: iso(savedAt), sha256 });
  return {
    dryRun,
    target: report.target,
    from: iso(report.from),
    templates: report.templates.map((t) => ({
      ...copy(t.copy),
      account: t.account,
      state: t.state,
      templateId: t.templateId,
      problem: t.problem,
    })),
    kept: report.kept.map(copy),
    unsaved: report.unsaved.map(({ kind, name, problem }) => ({ kind, name, problem })),
    machines: report.machines.map((m) => machineLine(m)),
    others: othersLines(report.others),
    notes: report.notes,
  };
}

function templateLine(t: ReimportedTemplate): string {
  const id = t.templateId === null ? "" : `, ${t.templateId}`;
  return `${t.copy.name} for ${t.account}${id}: ${sizeText(t.copy.bytes)}, saved ${iso(t.copy.savedAt)} for ${occasions[t.copy.savedFor]}`;
}

function problemLine(t: ReimportedTemplate): string {
  const unknown = t.state === "registering" ? "not known yet whether it is registered" : "not started";
  return `${t.copy.name} for ${t.account}: ${t.problem ?? (t.state === "downloading" ? "CloudStack has not fetched it yet" : unknown)}`;
}

function keptLine(copy: SavedCopy, place: Place): string {
  const machine = copy.item.facts["machineName"];
  const of = typeof machine === "string" ? ` of machine ${machine}` : "";
  return `${copy.kind} ${copy.name}${of}: ${sizeText(copy.bytes)}, saved ${iso(copy.savedAt)}; archive key ${copy.key}, ${whereIs(copy.key, place)}, SHA-256 ${copy.sha256}`;
}

/** Where the bytes of a key are, so that a person can get them. */
function whereIs(key: string, place: Place): string {
  return place.kind === "folder" ? path.resolve(place.dir, key.slice(0, 2), key) : `s3://${place.bucket}/${place.prefix}${key}`;
}

function machineLine(m: MachineThen): string {
  const fact = (name: string): string | null => (m.item.facts[name] === undefined ? null : String(m.item.facts[name]));
  const named = (what: string, name: string | null, id: string | null): string =>
    name === null && id === null
      ? `${what} unknown`
      : `${what} ${[name, id === null ? null : `(${id})`].filter((s) => s !== null).join(" ")}`;
  const [cpus, memory] = [fact("cpus"), fact("memoryMiB")];
  const disks = m.volumes.map((v) => (v.bytes === null ? v.name : `${v.name} ${sizeText(v.bytes)}`));
  return [
    `${m.item.name} of ${m.item.accountName ?? "nobody known"}: ${named("offering", fact("serviceOffering"), fact("serviceOfferingId"))}`,
    ...(cpus === null || memory === null ? [] : [`${cpus} CPUs, ${memory} MiB`]),
    named("template", fact("templateName") ?? m.templateName, fact("templateId")),
    named("OS type", fact("osType"), fact("osTypeId")),
    fact("hypervisor") ?? "hypervisor unknown",
    `disks ${disks.length === 0 ? "unknown" : disks.join(", ")}`,
  ].join("; ");
}

function othersLines(items: readonly InventoryItem[]): readonly string[] {
  const byKind = new Map<string, string[]>();
  for (const i of items) byKind.set(i.kind, [...(byKind.get(i.kind) ?? []), i.name]);
  return [...byKind].map(([kind, names]) => `${kind}: ${names.join(", ")}`);
}

const occasions = { backup: "a backup", deletion: "a deletion", export: "an export" };

function iso(at: number): string {
  return new Date(at).toISOString();
}
