import { z } from "zod";
import { CountRow, insertRow, toJson, type Queryable } from "./db.ts";

const OpenIntentRow = z.object({
  id: z.string(),
  owner: z.object({ kind: z.enum(["pass", "deletion", "export", "restore", "template"]), id: z.string() }),
  command: z.string(),
  params: z.unknown(),
  at: z.number(),
  tried: z.literal("indeterminate").nullable(),
});
/** A call whose outcome is unknown; `tried` is null when the process died before any outcome. */
export type OpenIntent = Readonly<z.output<typeof OpenIntentRow>>;
/** A call that is about to be sent. `params` contains no secret. Units: `at` is UTC epoch milliseconds. */
export type Intent = Omit<OpenIntent, "tried">;
/** What a call belongs to: a pass, a deletion, an export, a restore or a template that somebody asked for. */
export type IntentOwner = Intent["owner"];

/** How a call ended. `looked_up` settles an `indeterminate` one, and one that a crash left without any outcome. */
export interface Outcome {
  readonly intentId: string;
  readonly result: "done" | "refused" | "indeterminate" | "looked_up";
  readonly data: unknown;
  readonly at: number;
}

/** Records a call that is about to be sent. Use it outside any transaction, so that it is stored before the call. Invariant: INV-5. */
export async function recordIntent(q: Queryable, { id, owner, command, params, at }: Intent): Promise<void> {
  await insertRow(q, "intent", { id, ownerKind: owner.kind, ownerId: owner.id, command, params: toJson(params ?? null), at });
}

/** Records how it ended. Errors: `StoreError` `constraint` when it was settled before. Invariant: INV-5. */
export async function recordOutcome(q: Queryable, { intentId, result, data, at }: Outcome): Promise<void> {
  await insertRow(q, "outcome", { intentId, result, data: toJson(data ?? null), at });
}

/** Lists an owner's calls whose outcome is unknown, oldest first: each must be looked up before anything else is sent. */
export async function openIntents(q: Queryable, owner: IntentOwner): Promise<readonly OpenIntent[]> {
  return q.many(
    OpenIntentRow,
    `select i.id, json_build_object('kind', i.owner_kind, 'id', i.owner_id) as owner, i.command, i.params, i.at,
            (select o.result from outcome o where o.intent_id = i.id and o.result = 'indeterminate') as tried
     from intent i
     where i.owner_kind = $1 and i.owner_id = $2
       and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')
     order by i.at, i.id`,
    [owner.kind, owner.id],
  );
}

/**
 * Counts the restrictions that all replicas made or began since an instant, and locks that count; a refused one took nothing away.
 *
 * Invariant: INV-11.
 */
export async function countRestrictions(q: Queryable, since: number): Promise<number> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.restrictions', 0))");
  return readRestrictions(q, since);
}

/** The same count, which nobody is kept from changing: for what is only shown. */
export async function readRestrictions(q: Queryable, since: number): Promise<number> {
  return q.one(
    CountRow,
    `select count(*) as n from intent i
     where i.owner_kind = 'pass' and i.command in ('lock_account', 'lower_limit', 'set_role') and i.at > $1
       and not exists (select from outcome o where o.intent_id = i.id and o.result = 'refused')`,
    [since],
  );
}

/** Counts how often CloudStack refused an owner's command for one thing. */
export async function countRefusals(q: Queryable, owner: IntentOwner, command: string, item: string): Promise<number> {
  return q.one(
    CountRow,
    `select count(*) as n from intent i join outcome o on o.intent_id = i.id and o.result = 'refused'
     where i.owner_kind = $1 and i.owner_id = $2 and i.command = $3 and i.params ->> 'item' = $4`,
    [owner.kind, owner.id, command, item],
  );
}

/** How long other calls than a deletion's count as on their way when nobody says how they ended: their process may have died. Units: ms. */
const ON_ITS_WAY_MS = 3600_000;

/**
 * Calls that were sent and whose outcome is not known yet, oldest first: while there are none, everything stands still. A call for a
 * template that is being made counts until it was looked up, however long CloudStack takes.
 */
