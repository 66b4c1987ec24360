/** Once a week, owners of old machines without a template are told how to make one, with a button for each. Only a click makes one. */
import type { OldMachine } from "../bot/render/nudge.ts";
import type { CiUserId } from "../core/ids.ts";
import type { Failure } from "../core/failure.ts";
import { isDestroyed, type InventoryItem } from "../core/inventory.ts";
import type { ProjectDomain } from "../core/managed.ts";
import { whyReported } from "../core/report-mode.ts";
import { compareNames } from "../core/shown-text.ts";
import { ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import { readMachinesOfTemplates } from "../store/made-templates.ts";
import { readKnownState } from "../store/managed.ts";
import { endRound, readUntellable, recordListed, recordNudged, takeRound } from "../store/nudges.ts";
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
    await recordListed(p.db, person, round, machines);
    if (await p.slack.announcers.nudge.nudge(person, machines, round)) await recordNudged(p.db, person, p.now());
    else isDone = false;
  }
  // What Slack did not take is tried again at the next look, for a day at most: then the next week's round comes.
  if (isDone || p.now() - round > DAY_MS) await endRound(p.db, round, p.now());
}

/** Old machines of active projects that no template was made of since, by owner; null: the CI database could not be read. */
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
  const canMake = whyReported("write", p.config.cloudstack.reportOnly) === null;
  for (const { projectId } of managedDomains) {
    const [project, domain] = [active.get(projectId), domains.get(projectId)];
    if (project === undefined || domain === undefined) continue;
    const old = await readOldIn(p, domain, p.now() - afterMs);
    if (!old.ok) {
      p.events.failed("nudge.not_read", old.error, { project: project.slug });
      continue;
    }
    for (const { id, name, accountId, createdAt } of old.value) {
      const owner = accountId === null ? undefined : ownerOf.get(accountId);
      if (owner === undefined || createdAt === null) continue;
      const one = { id: canMake ? id : null, project: project.slug, name, createdAt };
      owed.set(owner, [...(owed.get(owner) ?? []), one]);
    }
  }
  return new Map([...owed].map(([person, machines]) => [person, machines.toSorted(byProjectAndName)]));
}

function byProjectAndName(a: OldMachine, b: OldMachine): number {
  return compareNames(a.project, b.project) || compareNames(a.name, b.name) || a.createdAt - b.createdAt;
}

/** The old machines of one domain, each with its account's id, which lists of things leave out. */
async function readOldIn(p: Parts, domain: ProjectDomain, before: number): Promise<Result<readonly InventoryItem[], Failure>> {
  const items = await p.cloud.reader.readItems(domain, ["machine", "template"]);
  if (!items.ok) return items;
  const templates = items.value.filter((i) => i.kind === "template").map((t) => t.id);
  const old = withoutTemplate(items.value, before, await readMachinesOfTemplates(p.db, templates));
  const now = old.length === 0 ? null : await p.cloud.reader.readDomainNow(domain.id);
  if (now === null || !now.ok) return now ?? ok([]);
  const ids = new Map(now.value.accounts.map((a) => [a.name, a.id]));
  return ok(old.map((m) => ({ ...m, accountId: ids.get(m.accountName ?? "") ?? null })));
}

/**
 * The machines made before an instant that no template was made of since. `madeOf` says of which machine the bot made a template. Of any
 * other one CloudStack does not tell: it is taken for one of a machine of the same account, by its name, else of that which was set up last
 * before it.
 */
export function withoutTemplate(
  items: readonly InventoryItem[],
  before: number,
  madeOf: ReadonlyMap<string, string> = new Map(),
): readonly InventoryItem[] {
  const saved = new Set<string>(madeOf.values());
  const machines = items
    .filter((i) => i.kind === "machine" && i.createdAt !== null && !isDestroyed(i))
    .toSorted((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
  const others = items
    .filter((i) => i.kind === "template" && !madeOf.has(i.id))
    .toSorted((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0));
  const couldBeOf = (t: InventoryItem) =>
    machines.filter((m) => m.accountName === t.accountName && (m.createdAt ?? 0) <= (t.createdAt ?? 0));
  const unnamed = others.filter((t) => {
    const named = couldBeOf(t)
      .filter((m) => t.name.toLowerCase().includes(m.name.toLowerCase()))
      .toSorted((a, b) => b.name.length - a.name.length)[0];
    if (named !== undefined) saved.add(named.id);
    return named === undefined;
  });
  for (const t of unnamed) {
    const one = couldBeOf(t).find((m) => !saved.has(m.id));
    if (one !== undefined) saved.add(one.id);
  }
  return items.filter((i) => i.kind === "machine" && i.createdAt !== null && i.createdAt < before && !isDestroyed(i) && !saved.has(i.id));
}
