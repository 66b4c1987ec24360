/** Claims: a start waits for PostgreSQL, says for what in a sentence without a password, and not for what waiting does not help against. */
import net from "node:net";
import { afterEach, expect, inject, test } from "vitest";
import { ServerAway, waitForServer } from "../../src/store/wait-for-server.ts";

const servers: net.Server[] = [];
afterEach(() => servers.splice(0).map((server) => server.close()));

/** Time that passes only while somebody waits. */
function waiting(): { told: string[]; waits: number[]; w: Parameters<typeof waitForServer>[1] } {
  let now = 0;
  const [told, waits]: [string[], number[]] = [[], []];
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
    now += ms;
  };
  return { told, waits, w: { steadyMs: () => now, sleep, tell: (sentence) => told.push(sentence) } };
}

/** A server that answers each connection with the next of these errors, and from then on with the last one. */
async function refusing(...codes: readonly string[]): Promise<string> {
  let connections = 0;
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      const code = codes[Math.min(connections++, codes.length - 1)] ?? "";
      const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0Mno\0\0`);
      const head = Buffer.alloc(5);
      head.write("E");
      head.writeInt32BE(fields.length + 4, 1);
      socket.end(Buffer.concat([head, fields]));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `postgres://twokey:planted-secret@127.0.0.1:${(server.address() as net.AddressInfo).port}/twokey`;
}

test("a server that never comes is told of at once and each minute, and ends the start after five", async () => {
  const { told, waits, w } = waiting();
  const url = "postgres://twokey:planted-secret@localhost/twokey?host=/nowhere";
  const ended = await waitForServer(url, w).catch((thrown: unknown) => thrown);
  expect(ended).toBeInstanceOf(ServerAway);
  expect((ended as Error).message).toBe(
    "Twokey's own database does not answer (PostgreSQL at /nowhere: its socket is not there), for five minutes now. " +
      "Start PostgreSQL, or correct DATABASE_URL.",
  );
  expect(told[0]).toContain("It is tried again until 300 s from now.");
  expect(told).toHaveLength(5);
  expect(waits.slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect([...told, (ended as Error).message].join()).not.toContain("planted-secret");
});

test("a port that nobody listens on is waited for", async () => {
  const url = await refusing("57P03");
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const { told, w } = waiting();
  await expect(waitForServer(url, w)).rejects.toThrow("nobody listens there");
  expect(told[0]).toContain(new URL(url).host);
});

test("a server that starts is waited for; a wrong password and a missing database are not", async () => {
  for (const code of ["28P01", "3D000"]) {
    const { told, waits, w } = waiting();
    await waitForServer(await refusing("57P03", "57P03", code), w);
    expect(waits).toEqual([1_000, 2_000]);
    expect(told).toEqual([expect.stringContaining("it is starting, or recovers")]);
  }
});

test("a server that answers is not waited for", async () => {
  const { told, waits, w } = waiting();
  await waitForServer(inject("adminUrl"), w);
  expect([told, waits]).toEqual([[], []]);
});
