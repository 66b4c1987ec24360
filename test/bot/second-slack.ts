/**
 * A second Slack, written apart from emulators/slack and sharing nothing with it: it answers with the fields of the samples on
 * docs.slack.dev and no more, pages every list by one, has no user groups, and is in a bad mood when a test says so.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

type Fields = Record<string, unknown>;
/** One message as this Slack keeps it. */
export interface Kept {
  readonly channel: string;
  readonly ts: string;
  readonly user: string | null;
  readonly thread: string | null;
  text: string;
  blocks: readonly Fields[];
}
/** What a method answers instead of its own answer, once. */
export interface Mood {
  readonly method: string;
  readonly error?: string;
  readonly retryAfter?: number;
}

const CHANNELS = [
  { id: "C012AB3CD", name: "general", is_channel: true, is_member: false },
  { id: "C061EG9T2", name: "random", is_channel: true, is_member: false },
  { id: "C0CI77777", name: "ci-team", is_channel: true, is_member: true, is_private: true },
];
const PEOPLE = [
  { id: "W012A3CDE", name: "spengler", real_name: "Egon Spengler" },
  { id: "W07QCRPA4", name: "glinda", real_name: "Glinda Southgood" },
  { id: "W0VENKMAN", name: "venkman", real_name: "Peter Venkman" },
];

