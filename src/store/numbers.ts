import type pg from "pg";
import { z } from "zod";

const Numbered = z.object({ name: z.string(), column: z.string(), sequence: z.string() });
const NUMBERED = `
  select format('twokey.%I', c.relname) as name, quote_ident(a.attname) as column,
    pg_get_serial_sequence(format('twokey.%I', c.relname), a.attname) as sequence
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = to_regnamespace('twokey') and c.relkind in ('r', 'p')
    and pg_get_serial_sequence(format('twokey.%I', c.relname), a.attname) is not null`;

/**
 * Lets each table go on above the highest number that it has, and gives the names of those that would have begun below it.
 *
 * Logical replication, by which databases are moved to a newer server, copies rows and leaves every sequence at its beginning. A stop, a
 * vote or a line of the audit log then met a number that is taken, and a pass counted as older than those before it.
 *
 * Source: PostgreSQL 17, "Logical Replication", "Restrictions". Invariant: INV-10.
 */
export async function goOnAbove(owner: pg.Client): Promise<readonly string[]> {
  const behind: string[] = [];
  for (const { name, column, sequence } of z.array(Numbered).parse((await owner.query(NUMBERED)).rows)) {
    const { rowCount } = await owner.query(`
      select setval('${sequence}', there.highest) from (select max(${column}) as highest from ${name}) there, ${sequence} s
      where there.highest > case when s.is_called then s.last_value else s.last_value - 1 end`);
    if (rowCount === 1) behind.push(name);
  }
  return behind;
}
