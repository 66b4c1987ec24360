/**
 * Claims about a CI database on MariaDB: one consistent snapshot whose settings are proved, and a refusal with a sentence where something
 * is not. Skipped where this machine has no `mariadbd` or `mysqld`, but for what needs no server.
 */
import type { PoolConnection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addressProblem } from "../../src/core/ci-address.ts";
import { connectionOptions, openPool } from "../../src/cidb/mysql/connect.ts";
import { whyOld } from "../../src/cidb/mysql/replica.ts";
import { beginSnapshot } from "../../src/cidb/mysql/snapshot.ts";
import { readCiRole } from "../../src/cidb/role.ts";
import type { DomainPath } from "../../src/core/ids.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { botCi } from "../support/bot.ts";
import { mariadbProgram, startMariaDb, type MariaDb } from "../support/mariadb.ts";

const scope: FleetScope = { kind: "fleet", root: "ROOT/ci" as DomainPath };

test.each([
  ["mysql://u:p@host/", "must name a database"],
  ["mysql://u:p@host/ci?multipleStatements=true", "parameter that has no effect"],
  ["mysql://u:p@host/ci?ssl-mode=PREFERRED", "ssl-mode that is none of"],
  ["mysql://u:p@host/ci?ssl-ca=/ca.pem", "counts only with ssl-mode"],
  ["mysql://u:p@host/ci?ssl-mode=REQUIRED&ssl-ca=/ca.pem", "counts only with ssl-mode"],
])("the address %s is refused", (url, words) => expect(addressProblem(url)).toContain(words));

test("TLS goes as far as the address says", () => {
  const ssl = (mode: string) => connectionOptions(`mysql://u:p%40@host/ci?ssl-mode=${mode}`).ssl;
  expect(addressProblem("mysql://u:p@host/ci?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem")).toBeNull();
  expect(connectionOptions("mysql://u:p%40@host/ci")).toMatchObject({ password: "p@", port: 3306, database: "ci" });
  expect([ssl("DISABLED"), ssl("REQUIRED"), ssl("VERIFY_CA"), ssl("VERIFY_IDENTITY")]).toEqual([
    undefined,
    { rejectUnauthorized: false, verifyIdentity: false },
    { rejectUnauthorized: true, verifyIdentity: false },
    { rejectUnauthorized: true, verifyIdentity: true },
  ]);
});

const refusal = (code: string) => Object.assign(new Error(code), { code });
/** A server that answers these questions so; an Error is its refusal. MySQL, unless it says otherwise: it does not know ALL. */
function answering(answers: Readonly<Record<string, readonly object[] | Error>>): PoolConnection {
  const ofMysql = { "show all": refusal("ER_PARSE_ERROR"), "select version()": [{ version: "8.4.3" }] };
  const query = async (sql: string) => {
    const found = [...Object.entries(answers), ...Object.entries(ofMysql)].find(([begin]) => sql.startsWith(begin))?.[1] ?? [];
    if (found instanceof Error) throw found;
    return [found];
  };
  return { query } as unknown as PoolConnection;
}
/** A MariaDB that answers so, with what the statement without ALL tells: nothing. */
const mariaDb = (answers: Readonly<Record<string, readonly object[] | Error>>) => ({
  ...{ "select version()": [{ version: "10.11.6-MariaDB" }], "show replica": [], "show slave": [] },
  ...answers,
});
const named = (name: string, more: object) => ({
  ...{ Connection_name: name, Slave_IO_Running: "Yes", Slave_SQL_Running: "Yes", Seconds_Behind_Master: 0 },
  ...more,
});
const channel = (more: object) => ({ Replica_IO_Running: "Yes", Replica_SQL_Running: "Yes", Seconds_Behind_Source: 0, ...more });

