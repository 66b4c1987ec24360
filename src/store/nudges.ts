/** Weekly messages to owners of old machines without a template: rounds, and who was told or wants to hear nothing of it. */
import { z } from "zod";
import { toJson, type Queryable } from "./db.ts";

const RoundRow = z.object({ at: z.number(), isDone: z.boolean() });

/** The round that goes on, or a new one where the last began so long ago; null: none is due. */
export async function takeRound(q: Queryable, now: number, everyMs: number): Promise<number | null> {
  const sql = `select begun_at as at, done_at is not null as "isDone" from nudge_round order by begun_at desc limit 1`;
  const last = await q.maybe(RoundRow, sql, []);
  if (last !== null && !last.isDone) return last.at;
  if (last !== null && now - last.at < everyMs) return null;
  await q.exec("insert into nudge_round (begun_at) values ($1) on conflict do nothing", [now]);
  return now;
}

/** Records that a round is over. */
export async function endRound(q: Queryable, round: number, now: number): Promise<void> {
  await q.exec("update nudge_round set done_at = $2 where begun_at = $1", [round, now]);
}

const PersonRow = z.object({ person: z.string() });

/** Who is not to be told in a round: they were told in it, or want no such message. */
export async function readUntellable(q: Queryable, round: number): Promise<ReadonlySet<string>> {
  const rows = await q.many(PersonRow, "select person from nudged where never or told_at >= $1", [round]);
  return new Set(rows.map((row) => row.person));
}

/** Records that a person was told. */
export async function recordNudged(q: Queryable, person: string, at: number): Promise<void> {
  await q.exec("insert into nudged (person, told_at) values ($1, $2) on conflict (person) do update set told_at = excluded.told_at", [
    person,
    at,
  ]);
}

/** Records that a person wants no such message any more; what the last one listed is forgotten. */
export async function recordNeverNudge(q: Queryable, person: string): Promise<void> {
  await q.exec("insert into nudged (person, never) values ($1, true) on conflict (person) do update set never = true, listed = null", [
    person,
  ]);
}

const Listed = z.object({
  round: z.number(),
  machines: z.array(z.object({ id: z.string().nullable(), project: z.string(), name: z.string(), createdAt: z.number() })),
});
/** A machine that a message lists. */
export type ListedMachine = Readonly<z.output<typeof Listed>["machines"][number]>;

/** Keeps what a person's message of a round lists, in the place of that of the round before. */
export async function recordListed(q: Queryable, person: string, round: number, machines: readonly ListedMachine[]): Promise<void> {
  await q.exec("insert into nudged (person, listed) values ($1, $2) on conflict (person) do update set listed = excluded.listed", [
    person,
    toJson({ round, machines }),
  ]);
}

/** What a person's message of a round lists; null: it is not the newest one. */
export async function readListed(q: Queryable, person: string, round: number): Promise<readonly ListedMachine[] | null> {
  const row = await q.maybe(z.object({ listed: Listed.nullable() }), "select listed from nudged where person = $1", [person]);
  return row?.listed?.round === round ? row.listed.machines : null;
}
