import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ActReply, Json, JsonObject, SentCall, SlackFaults } from "./control-api.ts";
import { People } from "./people.ts";
import type { SlackSeed } from "./seed.ts";
import { sendSigned } from "./signed-http.ts";
import { SocketMode } from "./socket-mode.ts";
import { viewFor } from "./view.ts";
import { addMessage, callMethod, SlackRefusal } from "./web-api.ts";
import { validateBlocks } from "./validate-blocks.ts";
import { Workspace } from "./workspace.ts";

export type { SlackSeed } from "./seed.ts";

/** How an emulator is started. */
export interface SlackEmulatorOptions {
  /** 0 takes any free port. */
  readonly port?: number;
  readonly now?: () => number;
  readonly seed: SlackSeed;
  /** Messages survive a restart in this file. */
  readonly stateFile?: string;
  /** Shortest time between two posts in one channel, after a burst of ten; 0 is off. Units: milliseconds. */
  readonly postRateMs?: number;
}

/** A running emulator. */
export interface SlackEmulator {
  /** For the bot: `SLACK_API_URL`. */
  readonly apiUrl: string;
  /** For the control API. */
  readonly url: string;
  readonly workspace: Workspace;
  setRequestUrl(url: string | null): void;
  setFaults(faults: SlackFaults): void;
  sent(): readonly SentCall[];
  close(): Promise<void>;
}