test.each([
  ["a primary", { "show replica": [] }, null],
  ["a replica that is near", { "show replica": [channel({ Seconds_Behind_Source: 600 })] }, null],
  ["one that lags", { "show replica": [channel({}), channel({ Seconds_Behind_Source: "1200" })] }, "20 minutes behind"],
  ["one that does not know", { "show replica": [channel({ Seconds_Behind_Source: null })] }, "does not say"],
  ["one that lost its primary", { "show replica": [channel({ Replica_IO_Running: "Connecting" })] }, "not connected"],
  ["one that is stopped", { "show replica": [channel({ Replica_SQL_Running: "No" })] }, "stopped"],
  [
    "an old MySQL, which knows the old name only",
    {
      "show replica": refusal("ER_PARSE_ERROR"),
      "show slave": [{ Slave_IO_Running: "Yes", Slave_SQL_Running: "Yes", Seconds_Behind_Master: 9999 }],
    },
    "behind its primary",
  ],
  ["a MariaDB that is a primary", mariaDb({ "show all replicas": [] }), null],
  ["a MariaDB whose named connections are near", mariaDb({ "show all replicas": [named("ci", {}), named("hr", {})] }), null],
  [
    "a MariaDB whose only connection has a name and is stopped",
    mariaDb({ "show all replicas": [named("ci", { Slave_IO_Running: "No", Slave_SQL_Running: "No", Seconds_Behind_Master: null })] }),
    "not connected to its primary (connection ci)",
  ],
  [
    "a MariaDB of which the second connection lags",
    mariaDb({ "show all replicas": [named("", {}), named("hr", { Seconds_Behind_Master: "1200" })] }),
    "20 minutes behind its primary (connection hr)",
  ],
  [
    "an older MariaDB, which knows the old name only",
    mariaDb({ "show all replicas": refusal("ER_PARSE_ERROR"), "show all slaves": [named("ci", { Slave_SQL_Running: "No" })] }),
    "stopped (connection ci)",
  ],
  [
    "a MariaDB that calls itself something else",
    { "show replica": [], "show all": [named("ci", { Seconds_Behind_Master: null })] },
    "does not say how far behind",
  ],
  ["a MariaDB that cannot be asked about all", mariaDb({ "show all": refusal("ER_PARSE_ERROR") }), "by which connections"],
  ["a MariaDB that does not let us ask", mariaDb({ "show all": refusal("ER_SPECIFIC_ACCESS_DENIED_ERROR") }), "may not see"],
  ["one that knows no such statement", { "show replica": refusal("ER_PARSE_ERROR"), "show slave": refusal("ER_PARSE_ERROR") }, "by which"],
  ["one that does not let us ask", { "show replica": refusal("ER_SPECIFIC_ACCESS_DENIED_ERROR") }, "may not see"],
  [
    "a node that lost its cluster",
    {
      "show status": [
        { Variable_name: "wsrep_cluster_status", Value: "non-Primary" },
        { Variable_name: "wsrep_ready", Value: "OFF" },
      ],
    },
    "lost the other nodes",
  ],
])("%s", async (_what, answers, words) => {
  const stale = await whyOld(answering(answers));
  if (words === null) expect(stale).toBeNull();
  else expect(stale?.why).toContain(words);
});

