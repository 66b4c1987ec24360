/** Once a week, owners of old machines that no template was made of are told how to make one. Nothing is changed by it. */
import type { OldMachine } from "../bot/render/nudge.ts";
import type { CiUserId } from "../core/ids.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { DAY_MS } from "../core/units.ts";
import { readKnownState } from "../store/managed.ts";
import { endRound, readUntellable, recordNudged, takeRound } from "../store/nudges.ts";
import { domainsOf } from "./archive.ts";
import type { Parts } from "./parts.ts";

/** How often an owner is told at most. Units: milliseconds. */
const EVERY_MS = 7 * DAY_MS;

/** Tells the owners who are due. What of CloudStack cannot be read is left out of this round, and logged. */
export async function sweepNudges(p: Parts): Promise<void> {
  const { nudgeAfterMs } = p.config.notices;
  const round = nudgeAfterMs === null ? null : await takeRound(p.db, p.now(), EVERY_MS);
  if (nudgeAfterMs === null || round === null) return;
  const untellable = await readUntellable(p.db, round);
  const owed = await readOldMachines(p, nudgeAfterMs);
  let isDone = owed !== null;
  for (const [person, machines] of owed ?? []) {
    if (untellable.has(person)) continue;
    if (await p.slack.announcers.nudge.nudge(person, machines, round)) await recordNudged(p.db, person, p.now());
    else isDone = false;
  }
  // What Slack did not take is tried again at the next look, for a day at most: then the next week's round comes.
  if (isDone || p.now() - round > DAY_MS) await endRound(p.db, round, p.now());
}

/** Old machines of active projects whose account has made no template since, by owner; null: the CI database could not be read. */
async function readOldMachines(p: Parts, afterMs: number): Promise<ReadonlyMap<CiUserId, readonly OldMachine[]> | null> {
  const projects = await p.ci.projectsOf("all");
  if (!projects.ok) {
    p.events.failed("nudge.not_read", projects.error);
    return null;
  }
  const { managedDomains, managedAccounts } = await readKnownState(p.db, []);
  const ownerOf = new Map<string, CiUserId>(managedAccounts.map((a) => [a.accountId, a.ciUserId]));
  const owed = new Map<CiUserId, OldMachine[]>();
  const active = new Map(projects.value.filter((one) => one.state === "active").map((one) => [one.id, one]));
  const domains = await domainsOf(p, [...active.values()]);
  for (const { projectId } of managedDomains) {
    const [project, domain] = [active.get(projectId), domains.get(projectId)];
    if (project === undefined || domain === undefined) continue;
    const items = await p.cloud.reader.readItems(domain, ["machine", "template"]);
    if (!items.ok) {
      p.events.failed("nudge.not_read", items.error, { project: project.slug });
      continue;
    }
    for (const { name, accountId, createdAt } of withoutTemplate(items.value, p.now() - afterMs)) {
      const owner = accountId === null ? undefined : ownerOf.get(accountId);
      if (owner === undefined || createdAt === null) continue;
      owed.set(owner, [...(owed.get(owner) ?? []), { project: project.slug, name, createdAt }]);
    }
  }
  return owed;
}

/** The machines made before an instant whose account has made no template since. */
export function withoutTemplate(items: readonly InventoryItem[], before: number): readonly InventoryItem[] {
  const templates = items.filter((i) => i.kind === "template");
  const isSaved = (m: InventoryItem) => templates.some((t) => t.accountId === m.accountId && (t.createdAt ?? 0) >= (m.createdAt ?? 0));
  return items.filter((i) => i.kind === "machine" && i.createdAt !== null && i.createdAt < before && !isSaved(i));
}
