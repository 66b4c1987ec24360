import { SKEW_MS_MAX } from "../approvals/clocks.ts";
import { digestOf } from "../core/digest.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import type { DeletionRow } from "../store/deletions.ts";
import { readDomainsTakenApart, readNeighboursBody, readNeighboursHead, type Neighbour, type NeighboursRead } from "../store/neighbours.ts";
import type { Removal } from "./cloud.ts";
import type { DeletionContext } from "./context.ts";

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
 * Reads the neighbours of the domain: they may have lost nothing since our last step, unless the reason is known. Returns what was read,
 * to be stored for the next step.
 *
 * Known reasons are other deletions of ours, and things that somebody removed one by one: the event log has those, and nothing about what
 * a domain's clean-up removed. What our own approved inventory lists, found in a neighbour's log, is a mistake of ours and no reason.
 * Errors: `refused` `deletion.neighbours`, which names what is gone; `unavailable` when it could not be read. Invariant: INV-1, INV-9.
 */
export async function assessNeighbours(
  row: DeletionRow,
  approvedIds: ReadonlySet<string>,
  c: Pick<DeletionContext, "db" | "reader" | "now">,
): Promise<Result<NeighboursRead, Failure>> {
  const at = c.now();
  const now = await c.reader.readNeighbours(row.domain_id);
  if (!now.ok) return now;
  const digest = digestOf(now.value.map((n) => `${n.id} ${n.machines} ${n.volumes} ${n.templates}`));
  const head = await readNeighboursHead(c.db, row.id);
  if (head !== null && head.digest !== digest) {
    const losses = lossesBetween(await readNeighboursBody(c.db, row.id), now.value);
    const unknown = await unexplained(row, losses, head.looked_at, approvedIds, c);
    if (!unknown.ok) return unknown;
    if (unknown.value.length > 0) {
      const some = unknown.value.slice(0, 5).map(sentenceOf).join("; ");
      const more = unknown.value.length > 5 ? `; and ${unknown.value.length - 5} more` : "";
      return fail("refused", "deletion.neighbours", `something outside the domain vanished since the last step: ${some}${more}`);
    }
  }
  return ok({ digest, neighbours: head?.digest === digest ? null : now.value, at });
}

async function unexplained(
  row: DeletionRow,
  losses: readonly Loss[],
  since: Instant,
  approvedIds: ReadonlySet<string>,
  c: Pick<DeletionContext, "db" | "reader">,
): Promise<Result<readonly Loss[], Failure>> {
  const ours = new Set<string>(losses.length === 0 ? [] : await readDomainsTakenApart(c.db, row.id, since - SKEW_MS_MAX));
  const unknown: Loss[] = [];
  for (const loss of losses) {
    if (ours.has(loss.id.toLowerCase())) continue;
    const removals = loss.whole ? ok([]) : await c.reader.readRemovals(loss.id, (since - ROOT_DISKS_FOLLOW_MS) as Instant);
    if (!removals.ok) return removals;
    if (loss.whole || !isExplained(loss, removals.value, since - SKEW_MS_MAX, approvedIds)) unknown.push(loss);
  }
  return ok(unknown);
}

function isExplained(loss: Loss, removals: readonly Removal[], since: number, approvedIds: ReadonlySet<string>): boolean {
  const theirs = removals.filter((r) => !approvedIds.has(r.id));
  const of = (kind: Removal["kind"], from: number) => theirs.filter((r) => r.kind === kind && r.at >= from).length;
  return (
    loss.lost.machines <= of("machine", since) &&
    // A machine's root disk is removed when the machine is expunged, a delay after it was destroyed.
    loss.lost.volumes <= of("volume", since) + of("machine", Number.NEGATIVE_INFINITY) &&
    loss.lost.templates <= of("template", since)
  );
}

function sentenceOf(loss: Loss): string {
  if (loss.whole) return `the domain ${loss.name}`;
  const lost = kinds.filter((kind) => loss.lost[kind] > 0).map((kind) => [loss.lost[kind], kind] as const);
  return `in ${loss.name} ${lost.map(([n, kind]) => `${n} ${n === 1 ? kind.slice(0, -1) : kind}`).join(", ")}`;
}