describe.skipIf(mariadbProgram === null)("on MariaDB (needs mariadbd or mysqld)", () => {
  let server: MariaDb;
  let admin: Awaited<ReturnType<MariaDb["admin"]>>;
  beforeAll(async () => {
    server = await startMariaDb();
    admin = await server.admin();
    await admin.query("create user reader@'%' identified by 'pass'; grant replica monitor on *.* to reader@'%'");
    await admin.query(
      "create user blind@'%' identified by 'pass'; create user owner@'%' identified by 'pass'; grant all on *.* to owner@'%'",
    );
  }, 120_000);
  afterAll(async () => {
    await admin?.end();
    await server?.stop();
  });
  beforeEach(async () => {
    await admin.query("drop database if exists ci; create database ci; use ci; grant select, show view on ci.* to reader@'%', blind@'%'");
    await admin.query(`
      create table project (id int, slug char(20), closed_at timestamp(3) null);
      create view twokey_projects as select id, slug, slug as name, 'active' as state, closed_at, null as closed_by, null as limits from project;
      create table twokey_users (id text, username text, email text, first_name text, last_name text, enabled bit(1), slack_id text);
      create table twokey_memberships (project_id int, user_id text, role text);
      insert into project values (1, 'one', '2026-01-02 03:04:05.678'), (2, 'two', null);
      insert into twokey_users values ('u1', 'ann', 'ann@example.org', 'Ann', 'Lee', 1, null);
      insert into twokey_memberships values (1, 'u1', 'member')`);
    await admin.query("set global sql_mode = default; set global sql_select_limit = default; set global time_zone = default");
  });
  const read = async (user = "reader", parameters = "") => {
    const ci = botCi(server.url(user, "ci", parameters), () => 5);
    return ci.readDesired(scope).finally(() => ci.close());
  };
  const reason = async (...of: Parameters<typeof read>): Promise<string> => {
    const found = await read(...of);
    return found.coverage === "partial" ? found.reason : "it was read completely";
  };

  test("whatever the server's own settings are, a read has Twokey's", async () => {
    await admin.query(
      "set global sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES'; set global sql_select_limit = 1; set global time_zone = '+09:00'",
    );
    const found = await read();
    expect(found).toMatchObject({ coverage: "complete", held: [] });
    // The row was written in the zone of the administrator's session, which is this machine's.
    expect(found.projects).toMatchObject([
      { id: "1", slug: "one", members: [{ username: "ann" }], closedAt: new Date("2026-01-02T03:04:05.678").getTime() },
      { id: "2", slug: "two" },
    ]);
  });

  test("one snapshot: what others commit meanwhile is not seen, and nothing can be written", async () => {
    const pool = await openPool(server.url("owner", "ci"));
    const connection = await pool.getConnection();
    await beginSnapshot(connection);
    await admin.query("insert into project values (3, 'three', null)");
    const [rows] = await connection.query("select id from twokey_projects");
    expect(rows).toHaveLength(2);
    await expect(connection.query("delete from project")).rejects.toMatchObject({ code: "ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION" });
    connection.destroy();
    await pool.end();
  });

  test("a proxy that drops a setting is noticed", async () => {
    const pool = await openPool(server.url("reader", "ci"));
    for (const [dropped, words] of [
      ["set session sql_mode", "its sql_mode is"],
      ["set session time_zone", "its time_zone is"],
      ["set session sql_select_limit", "its sql_select_limit is"],
      ["set session tx_isolation", "its transaction_isolation is"],
      ["start transaction", "no transaction is open"],
    ] as const) {
      await admin.query("set global sql_select_limit = 7; set global tx_isolation = 'READ-COMMITTED'; set global time_zone = '+05:00'");
      const connection = await pool.getConnection();
      const query = connection.query.bind(connection) as (sql: string) => Promise<unknown>;
      const isDropped = (sql: string) =>
        sql.startsWith(dropped) || (dropped.includes("tx_isolation") && sql.startsWith("set session transaction_isolation"));
      const behind = {
        ...connection,
        query: (sql: string) => (isDropped(sql) ? Promise.resolve([[]]) : query(sql)),
      } as unknown as PoolConnection;
      await connection.query("set session time_zone = '+05:00', sql_select_limit = 7");
      await expect(beginSnapshot(behind), dropped).rejects.toThrow(words);
      connection.destroy();
    }
    await admin.query("set global tx_isolation = default");
    await pool.end();
  });

  test("what cannot be proved is refused: who may not see the replication, a definition, or a table without snapshots", async () => {
    expect(await reason("blind")).toMatch(/may not see whether it is a replica.*REPLICA MONITOR/);
    await admin.query("revoke show view on ci.* from reader@'%'");
    expect(await reason()).toMatch(/does not show us the definition of ci\.twokey_projects.*SHOW VIEW/);
    await admin.query("grant show view on ci.* to reader@'%'; alter table twokey_users engine = MyISAM");
    expect(await reason()).toContain("stored by MYISAM, which has no snapshots");
  });

  test("no right, a view of a definer who is gone, a value that is cut off: a sentence each", async () => {
    await admin.query("revoke select on ci.* from reader@'%'; grant select on ci.twokey_users to reader@'%'");
    expect(await reason()).toMatch(/does not let us read twokey_projects.*Grant select/);
    await admin.query("grant select on ci.* to reader@'%'; drop table project");
    expect(await reason()).toContain("uses something that is not found");
    await admin.query(
      "drop view twokey_projects; create view twokey_projects as select 1 as id, cast('a' + 1 as char) as slug, 'n' as name, 'active' as state, null as closed_at, null as closed_by, null as limits",
    );
    expect(await reason()).toMatch(/warned while twokey_projects was read \(1292\)/);
  });

  test("a server that follows a primary it cannot reach is old", async () => {
    await admin.query("change master to master_host = '127.0.0.1', master_port = 1, master_user = 'nobody'");
    try {
      expect(await reason()).toMatch(/is a replica, and it is not connected to its primary/);
    } finally {
      await admin.query("reset slave all");
    }
  });

  test("TLS: verified by the certificate that is named; by the name, too, only where it has that name", async () => {
    const trusted = `&ssl-ca=${server.certificate}`;
    expect((await read("reader", "?ssl-mode=REQUIRED")).coverage).toBe("complete");
    expect((await read("reader", `?ssl-mode=VERIFY_CA${trusted}`)).coverage).toBe("complete");
    expect(await reason("reader", "?ssl-mode=VERIFY_CA")).toContain("could not be read");
    expect(await reason("reader", `?ssl-mode=VERIFY_IDENTITY${trusted}`)).toContain("could not be read");
  });

  test("what the role may do is known to the doctor", async () => {
    expect(await readCiRole(server.url("reader", "ci"))).toMatchObject({
      value: {
        name: "reader@%",
        version: expect.stringMatching(/^(?:MariaDB|MySQL) \d/) as string,
        isSuperuser: false,
        writable: [],
        mayCreate: false,
      },
    });
    expect(await readCiRole(server.url("owner", "ci"))).toMatchObject({ value: { isSuperuser: true, mayCreate: true } });
    expect(await readCiRole(server.url("nobody", "ci"))).toMatchObject({ ok: false, error: { code: "cidb.unavailable" } });
  });
});
