import type { Operator } from "../core/people.ts";
import { unknownRequester } from "../approvals/ballot.ts";
import { standingApprovals } from "../approvals/tally.ts";
import type { OperatorId } from "../core/ids.ts";
import { itemsToSave } from "../archive/kinds.ts";
import { usualKinds, type ArchiveKind } from "../core/archive-kinds.ts";
import { isSettled, isWaived, withWaiversOf, type ArchiveEntryRow } from "../store/archive-entries.ts";
import { readCardRows } from "../store/card-rows.ts";
import { readDeletion, type DeletionRow } from "../store/deletions.ts";
import { readVotes, type StoredVote } from "../store/ballots.ts";
import { readClosers, readGoOn } from "../store/go-on.ts";
import { mergedNote } from "../store/known-accounts.ts";
import { appearedSince, type Inventory, type InventoryItem, type ItemKind } from "../core/inventory.ts";
import { askedAgainAt, readRefusalBefore } from "./asked-before.ts";
import { clearsWhen } from "./clears-when.ts";
import type { DeletionContext } from "./context.ts";
import { differenceOf } from "./difference.ts";
import { membersView } from "./members-view.ts";
import type { ArchiveLine, BlastRadius, DeletionView } from "./view.ts";
import { votersOf } from "./voters.ts";
import { sentenceOf } from "../core/failure.ts";

/** Reads the rows of a deletion and builds what is shown of it. */
export async function buildView(row: DeletionRow, c: DeletionContext): Promise<DeletionView> {
  const [{ votes, entries: stored, approved, latest }, approvers, fleet] = await Promise.all([
    readCardRows(c.db, row.id),
    c.approvers.approversNow(),
    c.fleetSize(),
  ]);
  // What was waived when people approved stays so; until then only who may approve now counts.
  const entries = approvers.ok && row.phase === "proposed" ? stored.map((e) => withWaiversOf(e, approvers.value)) : stored;
  const listed = approvers.ok ? approvers.value : [];
  const asking = [...new Set([...row.requesters, ...(row.frozen_from === "removing" ? await readClosers(c.db, row.id) : [])])];
  const { may, persons, isUnsure, unknown: whoAsked } = await votersOf(asking, listed, c, row.asked_as ?? []);
  const requesters = await namesOf(asking, listed, c);
  const unknown = isUnsure ? ["whose Slack account is not known, so only people of the CI database may approve"] : [];
  const rejection = votes.find((v) => v.verdict === "reject");
  const inventory = row.phase === "archiving" || row.phase === "proposed" ? (latest ?? approved) : approved;
  return {
    id: row.id,
    phase: row.phase,
    version: row.version,
    projectId: row.project_id,
    slug: row.slug,
    domainId: row.domain_id,
    path: row.path,
    evidence: row.evidence,
    digest: row.digest,
    openedAt: row.opened_at,
    requesters: [...requesters, ...unknown],
    quorum: row.quorum,
    approvals: standingApprovals(votes).map((v) => ({ operator: operatorOf(v), at: v.at })),
    rejection: rejection === undefined ? null : { operator: operatorOf(rejection), reason: rejection.reason ?? "", at: rejection.at },
    mayApprove: may.map((a) => a.name),
    onePerson: mergedNote(persons.merged),
    blast: inventory === null ? null : blastRadius(inventory, fleet),
    alsoTaken: (approved ?? latest)?.alsoTaken ?? [],
    archive: entries.map(lineOf),
    vetoes:
      row.phase === "proposed"
        ? [...(c.reported === null ? [] : [c.reported]), ...unknownVeto(whoAsked), ...vetoesOf(inventory, entries, row.policy.archiveKinds)]
        : [],
    until: row.phase === "proposed" ? row.expires_at : row.until_at,
    expungesAfter: ["dismantling", "expunging", "frozen"].includes(row.phase) ? row.expunge_after : null,
    activity: row.activity,
    closedBecause: row.closed_because,
    closedBy: row.closed_by,
    frozenReason: row.frozen_reason,
    frozenFrom: row.frozen_from,
    waitingSince: row.waiting_since,
    goOn: row.phase === "frozen" && row.frozen_from === "removing" ? await goOnView(row, entries, approved, c) : null,
    steps: stepsOf(row, approved, latest),
    machinesNow: approved === null ? null : machinesNow(approved, latest, row),
    clearsWhen: clearsWhen(row.waiting_for),
    askedAgainAt: askedAgainAt(row),
    refusedBefore: await readRefusalBefore(row, c),
    members: await membersView(row, c),
  };
}