export async function callsOnTheirWay(q: Queryable, now: number): Promise<readonly string[]> {
  const rows = await q.many(
    z.object({ command: z.string(), what: z.string() }),
    `select i.command, coalesce(i.params ->> 'name', i.params ->> 'sentence', '') as what from intent i
     where ((i.owner_kind = 'deletion' or i.at > $1) and not exists (select from outcome o where o.intent_id = i.id))
       or (i.owner_kind = 'template' and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')
         and exists (select from made_template t where t.id::text = i.owner_id and t.ended_at is null))
     order by i.at, i.id`,
    [now - ON_ITS_WAY_MS],
  );
  return rows.map(({ command, what }) => `${command.replaceAll("_", " ")} ${what}`.trim());
}

/** That a call was carried out, as far as CloudStack told. */
const CARRIED_OUT = "(o.result = 'done' or (o.result = 'looked_up' and o.data -> 'job' ->> 'state' in ('succeeded', 'cut_off')))";

const ItemRow = z.object({ item: z.string() });
const TakenRow = ItemRow.extend({ was: z.string().nullable() });

/**
 * That a call may have had its effect, however CloudStack says that it ended: it was sent, and the thing was not found afterwards as it was
 * right before. A job that fails, or that CloudStack forgot, may have disabled an account; what our own guards refused was never sent.
 */
const MAY_HAVE_ACTED = `(o.result = 'done' or (o.result in ('looked_up', 'refused') and o.data ? 'found'
  and o.data ->> 'found' is distinct from 'there: ' || coalesce(i.params ->> 'was', '')))`;

/** The things that an owner's command may have acted on, by id, each with its state right before the last time; null: not recorded. */
export async function readTaken(q: Queryable, owner: IntentOwner, command: string): Promise<ReadonlyMap<string, string | null>> {
  const rows = await q.many(
    TakenRow,
    `select coalesce(i.params ->> 'item', '') as item, i.params ->> 'was' as was from intent i join outcome o on o.intent_id = i.id
     where i.owner_kind = $1 and i.owner_id = $2 and i.command = $3 and ${MAY_HAVE_ACTED} order by o.seq`,
    [owner.kind, owner.id, command],
  );
  return new Map(rows.map(({ item, was }) => [item, was]));
}

/** That `destroy` or `recover` had its effect: CloudStack said so, or the machine was found so afterwards. What could not be read had none. */
const HAD_EFFECT = `(o.result = 'done' or (o.result in ('looked_up', 'refused') and (o.data -> 'job' ->> 'state' = 'succeeded'
  or case when o.data ->> 'found' in ('there: Destroyed', 'there: Expunging', 'gone') then i.command = 'destroy'
    else i.command = 'recover' and o.data ->> 'found' like 'there: %' end)))`;

/** What a deletion did last to each machine, by its id: destroyed or recovered it. By when it was sent: its end may be learned later. */
export async function lastDone(q: Queryable, deletion: string): Promise<ReadonlyMap<string, "destroy" | "recover">> {
  const rows = await q.many(
    ItemRow.extend({ command: z.enum(["destroy", "recover"]) }),
    `select coalesce(i.params ->> 'item', '') as item, i.command from intent i join outcome o on o.intent_id = i.id
     where i.owner_kind = 'deletion' and i.owner_id = $1 and i.command in ('destroy', 'recover') and ${HAD_EFFECT} order by i.seq`,
    [deletion],
  );
  return new Map(rows.map(({ item, command }) => [item, command]));
}

/** The ids of the things for which an owner sent a command that did not fail, as far as CloudStack told. */
export async function sentFor(q: Queryable, owner: IntentOwner, command: string): Promise<ReadonlySet<string>> {
  const rows = await q.many(
    ItemRow,
    `select coalesce(i.params ->> 'item', '') as item from intent i join outcome o on o.intent_id = i.id
     where i.owner_kind = $1 and i.owner_id = $2 and i.command = $3 and ${CARRIED_OUT}`,
    [owner.kind, owner.id, command],
  );
  return new Set(rows.map((row) => row.item));
}

/** The ids of the things for which CloudStack refused a command of an owner, at once or in its job. */
export async function refusedFor(q: Queryable, owner: IntentOwner, command: string): Promise<ReadonlySet<string>> {
  const rows = await q.many(
    ItemRow,
    `select distinct coalesce(i.params ->> 'item', '') as item from intent i join outcome o on o.intent_id = i.id
     where i.owner_kind = $1 and i.owner_id = $2 and i.command = $3
       and (o.result = 'refused' or (o.result = 'looked_up' and o.data -> 'job' ->> 'state' = 'failed'))`,
    [owner.kind, owner.id, command],
  );
  return new Set(rows.map((row) => row.item));
}
