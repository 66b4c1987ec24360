import { z } from "zod";
import { DomainId, Instant } from "../core/ids.ts";
import { toJson, type Queryable } from "./db.ts";

/** What a domain beside the one under deletion holds, everything below it included: counts only. */
export interface Neighbour {
  readonly id: string;
  readonly name: string;
  readonly machines: number;
  readonly volumes: number;
  readonly templates: number;
}

/** One look at all of them; null instead of them when they are as at the look before. */
export interface NeighboursLook {
  readonly digest: string;
  readonly neighbours: readonly Neighbour[] | null;
  readonly at: Instant;
}

const Body = z.object({ body: z.string() });
type Line = readonly [id: string, name: string, machines: number, volumes: number, templates: number];
const Head = z.object({ digest: z.string(), looked_at: Instant });

/** When a deletion last looked at its neighbours, and the digest of what it saw; null before its first look. */
export async function readNeighboursHead(q: Queryable, deletionId: string): Promise<z.output<typeof Head> | null> {
  return q.maybe(Head, "select digest, looked_at from latest_neighbours where deletion_id = $1", [deletionId]);
}

/** What a deletion saw at its last look at its neighbours; empty before the first. */
export async function readNeighboursBody(q: Queryable, deletionId: string): Promise<readonly Neighbour[]> {
  const row = await q.maybe(Body, "select body from latest_neighbours where deletion_id = $1", [deletionId]);
  const lines = row === null ? [] : (JSON.parse(row.body) as readonly Line[]);
  return lines.map(([id, name, machines, volumes, templates]) => ({ id, name, machines, volumes, templates }));
}

/** Stores a look at the neighbours; when they are as before, only the time is written. */
export async function recordNeighbours(q: Queryable, deletionId: string, look: NeighboursLook): Promise<void> {
  if (look.neighbours === null) {
    await q.exec("update latest_neighbours set looked_at = $2 where deletion_id = $1", [deletionId, look.at]);
    return;
  }
  const lines = look.neighbours.map((n): Line => [n.id, n.name, n.machines, n.volumes, n.templates]);
  await q.exec(
    `insert into latest_neighbours (deletion_id, digest, body, looked_at) values ($1, $2, $3, $4) on conflict (deletion_id)
     do update set digest = excluded.digest, body = excluded.body, looked_at = excluded.looked_at`,
    [deletionId, look.digest, toJson(lines), look.at],
  );
}

/** The domains that other deletions of ours take apart now, or have taken apart since an instant. */
export async function readDomainsTakenApart(q: Queryable, exceptDeletion: string, since: number): Promise<readonly DomainId[]> {
  const rows = await q.many(
    z.object({ domain_id: DomainId }),
    `select distinct domain_id from deletion where id <> $1
       and (coalesce(frozen_from, phase) in ('dismantling', 'expunging', 'removing') or (phase = 'deleted' and entered_at >= $2))`,
    [exceptDeletion, since],
  );
  return rows.map((r) => r.domain_id);
}
