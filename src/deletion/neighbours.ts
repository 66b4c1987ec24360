import { SKEW_MS_MAX } from "../approvals/clocks.ts";
import { digestOf } from "../core/digest.ts";
import type { Failure } from "../core/failure.ts";
import type { Digest, DomainId, Instant } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import type { DeletionRow } from "../store/deletions.ts";
import {
  readDomainsTakenApart,
  readNeighboursBody,
  readNeighboursHead,
  type Holding,
  type Holdings,
  type Neighbour,
  type NeighboursRead,
} from "../store/neighbours.ts";
import type { NeighboursSeen, Removal } from "./cloud.ts";
import type { DeletionContext } from "./context.ts";
import { refuse } from "./reasons.ts";

/** How long before its root disk a machine may have been destroyed; the expunge delay is a day by default. Units: milliseconds. */
const ROOT_DISKS_FOLLOW_MS = 7 * DAY_MS;

const kinds = ["machines", "volumes", "templates"] as const;
type Counted = (typeof kinds)[number];

/** What a neighbour lost between two reads; `whole`: the domain itself is gone. */
export interface Loss {
  readonly id: string;
  readonly name: string;
  readonly whole: boolean;
  readonly lost: Readonly<Record<Counted, number>>;
}

type WholeRead = NeighboursRead & { readonly neighbours: readonly Neighbour[] };

/** What the neighbours of a domain lost between two reads; what they gained is no loss. */
export function lossesBetween(before: readonly Neighbour[], now: readonly Neighbour[]): readonly Loss[] {
  const byId = new Map(now.map((n) => [n.id, n]));
  return before.flatMap((was): readonly Loss[] => {
    const is = byId.get(was.id);
    const fell = (kind: Counted) => Math.max(0, was[kind] - (is?.[kind] ?? 0));
    const lost = { machines: fell("machines"), volumes: fell("volumes"), templates: fell("templates") };
    if (is !== undefined && kinds.every((kind) => lost[kind] === 0)) return [];
    return [{ id: was.id, name: was.name, whole: is === undefined, lost }];
  });
}

/**
 * Compares the neighbours of the domain with those of our last step: they may have lost nothing, unless the reason is known. Returns what
 * was read, to be stored for the next step.
 *
 * Counts only say where to look: a failed deployment, a setting or a correction by CloudStack lowers them, and nothing is gone. What each
 * neighbour held before the first step is kept by id, and settles it. Known reasons are other deletions of ours, and things that somebody
 * removed one by one: the event log has those, and nothing about what a domain's clean-up removed. What our own approved inventory lists,
 * found in a neighbour's log, is a mistake of ours and no reason.
 * Errors: `refused` `deletion.neighbours`, which names what is gone; `unavailable` when it could not be read. Invariant: INV-1, INV-9.
 */
export async function assessNeighbours(
  row: DeletionRow,
  seen: NeighboursSeen,
  approvedIds: ReadonlySet<string>,
  c: Pick<DeletionContext, "db" | "reader" | "now">,
): Promise<Result<NeighboursRead, Failure>> {
  const at = c.now();
  const read = { digest: digestOfAll(seen.neighbours), neighbours: seen.neighbours, at };
  const head = await readNeighboursHead(c.db, row.id);
  if (head?.digest === read.digest) return ok({ ...read, neighbours: null, held: null });
  if (head !== null) return assessRead(row, read, seen, approvedIds, c);
  const held = seen.neighbours.length === 0 ? ok({}) : await c.reader.readHoldings(seen, "all");
  return held.ok ? ok({ ...read, held: held.value }) : held;
}

/** Judges one read of the neighbours. Errors: as for `assessNeighbours`. */
export async function assessRead(
  row: DeletionRow,
  { digest, neighbours, at }: Omit<WholeRead, "held">,
  seen: NeighboursSeen,
  approvedIds: ReadonlySet<string>,
  c: Pick<DeletionContext, "db" | "reader">,
): Promise<Result<NeighboursRead, Failure>> {
  const head = await readNeighboursHead(c.db, row.id);
  const before = await readNeighboursBody(c.db, row.id);
  const losses = head === null ? [] : lossesBetween(before.neighbours, neighbours);
  const since = head?.looked_at ?? at;
  const settled = await settle(row, { losses, held: before.held, since, approvedIds, seen }, c);
  if (!settled.ok) return settled;
  const { unknown, held } = settled.value;
  if (unknown.length === 0) return ok({ digest, neighbours, held: losses.length === 0 ? null : held, at });
  const some = unknown.slice(0, 5).map(sentenceOf).join("; ");
  const more = unknown.length > 5 ? `; and ${unknown.length - 5} more` : "";
  return refuse("neighbours", `something outside the domain vanished since the last step: ${some}${more}`);
}

/** The neighbours as they are now, whatever they lost, with what they hold by id. */
export async function readAround(
  domainId: DomainId,
  c: Pick<DeletionContext, "reader" | "now">,
): Promise<Result<{ readonly read: WholeRead; readonly seen: NeighboursSeen }, Failure>> {
  const at = c.now();
  const now = await c.reader.readNeighbours(domainId);
  if (!now.ok) return now;
  const { neighbours } = now.value;
  const held = neighbours.length === 0 ? ok({}) : await c.reader.readHoldings(now.value, "all");
  if (!held.ok) return held;
  return ok({ read: { digest: digestOfAll(neighbours), neighbours, held: held.value, at }, seen: now.value });
}

