/**
 * Claims: a PostgreSQL that is not up yet is waited for, with a sentence at each try, for a minute and no longer; what waiting does not mend
 * ends at once; no password is in any sentence.
 */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { expect, test } from "vitest";
import { NotUp, onceUp } from "../../src/store/await-up.ts";
import { withConnection } from "../../src/store/db.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { lendDatabase } from "../support/lent-database.ts";

/** A clock that only sleeping moves. */
function waiting(...urls: readonly string[]) {
  const said: string[] = [];
  let at = 0;
  const sleep = async (ms: number): Promise<void> => void (at += ms);
  return { said, at: () => at, urls, sleep, steadyMs: () => at, say: (sentence: string) => void said.push(sentence) };
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("nobody listens: it is tried for a minute, and then said so", async () => {
  const url = `postgres://bot:hunter2@127.0.0.1:${await closedPort()}/twokey`;
  const wait = waiting(url);
  const tried = onceUp(wait, () => prepareStore({ url, migrationUrl: null }, async () => undefined));
  await expect(tried).rejects.toThrow(/^PostgreSQL at 127\.0\.0\.1:\d+ did not answer within 60 s \(ECONNREFUSED\)\. Start it, or correct/);
  await expect(tried).rejects.toBeInstanceOf(NotUp);
  expect(wait.at()).toBe(60_000);
  expect(wait.said[0]).toMatch(/^PostgreSQL at 127\.0\.0\.1:\d+ is not up yet \(ECONNREFUSED\); it is tried again for 60 s$/);
  expect(wait.said).toHaveLength(30);
  expect(JSON.stringify(wait.said)).not.toContain("hunter2");
});

test.each(["57P03", "53300", "08006"])("%s passes: it goes on once the server answers", async (code) => {
  const wait = waiting("postgres://db.test/twokey");
  const states = [code, code];
  const done = await onceUp(wait, async () => {
    const state = states.pop();
    if (state !== undefined) throw Object.assign(new pg.DatabaseError("the database system is starting up", 0, "error"), { code: state });
    return "up";
  });
  expect([done, wait.said.length, wait.at()]).toEqual(["up", 2, 4000]);
  expect(wait.said[0]).toBe("PostgreSQL at db.test:5432 is not up yet (the database system is starting up); it is tried again for 60 s");
});

test("a wrong password, a database that is not there and a defect are told at once", async () => {
  const { url, drop } = await lendDatabase();
  try {
    const elsewhere = new URL(url);
    elsewhere.pathname = "/nowhere_at_all";
    const wait = waiting(elsewhere.href);
    await expect(onceUp(wait, () => withConnection(elsewhere.href, async () => 1))).rejects.toThrow(/nowhere_at_all/);
    await expect(onceUp(wait, () => Promise.reject(new TypeError("a defect")))).rejects.toThrow("a defect");
    const refused = Object.assign(new pg.DatabaseError("password authentication failed", 0, "error"), { code: "28P01" });
    await expect(onceUp(wait, () => Promise.reject(refused))).rejects.toThrow("password authentication failed");
    expect(wait.said).toEqual([]);
  } finally {
    await drop();
  }
});
