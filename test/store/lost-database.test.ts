/** Claim: an error that nobody caught is told as a loss of PostgreSQL where it is one, and as what it is where it is none. */
import { createServer, type AddressInfo } from "node:net";
import pg from "pg";
import { expect, test } from "vitest";
import { StoreError, isLostDatabase } from "../../src/store/store-error.ts";

const databaseError = (code: string): pg.DatabaseError => Object.assign(new pg.DatabaseError("said", 4, "error"), { code });

test.each([
  ["a connection that broke", new Error("Client has encountered a connection error and is not queryable")],
  ["one that was cut", new Error("Connection terminated unexpectedly")],
  ["a server that is stopped", databaseError("57P01")],
  ["a server that starts", databaseError("57P03")],
  ["our own word for it", new StoreError("unavailable", "lost")],
])("%s is a loss", (_what, error) => expect(isLostDatabase(error)).toBe(true));

test.each([
  ["a mistake in SQL", databaseError("42P01")],
  ["a row that is refused", new StoreError("constraint", "deletion_quorum")],
  ["a file that is not there", Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT", syscall: "open" })],
  ["a mistake of ours", new TypeError("x is not a function")],
  ["what is no error", "away"],
])("%s is none", (_what, error) => expect(isLostDatabase(error)).toBe(false));

test("a server that closes each connection is a loss, as the driver says it", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = new pg.Client({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, user: "u", database: "d" });
  const said = await client.connect().catch((error: unknown) => error);
  server.close();
  expect(isLostDatabase(said)).toBe(true);
});
