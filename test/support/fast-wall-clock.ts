import { withConnection } from "../../src/store/db.ts";

/**
 * Lets PostgreSQL's own clock run a thousand million times faster (a millisecond is eleven days) in a database whose bot has an injected
 * clock: its waits are over at once by the wall of PostgreSQL, as they are by the injected clock. Call it as the owner.
 */
export async function useFastWallClock(ownerUrl: string): Promise<void> {
  await withConnection(ownerUrl, async (owner) => {
    await owner.query(`do $do$ begin execute format($f$
      create or replace function twokey.server_now() returns bigint language sql volatile set search_path = twokey, pg_temp
      as $$ select ((extract(epoch from clock_timestamp()) - %s) * 1000 * 1e9)::bigint + 1600000000000 $$
    $f$, extract(epoch from clock_timestamp())); end $do$`);
  });
}

/** PostgreSQL's clock as it is, as the migration has it. */
export async function useRealWallClock(ownerUrl: string): Promise<void> {
  await withConnection(ownerUrl, async (owner) => {
    await owner.query(`create or replace function twokey.server_now() returns bigint language sql volatile
      set search_path = twokey, pg_temp as $$ select (extract(epoch from clock_timestamp()) * 1000)::bigint $$`);
  });
}
