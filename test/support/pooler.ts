import net from "node:net";
import path from "node:path";

/** A pooler before PostgreSQL, as PgBouncer is one in its transaction mode: for tests of what it drops. */
export interface Pooler {
  /** The address of a database through it. */
  url(database: string): string;
  close(): Promise<void>;
}

interface Backend {
  readonly socket: net.Socket;
  /** Who gets the answers now; null: it is free. */
  client: net.Socket | null;
}

/**
 * Gives each transaction a free session, so two statements of one client may run in two sessions. It drops start-up parameters such as
 * `options`; `lose` lets it rewrite a statement on its way, with a text of the same length.
 */
export async function startPooler(serverUrl: string, lose: (statement: string) => string = (s) => s): Promise<Pooler> {
  const host = new URL(serverUrl).searchParams.get("host") ?? "";
  const user = new URL(serverUrl).username;
  const free = new Map<string, Backend[]>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    sockets.add(client);
    client.on("error", () => undefined);
    let database: string | null = null;
    let backend: Backend | null = null;
    let waiting = Buffer.alloc(0);
    let batch: Buffer[] = [];
    client.on("close", () => backend?.socket.destroy());
    client.on("data", (data) => {
      waiting = Buffer.concat([waiting, data]);
      if (database === null) {
        if (waiting.length < 4 || waiting.length < waiting.readInt32BE(0)) return;
        const size = waiting.readInt32BE(0);
        const words = waiting.subarray(8, size).toString("utf8").split("\0");
        database = words[words.indexOf("database") + 1] ?? "postgres";
        waiting = waiting.subarray(size);
        client.write(Buffer.concat([message("R", int32(0)), message("Z", Buffer.from("I"))]));
      }
      while (waiting.length >= 5 && waiting.length >= 1 + waiting.readInt32BE(1)) {
        const size = 1 + waiting.readInt32BE(1);
        const one = waiting.subarray(0, size);
        waiting = waiting.subarray(size);
        const kind = String.fromCharCode(one[0] ?? 0);
        if (kind === "X") return void client.end();
        batch.push(Buffer.from(lose(one.toString("latin1")), "latin1"));
        if (kind !== "Q" && kind !== "S") continue;
        const whole = Buffer.concat(batch);
        batch = [];
        backend ??= take(database, client);
        backend.client = client;
        const held = backend;
        onReady.set(held, (state) => {
          if (state !== "I") return;
          backend = null;
          held.client = null;
          free.get(database ?? "")?.unshift(held);
        });
        held.socket.write(whole);
      }
    });
  });
  const onReady = new WeakMap<Backend, (state: string) => void>();

  /** The session that was used last comes first, as with PgBouncer. */
  function take(database: string, client: net.Socket): Backend {
    const idle = free.get(database) ?? [];
    free.set(database, idle);
    const found = idle.shift();
    if (found !== undefined) return found;
    const socket = net.connect(path.join(host, ".s.PGSQL.5432"));
    sockets.add(socket);
    const made: Backend = { socket, client };
    socket.on("error", () => undefined);
    let isStarted = false;
    let buffer = Buffer.alloc(0);
    socket.on("data", (data) => {
      buffer = Buffer.concat([buffer, data]);
      while (buffer.length >= 5 && buffer.length >= 1 + buffer.readInt32BE(1)) {
        const size = 1 + buffer.readInt32BE(1);
        const one = buffer.subarray(0, size);
        buffer = buffer.subarray(size);
        const isReady = one[0] === "Z".charCodeAt(0);
        if (isStarted) made.client?.write(one);
        if (isReady && isStarted) onReady.get(made)?.(String.fromCharCode(one[5] ?? 0));
        if (isReady) isStarted = true;
      }
    });
    const body = Buffer.concat([int32(196_608), Buffer.from(`user\0${user}\0database\0${database}\0\0`)]);
    socket.write(Buffer.concat([int32(body.length + 4), body]));
    return made;
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: (database) => `postgres://${user}@127.0.0.1:${port}/${database}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function message(kind: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