function digestOfAll(neighbours: readonly Neighbour[]): Digest {
  return digestOf(neighbours.map((n) => `${n.id} ${n.machines} ${n.volumes} ${n.templates}`));
}

interface Losses {
  readonly losses: readonly Loss[];
  /** What was there before, by id. */
  readonly held: Holdings;
  readonly since: Instant;
  readonly approvedIds: ReadonlySet<string>;
  readonly seen: NeighboursSeen;
}

/** Which losses nobody can explain, and what the neighbours hold by id after those that somebody can. */
async function settle(
  row: DeletionRow,
  { losses, held, since, approvedIds, seen }: Losses,
  c: Pick<DeletionContext, "db" | "reader">,
): Promise<Result<{ readonly unknown: readonly Loss[]; readonly held: Holdings }, Failure>> {
  const ours = new Set<string>(losses.length === 0 ? [] : await readDomainsTakenApart(c.db, row.id, since - SKEW_MS_MAX));
  const byOthers = (all: readonly Removal[]) => all.filter((r) => !approvedIds.has(r.id));
  const unknown: Loss[] = [];
  const after: Record<string, readonly Holding[]> = { ...held };
  for (const loss of losses.filter((one) => !ours.has(one.id.toLowerCase()))) {
    const removals = loss.whole ? ok([]) : await c.reader.readRemovals(loss.id, (since - ROOT_DISKS_FOLLOW_MS) as Instant);
    if (!removals.ok) return removals;
    const theirs = byOthers(removals.value);
    const was = held[loss.id];
    const isRemoved = removedBy(theirs, since - SKEW_MS_MAX);
    if (was === undefined || loss.whole) {
      if (loss.whole || !isExplained(loss.lost, countEvents(theirs, since - SKEW_MS_MAX))) unknown.push(loss);
      continue;
    }
    after[loss.id] = was.filter((thing) => !isRemoved(thing));
    if (isExplained(loss.lost, countHoldings(was.filter(isRemoved)))) continue;
    const now = await c.reader.readHoldings(seen, [loss.id]);
    if (!now.ok) return now;
    const still = new Set(now.value[loss.id]?.map((thing) => `${thing.kind} ${thing.id}`));
    const missing = was.filter((thing) => !still.has(`${thing.kind} ${thing.id}`) && !isRemoved(thing));
    // One that was removed at an earlier step, when a new one made up for it in the count, has its line there.
    const earlier = missing.length === 0 ? ok([]) : await c.reader.readRemovals(loss.id, (row.opened_at - ROOT_DISKS_FOLLOW_MS) as Instant);
    if (!earlier.ok) return earlier;
    const wasRemoved = removedBy(byOthers(earlier.value), Number.NEGATIVE_INFINITY);
    const lost = countHoldings(missing.filter((thing) => !wasRemoved(thing)));
    after[loss.id] = now.value[loss.id] ?? [];
    if (kinds.some((kind) => lost[kind] > 0)) unknown.push({ ...loss, lost });
  }
  return ok({ unknown, held: after });
}

type Counts = Readonly<Record<Counted, number>>;

function isExplained(lost: Counts, known: Counts): boolean {
  return kinds.every((kind) => lost[kind] <= known[kind]);
}

/** Whether a thing was removed by a call of its own. A root disk goes when its machine is expunged, a delay after it was destroyed. */
function removedBy(removals: readonly Removal[], since: number): (thing: Holding) => boolean {
  const recent = new Set(removals.filter((r) => r.at >= since).map((r) => `${r.kind} ${r.id}`));
  const machines = new Set(removals.filter((r) => r.kind === "machine").map((r) => r.id));
  return ({ kind, id, machineId }) => recent.has(`${kind} ${id}`) || (kind === "volume" && machineId !== null && machines.has(machineId));
}

/** For a neighbour whose things have no known ids: how much the event log could explain. */
function countEvents(removals: readonly Removal[], since: number): Counts {
  const of = (kind: Removal["kind"], from: number) => removals.filter((r) => r.kind === kind && r.at >= from).length;
  const volumes = of("volume", since) + of("machine", Number.NEGATIVE_INFINITY);
  return { machines: of("machine", since), volumes, templates: of("template", since) };
}

function countHoldings(things: readonly Holding[]): Counts {
  const of = (kind: Holding["kind"]) => things.filter((thing) => thing.kind === kind).length;
  return { machines: of("machine"), volumes: of("volume"), templates: of("template") };
}

function sentenceOf(loss: Loss): string {
  if (loss.whole) return `the domain ${loss.name}`;
  const lost = kinds.filter((kind) => loss.lost[kind] > 0).map((kind) => [loss.lost[kind], kind] as const);
  return `in ${loss.name} ${lost.map(([n, kind]) => `${n} ${n === 1 ? kind.slice(0, -1) : kind}`).join(", ")}`;
}
