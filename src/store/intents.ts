import { z } from "zod";
import { toJson, type Queryable } from "./db.ts";

/** What a mutation belongs to: a pass, a deletion, an export or a restore. */
export interface IntentOwner {
  readonly kind: "pass" | "deletion" | "export" | "restore";
  readonly id: string;
}

/** A mutation that is about to be sent. `params` holds no secret. Units: `at` is UTC epoch milliseconds. */
export interface Intent {
  readonly id: string;
  readonly owner: IntentOwner;
  readonly command: string;
  readonly params: unknown;
  readonly at: number;
}

/** How a mutation ended. `looked_up` settles what had been `indeterminate`, or what a crash left without any outcome. */
export type OutcomeResult = "done" | "refused" | "indeterminate" | "looked_up";

/** The end of a mutation. */
export interface Outcome {
  readonly intentId: string;
  readonly result: OutcomeResult;
  readonly data: unknown;
  readonly at: number;
}

/** A mutation of which it is not known whether it happened; `tried` is null when the process died before any outcome. */
export interface OpenIntent extends Intent {
  readonly tried: "indeterminate" | null;
}

const IntentRow = z.object({
  id: z.string(),
  owner_kind: z.enum(["pass", "deletion", "export", "restore"]),
  owner_id: z.string(),
  command: z.string(),
  params: z.unknown(),
  at: z.number(),
  tried: z.literal("indeterminate").nullable(),
});

/** Writes down what is about to be sent. Call it outside any transaction, so that it stands before the call goes out. Invariant: INV-5. */
export async function recordIntent(q: Queryable, intent: Intent): Promise<void> {
  await q.exec("insert into intent (id, owner_kind, owner_id, command, params, at) values ($1, $2, $3, $4, $5, $6)", [
    intent.id,
    intent.owner.kind,
    intent.owner.id,
    intent.command,
    toJson(intent.params ?? null),
    intent.at,
  ]);
}

/** Writes down how it ended. Errors: `StoreError` `constraint` when it had been settled before. Invariant: INV-5. */
export async function recordOutcome(q: Queryable, outcome: Outcome): Promise<void> {
  await q.exec("insert into outcome (intent_id, result, data, at) values ($1, $2, $3, $4)", [
    outcome.intentId,
    outcome.result,
    toJson(outcome.data ?? null),
    outcome.at,
  ]);
}

/** Lists an owner's mutations whose end is unknown, oldest first: each must be looked up before anything else is sent. */
export async function openIntents(q: Queryable, owner: IntentOwner): Promise<readonly OpenIntent[]> {
  const rows = await q.many(
    IntentRow,
    `select i.id, i.owner_kind, i.owner_id, i.command, i.params, i.at,
            (select o.result from outcome o where o.intent_id = i.id and o.result = 'indeterminate') as tried
     from intent i
     where i.owner_kind = $1 and i.owner_id = $2
       and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')
     order by i.at, i.id`,
    [owner.kind, owner.id],
  );
  return rows.map(({ owner_kind, owner_id, ...row }) => ({ ...row, owner: { kind: owner_kind, id: owner_id } }));
}

/** How often in all CloudStack refused what an owner's newest outcome is about: the same command on the same thing. */
export async function countRefusals(q: Queryable, owner: IntentOwner): Promise<number> {
  const row = await q.one(
    z.object({ n: z.coerce.number() }),
    `with newest as (select i.command, i.params ->> 'item' as item from intent i join outcome o on o.intent_id = i.id
                     where i.owner_kind = $1 and i.owner_id = $2 order by o.seq desc limit 1)
     select count(*) as n from newest
     join intent i on i.owner_kind = $1 and i.owner_id = $2 and i.command = newest.command and i.params ->> 'item' = newest.item
     join outcome o on o.intent_id = i.id and o.result = 'refused'`,
    [owner.kind, owner.id],
  );
  return row.n;
}
