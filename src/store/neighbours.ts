import { z } from "zod";
import { DomainId, Instant } from "../core/ids.ts";
import { insertRow, toJson, type Queryable } from "./db.ts";

/** What a neighbour of the domain under deletion holds, with everything below it: counts only. */
export interface Neighbour {
  readonly id: string;
  readonly name: string;
  readonly machines: number;
  readonly volumes: number;
  readonly templates: number;
}

/** One thing of a neighbour; `machineId`: the machine of a volume. */
export interface Holding {
  readonly kind: "machine" | "volume" | "template";
  readonly id: string;
  readonly machineId: string | null;
}

/** What neighbours hold, by the id of the neighbour. */
export type Holdings = Readonly<Record<string, readonly Holding[]>>;

/** One read of all neighbours; `neighbours` and `held` are null when they are as at the read before. */
export interface NeighboursRead {
  readonly digest: string;
  readonly neighbours: readonly Neighbour[] | null;
  readonly held: Holdings | null;
  readonly at: Instant;
}

const Body = z.object({ body: z.string(), held: z.string().nullable() });
type Line = readonly [id: string, name: string, machines: number, volumes: number, templates: number];
type HeldLine = readonly [kind: Holding["kind"], id: string, machineId: string | null];
const Head = z.object({ digest: z.string(), looked_at: Instant });

/** When a deletion's neighbours were last read, with their digest; null before the first read. */
export async function readNeighboursHead(q: Queryable, deletionId: string): Promise<z.output<typeof Head> | null> {
  return q.maybe(Head, "select digest, looked_at from latest_neighbours where deletion_id = $1", [deletionId]);
}

/** A deletion's neighbours as last read, and what they held; empty before the first read. */
export async function readNeighboursBody(
  q: Queryable,
  deletionId: string,
): Promise<{ readonly neighbours: readonly Neighbour[]; readonly held: Holdings }> {
  const row = await q.maybe(Body, "select body, held from latest_neighbours where deletion_id = $1", [deletionId]);
  const lines = row === null ? [] : (JSON.parse(row.body) as readonly Line[]);
  const held = Object.entries(JSON.parse(row?.held ?? "{}") as Readonly<Record<string, readonly HeldLine[]>>);
  return {
    neighbours: lines.map(([id, name, machines, volumes, templates]) => ({ id, name, machines, volumes, templates })),
    held: Object.fromEntries(held.map(([of, all]) => [of, all.map(([kind, id, machineId]) => ({ kind, id, machineId }))])),
  };
}

/** Stores a read of the neighbours; when they are as before, only the time is written. */
export async function recordNeighbours(q: Queryable, deletionId: string, read: NeighboursRead): Promise<void> {
  if (read.neighbours === null) {
    await q.exec("update latest_neighbours set looked_at = $2 where deletion_id = $1", [deletionId, read.at]);
    return;
  }
  const body = toJson(read.neighbours.map((n): Line => [n.id, n.name, n.machines, n.volumes, n.templates]));
  const lines = Object.entries(read.held ?? {}).map(([of, all]) => [of, all.map((h): HeldLine => [h.kind, h.id, h.machineId])]);
  const held = read.held === null ? null : toJson(Object.fromEntries(lines));
  await insertRow(
    q,
    "latest_neighbours",
    { deletionId, digest: read.digest, body, held, lookedAt: read.at },
    `on conflict (deletion_id) do update set digest = excluded.digest, body = excluded.body, looked_at = excluded.looked_at,
       held = coalesce(excluded.held, latest_neighbours.held)`,
  );
}

/** The domains that other deletions take apart now, or have taken apart since an instant. */
export async function readDomainsTakenApart(q: Queryable, exceptDeletion: string, since: number): Promise<readonly DomainId[]> {
  return q.many(
    z.object({ domain_id: DomainId }).transform((row) => row.domain_id),
    `select distinct domain_id from deletion where id <> $1
       and (coalesce(frozen_from, phase) in ('dismantling', 'expunging', 'removing') or (phase = 'deleted' and entered_at >= $2))`,
    [exceptDeletion, since],
  );
}