/** That Slack, running. */
export class SecondSlack {
  readonly messages: Kept[] = [];
  readonly calls: { readonly method: string; readonly args: Fields }[] = [];
  readonly moods: Mood[] = [];
  readonly views: Fields[] = [];
  readonly acks = new Map<string, Fields>();
  readonly people = PEOPLE.map((p) => p.id);
  /** What a test adds to what `users.info` says of an account; null: there is no such account. */
  readonly profiles = new Map<string, Fields | null>();
  /** The user groups; undefined: this workspace has no plan for any. */
  groups: Record<string, readonly string[]> | undefined;
  isPublic = false;
  /** Null outside of Enterprise Grid. */
  enterprise: string | null = null;
  hellos = 0;
  #socket: WebSocket | null = null;
  #clock = 1_503_435_956;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #server = createServer((request, response) => {
    void this.#read(request).then((args) => {
      const method = (request.url ?? "").replace("/api/", "").split("?")[0] ?? "";
      this.calls.push({ method, args });
      // Only what has blocks can be refused for its blocks.
      const i = this.moods.findIndex((m) => m.method === method && (m.error !== "invalid_blocks" || args["blocks"] !== undefined));
      const mood = i < 0 ? undefined : this.moods.splice(i, 1)[0];
      const body = mood === undefined ? this.#answer(method, args) : { ok: false, error: mood.error ?? "ratelimited" };
      const headers = mood?.retryAfter === undefined ? {} : { "retry-after": String(mood.retryAfter) };
      response.writeHead(mood?.retryAfter === undefined ? 200 : 429, { "content-type": "application/json; charset=utf-8", ...headers });
      response.end(JSON.stringify({ ...body, warning: "something_charsetty", a_field_nobody_knows: { deep: [1] } }));
    });
  });

  async start(): Promise<string> {
    this.#server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        this.#socket = client;
        this.hellos += 1;
        client.on("message", (data) => {
          const said = JSON.parse(String(data)) as { envelope_id: string; payload?: Fields };
          this.acks.set(said.envelope_id, said.payload ?? {});
        });
        client.send(
          JSON.stringify({ type: "hello", num_connections: 1, connection_info: { app_id: "A1234" }, debug_info: { host: "applink" } }),
        );
      });
    });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/`;
  }

  async close(): Promise<void> {
    this.#socket?.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Slack asks for a new connection, as it does every few hours, and closes the old one. */
  refresh(): void {
    this.#socket?.send(JSON.stringify({ type: "disconnect", reason: "refresh_requested", debug_info: { host: "wss-111.slack.com" } }));
    this.#socket?.close();
    this.#socket = null;
  }

  /** Whether a connection would take an envelope now. */
  get connected(): boolean {
    return this.#socket?.readyState === 1;
  }

  /** Sends an envelope; gives its id, under which `acks` has the acknowledgement. */
  send(type: "interactive" | "events_api" | "slash_commands", payload: Fields): string {
    const id = randomUUID();
    this.#socket?.send(
      JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: type !== "events_api", new_thing: null }),
    );
    return id;
  }

  /** A click on the newest message whose buttons have this action; no response_url, and no more than the sample of a block_actions payload. */
  click(user: string, action: string, trigger: string | null = randomUUID(), more: Fields = {}): string {
    const has = (m: Kept): Fields | undefined => buttonsOf(m.blocks).find((b) => b["action_id"] === action);
    const message = this.messages.findLast((m) => has(m) !== undefined);
    if (message === undefined) throw new Error(`nothing has a button ${action}`);
    return this.send("interactive", {
      type: "block_actions",
      user: { id: user, username: "somebody", team_id: "T12345678" },
      api_app_id: "A1234",
      container: { type: "message", message_ts: message.ts, channel_id: message.channel, is_ephemeral: false },
      ...(trigger === null ? {} : { trigger_id: trigger }),
      team: { id: "T12345678", domain: "ghostbusters" },
      channel: { id: message.channel, name: "ci-team" },
      message: { type: "message", ts: message.ts, text: message.text },
      actions: [{ ...has(message), block_id: "b", action_ts: `${this.#clock++}.000100` }],
      ...more,
    });
  }

  /** Submits the newest window with one field filled in. */
  submit(user: string, field: string, value: string): string {
    const view = this.views.at(-1) ?? {};
    const state = { values: { [field]: { [field]: { type: "plain_text_input", value } } } };
    const payload = { type: "view_submission", team: { id: "T12345678", domain: "ghostbusters" }, user: { id: user, name: "somebody" } };
    return this.send("interactive", { ...payload, view: { ...view, id: "VNHU13V36", state, hash: "156772938.1827394" } });
  }

  #answer(method: string, args: Fields): Fields {
    const text = (name: string): string => String(args[name] ?? "");
    const page = <T>(items: readonly T[]): { readonly items: readonly T[]; readonly response_metadata: Fields } => {
      const at = Number(text("cursor") || 0);
      return { items: items.slice(at, at + 1), response_metadata: { next_cursor: at + 1 < items.length ? String(at + 1) : "" } };
    };
    switch (method) {
      case "auth.test":
        return {
          ok: true,
          url: "https://ghostbusters.slack.com/",
          team: "Ghostbusters",
          user: "twokey",
          team_id: "T12345678",
          user_id: "W0BOT0001",
          bot_id: "B0BOT0001",
          ...(this.enterprise === null ? {} : { enterprise_id: this.enterprise }),
        };
      case "bots.info":
        return { ok: true, bot: { id: "B0BOT0001", deleted: false, name: "twokey", updated: 1, app_id: "A1234", user_id: "W0BOT0001" } };
      case "conversations.info": {
        const channel = CHANNELS.find((c) => c.id === text("channel"));
        return channel === undefined
          ? { ok: false, error: "channel_not_found" }
          : { ok: true, channel: { ...channel, is_private: !this.isPublic } };
      }
      case "apps.connections.open":
        return { ok: true, url: `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/link/?ticket=1&app_id=2` };
      case "conversations.list": {
        const { items, response_metadata } = page(CHANNELS);
        return { ok: true, channels: items, response_metadata };
      }
      case "conversations.members": {
        const { items, response_metadata } = page(this.people);
        return { ok: true, members: items, response_metadata };
      }
      case "users.info": {
        const known =
          PEOPLE.find((p) => p.id === text("user")) ??
          (this.profiles.has(text("user")) ? { id: text("user"), name: "somebody" } : undefined);
        const changed = this.profiles.get(text("user"));
        const found = known === undefined || changed === null ? undefined : this.#account(known, changed);
        return found === undefined ? { ok: false, error: "user_not_found" } : { ok: true, user: found };
      }
      case "users.lookupByEmail": {
        const ids = [...PEOPLE.map((p) => p.id), ...this.profiles.keys()];
        const id = ids.find((one) => ((this.profiles.get(one)?.["profile"] ?? {}) as Fields)["email"] === text("email"));
        return id === undefined ? { ok: false, error: "users_not_found" } : this.#answer("users.info", { user: id });
      }
      case "conversations.open":
        return { ok: true, channel: { id: `D${text("users").slice(1)}` } };
      case "chat.postMessage":
      case "chat.postEphemeral": {
        const ts = `${this.#clock++}.000247`;
        const user = method === "chat.postEphemeral" ? text("user") : null;
        const blocks = typeof args["blocks"] === "string" ? (JSON.parse(args["blocks"]) as Fields[]) : [];
        this.messages.push({
          channel: text("channel"),
          ts,
          user,
          thread: (args["thread_ts"] as string | undefined) ?? null,
          text: text("text"),
          blocks,
        });
        return user === null
          ? { ok: true, channel: text("channel"), ts, message: { text: text("text"), type: "message", bot_id: "B0BOT0001", ts } }
          : { ok: true, message_ts: ts };
      }
      case "chat.update": {
        const message = this.messages.find((m) => m.ts === text("ts") && m.user === null);
        if (message === undefined) return { ok: false, error: "message_not_found" };
        message.text = text("text");
        message.blocks = typeof args["blocks"] === "string" ? (JSON.parse(args["blocks"]) as Fields[]) : [];
        return { ok: true, channel: text("channel"), ts: message.ts, text: message.text };
      }
      case "views.open": {
        const view = JSON.parse(text("view")) as Fields;
        this.views.push(view);
        return { ok: true, view: { id: "VNHU13V36", ...view } };
      }
      case "usergroups.list":
        return this.groups === undefined
          ? { ok: false, error: "plan_upgrade_required" }
          : { ok: true, usergroups: Object.keys(this.groups).map((handle) => ({ id: handle, handle, name: handle })) };
      case "usergroups.users.list":
        return this.groups === undefined
          ? { ok: false, error: "plan_upgrade_required" }
          : { ok: true, users: this.groups[text("usergroup")] ?? [] };
      default:
        return { ok: false, error: "unknown_method", req_method: method };
    }
  }

  #account(known: { readonly id: string; readonly real_name?: string; readonly name: string }, changed: Fields = {}): Fields {
    const profile = { real_name: known.real_name, display_name: known.name, team: "T12345678", ...((changed["profile"] ?? {}) as Fields) };
    const usual = { team_id: "T12345678", deleted: false, is_bot: false, is_restricted: false, updated: 1502138686 };
    return { ...known, ...usual, ...changed, profile };
  }

  async #read(request: IncomingMessage): Promise<Fields> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString("utf8")));
  }
}

/** The buttons of blocks. */
export function buttonsOf(blocks: readonly Fields[]): readonly Fields[] {
  return blocks.flatMap((b) => (b["type"] === "actions" ? (b["elements"] as readonly Fields[]) : []));
}
