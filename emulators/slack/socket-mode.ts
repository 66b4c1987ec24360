import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { Json } from "./control-api.ts";
import type { Carrier, Parcel, Receipt } from "./delivery.ts";
import { isJsonObject, parseJson } from "./json.ts";

/** How many sockets an app may have open. Source: facts, Socket Mode. */
const SOCKET_LIMIT = 10;

const TICKET_MS = 30_000;
const REFRESH_CLOSE_MS = 10_000;
const GOODBYE_MS = 200;
const CONNECTION_SECONDS = 18_060;

interface Waiting {
  readonly socket: WebSocket;
  readonly startedAt: number;
  readonly settle: (receipt: Receipt) => void;
}

/** Slack's side of Socket Mode: single-use tickets, hello, envelopes with an acknowledgement each. */
export class SocketMode implements Carrier {
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #appId: string;
  readonly #now: () => number;
  readonly #ackMs: number;
  readonly #tickets = new Map<string, number>();
  readonly #ready = new Set<WebSocket>();
  readonly #closing = new Set<WebSocket>();
  readonly #waiting = new Map<string, Waiting>();
  #turn = 0;

  constructor(options: { readonly appId: string; readonly now: () => number; readonly ackMs: number }) {
    this.#appId = options.appId;
    this.#now = options.now;
    this.#ackMs = options.ackMs;
  }

  /** How many sockets would get an envelope now. */
  get connections(): number {
    return this.#ready.size;
  }

  /** The path and query of a new socket: good once, for half a minute. */
  openTicket(): string {
    const ticket = randomBytes(16).toString("hex");
    this.#tickets.set(ticket, this.#now());
    return `/link/?ticket=${ticket}&app_id=${this.#appId}`;
  }

  /** Takes a WebSocket connection that comes with a ticket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const ticket = url.searchParams.get("ticket") ?? "";
    const givenAt = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (url.pathname !== "/link/" || givenAt === undefined || this.#now() - givenAt > TICKET_MS) {
      socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => this.#greet(client));
  }

  /** Sends one envelope to one socket, in turn, and waits for its acknowledgement. */
  carry(parcel: Parcel): Promise<Receipt> {
    const sockets = [...this.#ready].filter((socket) => socket.readyState === WebSocket.OPEN);
    const socket = sockets[this.#turn++ % Math.max(1, sockets.length)];
    if (socket === undefined) return Promise.resolve({ acked: false, ms: 0, reason: "not_connected" });
    const id = randomUUID();
    const startedAt = performance.now();
    return new Promise((resolve) => {
      const settle = (receipt: Receipt): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(receipt);
      };
      const timer = setTimeout(() => settle({ acked: false, ms: performance.now() - startedAt, reason: "timeout" }), this.#ackMs);
      this.#waiting.set(id, { socket, settle, startedAt });
      socket.send(JSON.stringify(envelopeOf(id, parcel)));
    });
  }

  /** Ends every connection at once, without a word. */
  drop(): void {
    for (const socket of [...this.#ready, ...this.#closing]) socket.terminate();
  }

  /** Asks every connection to come back on a new socket, as Slack does every few hours. */
  refresh(): void {
    for (const socket of [...this.#ready]) {
      this.#dismiss(socket, "refresh_requested");
      setTimeout(() => socket.terminate(), REFRESH_CLOSE_MS).unref();
    }
  }

  /** Says goodbye to every connection and cuts those that do not answer. */
  close(): void {
    for (const socket of [...this.#ready, ...this.#closing]) {
      socket.close(1001);
      setTimeout(() => socket.terminate(), GOODBYE_MS).unref();
    }
    this.#server.close();
  }

  #greet(client: WebSocket): void {
    client.on("error", () => client.terminate());
    client.on("close", () => this.#forget(client));
    if (this.#ready.size >= SOCKET_LIMIT) {
      this.#dismiss(client, "too_many_websockets");
      client.close(1000);
      return;
    }
    this.#ready.add(client);
    client.on("message", (data) => this.#receive(String(data)));
    client.send(
      JSON.stringify({
        type: "hello",
        num_connections: this.#ready.size,
        debug_info: { host: "emulated-applink", build_number: 1, approximate_connection_time: CONNECTION_SECONDS },
        connection_info: { app_id: this.#appId },
      }),
    );
  }

  #dismiss(socket: WebSocket, reason: string): void {
    this.#ready.delete(socket);
    this.#closing.add(socket);
    socket.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "emulated-applink" } }));
  }

  #forget(socket: WebSocket): void {
    this.#ready.delete(socket);
    this.#closing.delete(socket);
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.socket === socket) waiting.settle({ acked: false, ms: performance.now() - waiting.startedAt, reason: "timeout" });
    }
  }

  #receive(text: string): void {
    const said = parseJson(text);
    if (!isJsonObject(said) || typeof said["envelope_id"] !== "string") return;
    const waiting = this.#waiting.get(said["envelope_id"]);
    const body: Json = said["payload"] ?? {};
    waiting?.settle({ acked: true, ms: performance.now() - waiting.startedAt, body });
  }
}

function envelopeOf(id: string, parcel: Parcel): Json {
  const event = parcel.kind === "events_api";
  return {
    envelope_id: id,
    payload: parcel.payload,
    type: parcel.kind,
    accepts_response_payload: !event,
    ...(event ? { retry_attempt: parcel.retry?.attempt ?? 0, retry_reason: parcel.retry?.reason ?? "" } : {}),
  };
}