/** The question whether a frozen deletion goes on; null when nothing is asked. */
async function goOnView(
  row: DeletionRow,
  entries: readonly ArchiveEntryRow[],
  approved: Inventory | null,
  c: DeletionContext,
): Promise<DeletionView["goOn"]> {
  const asked = await readGoOn(c.db, row);
  if (asked === null) return null;
  const votes = await readVotes(c.db, { kind: "go_on", id: asked.id });
  const difference = approved === null ? null : differenceOf(approved, asked.body);
  return {
    id: asked.id,
    digest: asked.digest,
    appeared: approved === null ? [] : appearedSince(approved, asked.body).map(({ kind, name }) => ({ kind, name })),
    gone: difference?.gone.length ?? 0,
    left: asked.body.items.filter((i) => i.kind !== "user").length,
    objections: objectionsTo(asked.body, entries, row.policy.archiveKinds),
    approvals: votes.map((v) => ({ operator: operatorOf(v), at: v.at })),
    until: asked.expiresAt,
  };
}

/** Shows the card as it is now. */
export async function show(id: string, c: DeletionContext): Promise<void> {
  const row = await readDeletion(c.db, id);
  if (row !== null) await c.announcer.showCard(await buildView(row, c));
}

/** Shows the card as it is now, and tells the project's members. */
export async function showAndTell(id: string, c: DeletionContext): Promise<void> {
  const row = await readDeletion(c.db, id);
  if (row !== null) await showBuilt(await buildCard(row, c), c);
}

/** Builds what is shown, with the accounts of those who asked looked up where people may vote. */
export async function buildCard(row: DeletionRow, c: DeletionContext): Promise<DeletionView> {
  if (row.phase === "archiving" || row.phase === "proposed") await c.approvers.learnAccounts(row.requesters);
  return buildView(row, c);
}

/** Shows a card and tells the project's members. Slack may take long over both. */
export async function showBuilt(view: DeletionView, c: DeletionContext): Promise<void> {
  await c.announcer.showCard(view);
  if (view.members !== null) await c.announcer.tellMembers(view);
}

function namesOf(people: readonly OperatorId[], approvers: readonly Operator[], c: DeletionContext): Promise<readonly string[]> {
  return Promise.all(
    people.map(async (id) => approvers.find((a) => a.id === id)?.name ?? (await c.nameOf?.(id)) ?? id.replace(/^ci:/, "CI user ")),
  );
}

/** Why nobody may approve while it is not known who asked. Invariant: INV-2. */
function unknownVeto(people: readonly string[]): readonly string[] {
  return people.length === 0 ? [] : [sentenceOf(unknownRequester("deletion", people))];
}

/** Why nobody may approve now: a running machine, something not saved, an obstacle. Invariant: INV-8 (alive veto). */
export function vetoesOf(
  inventory: Inventory | null,
  entries: readonly ArchiveEntryRow[],
  kinds: readonly ArchiveKind[] = usualKinds,
): readonly string[] {
  if (inventory === null) return ["what the domain holds is not known"];
  const running = inventory.items.filter(isRunning).map((i) => i.name);
  const vetoes =
    running.length === 0
      ? []
      : [`${running.length === 1 ? "a machine is" : `${running.length} machines are`} running: ${running.slice(0, 5).join(", ")}`];
  vetoes.push(...inventory.obstacles, ...(inventory.unproven ?? []).filter((reason) => !inventory.obstacles.includes(reason)));
  const settled = new Set(entries.filter(isSettled).map((e) => e.item_id));
  for (const item of itemsToSave(inventory, kinds)) {
    if (!settled.has(item.id))
      vetoes.push(`the ${item.kind} ${item.name} is not saved: ${entries.find((e) => e.item_id === item.id)?.problem ?? "not tried yet"}`);
  }
  return vetoes;
}