/** Starts a Slack to run against, on 127.0.0.1. Source: facts on Slack; Slack's own clients are its test. */
export async function startSlackEmulator(options: SlackEmulatorOptions): Promise<SlackEmulator> {
  const machine = new Machine(options);
  const server = createServer((request, response) => {
    machine.serve(request, response).catch((thrown: unknown) => {
      response.writeHead(500, { "content-type": "text/plain" }).end(String(thrown));
    });
  });
  server.keepAliveTimeout = 30_000;
  machine.sockets.attach(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  machine.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    apiUrl: `${machine.url}/api/`,
    url: machine.url,
    workspace: machine.w,
    setRequestUrl: (url) => {
      machine.requestUrl = url;
    },
    setFaults: (f) => machine.setFaults(f),
    sent: () => machine.sent,
    close: () =>
      new Promise((resolve) => {
        machine.sockets.close();
        machine.w.flush();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The server's inside. */
class Machine {
  readonly w: Workspace;
  readonly sockets: SocketMode;
  readonly people: People;
  readonly sent: SentCall[] = [];
  requestUrl: string | null;
  url = "";
  #faults: SlackFaults = {};
  #used = new Map<object, number>();
  #posts = new Map<string, number[]>();
  readonly #postRateMs: number;

  constructor(o: SlackEmulatorOptions) {
    this.w = new Workspace(o.seed, o.now ?? Date.now, o.stateFile);
    this.sockets = new SocketMode(this.w);
    this.requestUrl = o.seed.app.requestUrl ?? null;
    this.#postRateMs = o.postRateMs ?? 0;
    this.people = new People(
      this.w,
      (type, payload) => this.#deliver(type, payload),
      () => this.url,
    );
  }

  setFaults(f: SlackFaults): void {
    this.#faults = f;
    this.#used.clear();
    if (f.dropSockets === true) this.sockets.drop();
    if (f.refreshSockets === true) this.sockets.refresh();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    if (url.pathname.startsWith("/api/")) return this.#api(request, response, url);
    if (url.pathname.startsWith("/response/")) return this.#response(request, response, url.pathname.slice("/response/".length));
    if (url.pathname.startsWith("/upload/")) return this.#upload(request, response, url.pathname.slice("/upload/".length));
    if (url.pathname.startsWith("/files/")) return this.#file(response, url.pathname.split("/")[2] ?? "");
    if (url.pathname === "/emulator/stream") return this.#stream(response);
    if (url.pathname.startsWith("/emulator/")) return this.#control(request, response, url);
    response.writeHead(404).end();
  }

  async #api(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const method = url.pathname.slice("/api/".length);
    const body = await readBody(request);
    const isJson = (request.headers["content-type"] ?? "").startsWith("application/json");
    const args: Record<string, unknown> = isJson
      ? (JSON.parse(body || "{}") as Record<string, unknown>)
      : Object.fromEntries([...url.searchParams, ...new URLSearchParams(body)]);
    const token =
      /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? (typeof args["token"] === "string" ? args["token"] : null);
    delete args["token"];
    if (this.#faults.delayMs !== undefined) await new Promise((r) => setTimeout(r, this.#faults.delayMs));
    const limited = this.#faults.rateLimit?.find((f) => this.#strikes(f, method)) ?? this.#tooFast(method, args);
    if (limited !== undefined) {
      response
        .writeHead(429, { "retry-after": String(limited.retryAfterSeconds), "content-type": "application/json" })
        .end(JSON.stringify({ ok: false, error: "ratelimited" }));
      return;
    }
    const fail = this.#faults.fail?.find((f) => this.#strikes(f, method));
    const answer = fail === undefined ? this.#call(method, token, args) : { ok: false, error: fail.error };
    this.sent.push({ at: new Date(this.w.now()).toISOString(), method, args: args as JsonObject, answer });
    if (this.sent.length > 2000) this.sent.shift();
    response.writeHead(fail?.status ?? 200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(answer));
  }

  #call(method: string, token: string | null, args: Record<string, unknown>): JsonObject {
    try {
      if (method === "apps.connections.open") {
        const { app } = this.w.seed;
        if (token === app.botToken) throw new SlackRefusal("not_allowed_token_type");
        if (token !== app.appToken) throw new SlackRefusal("invalid_auth");
        return { ok: true, url: `${this.url.replace("http", "ws")}/link/?ticket=${this.sockets.newTicket()}` };
      }
      const answer = callMethod(this.w, method, token, args);
      const upload = answer["upload_url"];
      return { ok: true, ...answer, ...(typeof upload === "string" ? { upload_url: upload.replace("UPLOAD", `${this.url}/upload`) } : {}) };
    } catch (thrown) {
      if (!(thrown instanceof SlackRefusal)) throw thrown;
      return { ok: false, error: thrown.code, ...thrown.more };
    }
  }

  #strikes(f: { readonly method: string; readonly times?: number }, method: string): boolean {
    if (f.method !== "*" && f.method !== method) return false;
    const used = this.#used.get(f) ?? 0;
    if (f.times !== undefined && used >= f.times) return false;
    this.#used.set(f, used + 1);
    return true;
  }

  #tooFast(method: string, args: Record<string, unknown>): { retryAfterSeconds: number } | undefined {
    if (this.#postRateMs === 0 || method !== "chat.postMessage") return undefined;
    const channel = String(args["channel"]);
    const now = this.w.now();
    const recent = (this.#posts.get(channel) ?? []).filter((t) => now - t < this.#postRateMs * 10);
    if (recent.length >= 10) return { retryAfterSeconds: 1 };
    this.#posts.set(channel, [...recent, now]);
    return undefined;
  }

  async #deliver(type: "interactive" | "slash_commands" | "events_api", payload: JsonObject) {
    const once = () =>
      this.requestUrl === null
        ? this.sockets.send(type, payload, type !== "events_api")
        : sendSigned({ url: this.requestUrl, secret: this.w.seed.app.signingSecret, now: this.w.now(), type, payload });
    const times = this.#faults.deliver ?? 1;
    const all = await Promise.all(Array.from({ length: Math.max(1, times) }, once));
    return all[0] ?? { acked: false, ms: 0, payload: null };
  }

  async #response(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const slot = this.w.responseUrls.get(id);
    const body = JSON.parse((await readBody(request)) || "{}") as JsonObject;
    if (slot === undefined) return send(response, 404, { ok: false, error: "no_such_url" });
    slot.uses += 1;
    if (slot.uses > 5 || this.w.now() - slot.at > 30 * 60_000) return send(response, 404, { ok: false, error: "used_url" });
    const c = this.w.conversation(slot.channel);
    if (c === undefined) return send(response, 404, { ok: false, error: "channel_not_found" });
    const blocks = (body["blocks"] ?? []) as readonly JsonObject[];
    if (validateBlocks(blocks, "message").length > 0) return send(response, 400, { ok: false, error: "invalid_blocks" });
    const old = slot.ts === null ? undefined : c.messages.find((m) => m.ts === slot.ts);
    if (body["delete_original"] === true) c.messages = c.messages.filter((m) => m !== old);
    else if (body["replace_original"] === true && old !== undefined) {
      old.text = String(body["text"] ?? "");
      old.blocks = blocks;
    } else {
      const m = addMessage(this.w, c, {
        text: String(body["text"] ?? ""),
        blocks,
        threadTs: typeof body["thread_ts"] === "string" ? body["thread_ts"] : null,
        visibleTo: body["response_type"] === "in_channel" ? null : slot.user,
        metadata: null,
      });
      slot.ts ??= m.ts;
    }
    this.w.changed();
    send(response, 200, { ok: true });
  }

  async #upload(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const up = this.w.uploads.get(id);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (up === undefined) return send(response, 404, { ok: false });
    up.bytes = Buffer.concat(chunks);
    response.writeHead(200).end("OK");
  }

  #file(response: ServerResponse, id: string): void {
    const file = this.w.conversations
      .flatMap((c) => c.messages)
      .flatMap((m) => m.files)
      .find((f) => f.id === id);
    if (file === undefined) return send(response, 404, { ok: false });
    response.writeHead(200, { "content-type": file.mimetype }).end(Buffer.from(file.bytes, "base64"));
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const tell = (version: number): void => {
      response.write(`data: ${JSON.stringify({ version })}\n\n`);
    };
    tell(this.w.version);
    const off = this.w.onChange(tell);
    response.on("close", off);
  }

  async #control(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const what = url.pathname.slice("/emulator/".length);
    if (request.method === "GET" && what === "view") {
      const view = viewFor(this.w, url.searchParams.get("as") ?? "");
      return view === null ? send(response, 404, { ok: false, error: "no_such_person" }) : send(response, 200, view as unknown as Json);
    }
    if (request.method === "GET" && what === "sent") return send(response, 200, this.sent as unknown as Json);
    const body = JSON.parse((await readBody(request)) || "{}") as never;
    const acts: Record<string, () => Promise<ActReply>> = {
      command: () => this.people.command(body),
      message: () => this.people.message(body),
      click: () => this.people.click(body),
      submit: () => this.people.submit(body),
      close: () => this.people.close(body),
      options: () => this.people.options(body),
      home: () => this.people.home((body as { as: string }).as),
      faults: async () => {
        this.setFaults(body);
        return { ok: true, acked: true, ackMs: 0 };
      },
    };
    const act = acts[what];
    if (act === undefined) return send(response, 404, { ok: false, error: "unknown_act" });
    send(response, 200, (await act()) as unknown as Json);
  }
}

function send(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
