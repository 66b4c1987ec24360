import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";
import type { JsonObject } from "./control-api.ts";
import type { Workspace } from "./workspace.ts";

/** How one delivery ended: what the bot answered, or that it did not in time. */
export interface Delivery {
  readonly acked: boolean;
  readonly ms: number;
  readonly payload: JsonObject | null;
}

const ACK_MS = 3000;
const SOCKETS_MAX = 10;

/** The WebSocket side: tickets, up to ten sockets, each envelope to one of them, three seconds to acknowledge. */
export class SocketMode {
  readonly #w: Workspace;
  readonly #wss = new WebSocketServer({ noServer: true });
  readonly #tickets = new Set<string>();
  readonly #sockets: WebSocket[] = [];
  readonly #waiting = new Map<string, (payload: JsonObject | null) => void>();
  #turn = 0;

  constructor(w: Workspace) {
    this.#w = w;
  }

  attach(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket, head) => {
      const ticket = new URL(request.url ?? "/", "http://localhost").searchParams.get("ticket") ?? "";
      if (!this.#tickets.delete(ticket)) {
        socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
        return;
      }
      this.#wss.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws));
    });
  }

  newTicket(): string {
    const ticket = randomUUID();
    this.#tickets.add(ticket);
    return ticket;
  }

  get connected(): boolean {
    return this.#sockets.length > 0;
  }

  send(type: string, payload: JsonObject, acceptsResponse: boolean, retry: JsonObject = {}): Promise<Delivery> {
    const started = Date.now();
    const socket = this.#sockets[this.#turn++ % Math.max(1, this.#sockets.length)];
    if (socket === undefined) return Promise.resolve({ acked: false, ms: 0, payload: null });
    const envelopeId = randomUUID();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(envelopeId);
        resolve({ acked: false, ms: Date.now() - started, payload: null });
      }, ACK_MS);
      this.#waiting.set(envelopeId, (answer) => {
        clearTimeout(timer);
        resolve({ acked: true, ms: Date.now() - started, payload: answer });
      });
      socket.send(JSON.stringify({ envelope_id: envelopeId, type, payload, accepts_response_payload: acceptsResponse, ...retry }));
    });
  }

  refresh(): void {
    for (const s of this.#sockets)
      s.send(JSON.stringify({ type: "disconnect", reason: "refresh_requested", debug_info: { host: "emulator" } }));
  }

  drop(): void {
    for (const s of [...this.#sockets]) s.terminate();
  }

  close(): void {
    this.drop();
    this.#wss.close();
  }

  #welcome(ws: WebSocket): void {
    if (this.#sockets.length >= SOCKETS_MAX) {
      ws.send(JSON.stringify({ type: "disconnect", reason: "too_many_websockets" }));
      ws.close();
      return;
    }
    this.#sockets.push(ws);
    ws.on("close", () => {
      const at = this.#sockets.indexOf(ws);
      if (at >= 0) this.#sockets.splice(at, 1);
    });
    ws.on("error", () => ws.terminate());
    ws.on("message", (data) => {
      const message = JSON.parse(String(data)) as { envelope_id?: string; payload?: JsonObject };
      const settle = this.#waiting.get(message.envelope_id ?? "");
      this.#waiting.delete(message.envelope_id ?? "");
      settle?.(message.payload ?? null);
    });
    ws.send(
      JSON.stringify({
        type: "hello",
        num_connections: this.#sockets.length,
        connection_info: { app_id: this.#w.seed.app.id },
        debug_info: { host: "emulator", build_number: 1, approximate_connection_time: 18_060 },
      }),
    );
  }
}