/** Why nobody may say Go on to what was found in `removing`. Invariant: INV-8. */
export function objectionsTo(found: Inventory, entries: readonly ArchiveEntryRow[], kinds: readonly ArchiveKind[]): readonly string[] {
  const machines = found.items.filter((i) => i.kind === "machine").map((i) => i.name);
  const sentence = `no machine is destroyed any more at this point: ${machines.slice(0, 5).join(", ")}; remove it by hand, then Look again`;
  return [...(machines.length === 0 ? [] : [sentence]), ...vetoesOf(found, entries, kinds)];
}

/** Whether a machine runs, or is about to. */
export function isRunning(item: InventoryItem): boolean {
  return item.kind === "machine" && ["Running", "Starting", "Migrating"].includes(item.state);
}

/** Counts what a deletion takes with it. */
function blastRadius(inventory: Inventory, fleetSize: number): BlastRadius {
  const counts: Partial<Record<ItemKind, number>> = {};
  for (const i of inventory.items) counts[i.kind] = (counts[i.kind] ?? 0) + 1;
  const of = (kind: ItemKind) => inventory.items.filter((i) => i.kind === kind);
  const running = of("machine").filter((m) => m.state === "Running").length;
  const last = inventory.items.reduce((max, i) => Math.max(max, i.createdAt ?? 0), 0);
  return {
    counts,
    machinesRunning: running,
    machinesStopped: of("machine").length - running,
    volumeBytes: of("volume").reduce((n, v) => n + (v.bytes ?? 0), 0),
    templateNames: of("template").map((t) => t.name),
    machineNames: of("machine").map((m) => m.name),
    accountNames: of("account").map((a) => a.name),
    lastActivityAt: last === 0 ? null : (last as BlastRadius["lastActivityAt"]),
    shareOfFleet: fleetSize === 0 ? 0 : 1 / fleetSize,
  };
}

/** The approved machines with the state in which they were seen last. */
function machinesNow(approved: Inventory, latest: Inventory | null, { phase }: DeletionRow): NonNullable<DeletionView["machinesNow"]> {
  const seen = new Map((latest ?? approved).items.map((i) => [i.id, i.state]));
  const machines = approved.items.filter((i) => i.kind === "machine");
  return machines.map(({ id, name }) => ({ name, state: phase === "deleted" ? "gone" : (seen.get(id) ?? "gone").toLowerCase() }));
}

function operatorOf(v: StoredVote): Operator {
  return { id: v.voter, name: v.voterName, ciUserId: null };
}

function lineOf(e: ArchiveEntryRow): ArchiveLine {
  return {
    id: e.id,
    kind: e.item_kind,
    name: e.name,
    state: isWaived(e) ? "waived" : e.state,
    bytes: e.bytes,
    problem: e.problem,
    waivedBy: e.waivers.map((w) => w.name),
  };
}

function stepsOf(row: DeletionRow, approved: Inventory | null, latest: Inventory | null): DeletionView["steps"] {
  if (approved === null || latest === null || !["dismantling", "expunging", "removing", "deleted"].includes(row.phase))
    return { done: 0, of: 0 };
  const of = approved.items.filter((i) => i.kind !== "user").length + 1;
  return { done: row.phase === "deleted" ? of : of - 1 - latest.items.filter((i) => i.kind !== "user").length, of };
}
