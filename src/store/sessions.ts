import pg from "pg";
import { z } from "zod";

const Held = z.object({ backend: z.number(), held: z.boolean() });
const HELD = `
  select pg_backend_pid() as backend, exists (
    select from pg_locks where locktype = 'advisory' and classid = 20170701 and objid = $1::int8::oid and objsubid = 2 and pid = pg_backend_pid()) as held`;

/**
 * Why an address cannot be Twokey's: a pooler gives its sessions to others between two transactions, so that a lock would have two holders,
 * or drops the search path. Null: neither.
 *
 * Two connections are looked at, since a pooler hands one that is alone the same session every time: while the second one is in a
 * transaction, the first one must still have its session and its lock.
 *
 * Errors: throws what `pg` throws.
 */
export async function whyNoSession(settings: pg.ClientConfig): Promise<string | null> {
  const [first, second] = [new pg.Client(settings), new pg.Client(settings)];
  // Without a listener a connection that breaks while idle would end the process.
  for (const client of [first, second]) client.on("error", () => undefined);
  try {
    await first.connect();
    await second.connect();
    const { rows } = await first.query<{ path: string }>("select current_setting('search_path') as path");
    if (rows[0]?.path !== "twokey") return "a pooler before it drops the option search_path";
    return (await keepsLock(first, second)) ? null : "a pooler before it gives one session to several connections, so locks do not hold";
  } finally {
    await Promise.all([first, second].map((client) => client.end().catch(() => undefined)));
  }
}

/** A key of its own for each look, so that two at once do not meet. */
async function keepsLock(first: pg.Client, second: pg.Client): Promise<boolean> {
  const key = Math.trunc(
    (await first.query<{ at: number }>("select extract(epoch from clock_timestamp())::float8 as at")).rows[0]?.at ?? 0,
  );
  const held = async (): Promise<z.output<typeof Held>> => Held.parse((await first.query(HELD, [key])).rows[0]);
  await first.query("select pg_advisory_lock_shared(20170701, $1::int)", [key]);
  const begun = await held();
  await second.query("begin");
  await second.query("select 1");
  const now = await held();
  await second.query("rollback");
  if (begun.held && now.held) await first.query("select pg_advisory_unlock_shared(20170701, $1::int)", [key]);
  return begun.held && now.held && begun.backend === now.backend;
}
