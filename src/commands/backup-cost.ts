import type { Amounts, Comparison } from "../archive/backups/model.ts";
import { policyNames, sizeKinds, type SizeKind } from "../core/backup-policy.ts";
import { dayInZone } from "../core/day-in-zone.ts";
import { sizeText } from "../core/units.ts";
import type { Asker } from "../core/people.ts";
import type { BackupService } from "../archive/backups/service.ts";
import { replyOfFailure, teamOnlyReply, type Reply } from "./reply.ts";

const PROJECTS_SHOWN = 10;

/** A table of plain text: the first column to the left, the others to the right. */
export interface TextTable {
  readonly title: string;
  readonly lines: readonly string[];
}

/** `/ci-backup-cost`: what each policy costs, what it brings back, and a picture of the twelve months ahead. */
export async function answerBackupCost(asker: Asker, backups: BackupService): Promise<Reply> {
  if (!asker.isTeam) return teamOnlyReply("what backups cost", "/ci-backups and your project's short name lists what is saved of it.");
  const compared = await backups.compare();
  if (!compared.ok) return replyOfFailure(compared.error);
  return {
    title: "What backups would cost over the next 12 months",
    parts: [
      ...costTables(compared.value).map((t) => ({ kind: "table" as const, ...t })),
      { kind: "note", text: costNotes(compared.value, asker.zone).join(" ") },
      { kind: "note", text: "The picture of the twelve months is in your direct messages with me." },
    ],
    picture: {
      name: "backup-cost.png",
      title: "What backups would cost over the next 12 months",
      description: `Two line charts, stored bytes and cost by month. ${costsInWords(compared.value)}`,
      png: await backups.plot(compared.value, asker.zone),
    },
  };
}

/** The tables that compare the policies: costs, what each brings back, what exists by kind and by project. Pure. */
export function costTables(c: Comparison): readonly TextTable[] {
  const money = (n: number): string => `${n.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  const costs = c.choices.map(({ projection: p }) => {
    const moved = p.months.reduce((sum, m) => sum + m.transferredGib, 0) * 1024 ** 3;
    const last = p.months.at(-1)?.cost ?? 0;
    return [policyNames[p.policy], sizeText(p.firstBytes), sizeText(p.storedBytes), sizeText(moved), money(last), money(p.cost)];
  });
  const comebacks = c.choices.map(({ comeback: b }) => [policyNames[b.policy], inWords(b.back), inWords(b.lost)]);
  const kinds = sizeKinds.map((kind) => [
    plural(kind, 2),
    String(c.now[kind].things),
    kind === "machine" ? "–" : sizeText(c.now[kind].bytes),
  ]);
  const projects = c.projects
    .slice(0, PROJECTS_SHOWN)
    .map((p) => [
      p.slug,
      sizeText(p.bytes.volume),
      sizeText(p.bytes.snapshot),
      sizeText(p.bytes.template + p.bytes.iso),
      sizeText(p.totalBytes),
      p.bytesPerDay === null ? "not known" : growthText(p.bytesPerDay),
    ]);
  const left = c.projects.length - PROJECTS_SHOWN;
  const { currency } = c.terms;
  return [
    {
      title: "The policies",
      lines: align([["policy", "first backup", "kept then", "transferred", `last month ${currency}`, `12 months ${currency}`], ...costs]),
    },
    {
      title: "If 2017 happened today: all domains destroyed but one",
      lines: align([["policy", "comes back", "is lost"], ...comebacks], "left"),
    },
    { title: "What exists now", lines: align([["kind", "number", "bytes"], ...kinds]) },
    {
      title: left > 0 ? `The ${PROJECTS_SHOWN} largest of ${c.projects.length} projects` : "By project",
      lines: align([["project", "volumes", "snapshots", "templates", "all", "grows a month"], ...projects]),
    },
  ];
}

/** The assumptions behind the tables, one sentence each, for a reader in a time zone; without one the day is UTC's. Pure. */
export function costNotes(c: Comparison, zone?: string): readonly string[] {
  const t = c.terms;
  const [worst] = c.choices;
  const days = `${t.scheduleDays} day${t.scheduleDays === 1 ? "" : "s"}`;
  return [
    c.asOf === null
      ? "Nothing was measured yet."
      : `Measured ${dayInZone(c.asOf, zone)}, ${c.measurements} measurement${c.measurements === 1 ? "" : "s"} in the history.`,
    c.withoutGrowth === 0
      ? "Growth is a straight line through them."
      : `Not enough history for the growth of ${c.withoutGrowth} of ${c.projects.length} projects: they are assumed not to grow.`,
    `A backup every ${days}, ${t.keepVersions} versions, at most ${t.keepDays} days old; volumes are saved whole each time, the rest once.`,
    `${t.pricePerGibMonth} ${t.currency} per GiB and month, ${t.transferPricePerGib} ${t.currency} per GiB transferred (BACKUP_PRICE_PER_GIB_MONTH, BACKUP_TRANSFER_PRICE_PER_GIB).`,
    ...(worst?.comeback.survivor == null
      ? []
      : [`For 2017, the one project that is not destroyed is the smallest, ${worst.comeback.survivor}.`]),
    `What comes back is up to ${days} old. Domains, accounts and users come from the CI database; networks, addresses and firewall rules must be created again.`,
    ...(c.otherBytes === 0 ? [] : [`${sizeText(c.otherBytes)} belong to no managed project and are in no backup.`]),
  ];
}

function costsInWords(c: Comparison): string {
  return c.choices.map(({ projection: p }) => `${policyNames[p.policy]}: ${p.cost.toFixed(2)} ${c.terms.currency} in 12 months`).join("; ");
}

/** Lines of a table with aligned columns; control characters in names cannot break them. */
function align(rows: readonly (readonly string[])[], others: "left" | "right" = "right"): readonly string[] {
  const clean = rows.map((row) => row.map((cell) => cell.replace(/[\p{C}`]/gu, "?").slice(0, 60)));
  const widths = (clean[0] ?? []).map((_, i) => Math.max(...clean.map((row) => row[i]?.length ?? 0)));
  return clean.map((row) =>
    row
      .map((cell, i) => (i === 0 || others === "left" ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

function growthText(bytesPerDay: number): string {
  const month = (bytesPerDay * 365) / 12;
  return Math.abs(month) < 1 ? "0 B" : `${month < 0 ? "-" : "+"}${sizeText(Math.abs(month))}`;
}

function inWords(amounts: Amounts): string {
  const some = sizeKinds.filter((kind) => amounts[kind].things > 0);
  return some.map((kind) => `${amounts[kind].things} ${plural(kind, amounts[kind].things)}`).join(", ") || "nothing";
}

function plural(kind: SizeKind, n: number): string {
  const name = kind === "iso" ? "ISO" : kind;
  return n === 1 ? name : `${name}s`;
}
