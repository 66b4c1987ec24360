import type { Json, JsonObject } from "./control-api.ts";
import { validateBlocks, type Surface } from "./validate-blocks.ts";
import type { Conversation, Message, OpenView, Workspace } from "./workspace.ts";

/** A refusal of Slack's: HTTP 200 with `ok: false` and a code. */
export class SlackRefusal extends Error {
  readonly code: string;
  readonly more: JsonObject;
  constructor(code: string, more: JsonObject = {}) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

type Args = Readonly<Record<string, unknown>>;
interface Method {
  readonly token: "bot" | "app";
  readonly scopes: readonly string[];
  readonly run: (w: Workspace, args: Args) => JsonObject;
}

/** Answers one Web API call. Errors: throws `SlackRefusal` with Slack's own error code. */
export function callMethod(w: Workspace, method: string, token: string | null, args: Args): JsonObject {
  const found = methods[method];
  if (found === undefined) throw new SlackRefusal("unknown_method", { req_method: method });
  if (token === null || token === "") throw new SlackRefusal("not_authed");
  const { app } = w.seed;
  if (token !== app.botToken && token !== app.appToken) throw new SlackRefusal("invalid_auth");
  if ((found.token === "bot") !== (token === app.botToken)) throw new SlackRefusal("not_allowed_token_type");
  const missing = found.scopes.find((s) => !app.scopes.includes(s));
  if (missing !== undefined) throw new SlackRefusal("missing_scope", { needed: missing, provided: app.scopes.join(",") });
  return found.run(w, args);
}

const bot = (scopes: readonly string[], run: Method["run"]): Method => ({ token: "bot", scopes, run });

const methods: Readonly<Record<string, Method>> = {
  "auth.test": bot([], (w) => ({
    url: `https://${w.seed.team.domain}.slack.com/`,
    team: w.seed.team.name,
    user: w.seed.app.name.toLowerCase(),
    team_id: w.seed.team.id,
    user_id: w.seed.app.botUserId,
    bot_id: w.seed.app.botId,
    is_enterprise_install: false,
  })),
  "api.test": bot([], () => ({})),
  "team.info": bot([], (w) => ({ team: { ...w.seed.team } })),
  "chat.postMessage": bot(["chat:write"], (w, a) => {
    const c = isUserId(a["channel"]) ? w.im(String(a["channel"])) : writable(w, a);
    const text = bodyOf(a, 40_000);
    const thread = optional(a, "thread_ts");
    if (thread !== null && !c.messages.some((m) => m.ts === thread)) throw new SlackRefusal("thread_not_found");
    const m = addMessage(w, c, {
      text: text.text,
      blocks: text.blocks,
      threadTs: thread,
      visibleTo: null,
      metadata: jsonOf(a["metadata"]) as JsonObject | null,
    });
    return { channel: c.id, ts: m.ts, message: shown(w, m) };
  }),
  "chat.update": bot(["chat:write"], (w, a) => {
    const c = writable(w, a);
    const m = c.messages.find((x) => x.ts === a["ts"] && x.visibleTo === null);
    if (m === undefined) throw new SlackRefusal("message_not_found");
    if (m.user !== w.seed.app.botUserId) throw new SlackRefusal("cant_update_message");
    const body = bodyOf(a, Number.POSITIVE_INFINITY);
    if (body.text.length > 4000) throw new SlackRefusal("msg_too_long");
    m.text = body.text;
    m.edited = body.blocks.length === 0;
    m.blocks = body.blocks;
    if (a["metadata"] !== undefined) m.metadata = jsonOf(a["metadata"]) as JsonObject;
    w.changed();
    return { channel: c.id, ts: m.ts, text: m.text, message: shown(w, m) };
  }),
  "chat.delete": bot(["chat:write"], (w, a) => {
    const c = writable(w, a);
    const m = c.messages.find((x) => x.ts === a["ts"]);
    if (m === undefined) throw new SlackRefusal("message_not_found");
    if (m.user !== w.seed.app.botUserId) throw new SlackRefusal("cant_delete_message");
    c.messages = c.messages.filter((x) => x !== m);
    w.changed();
    return { channel: c.id, ts: m.ts };
  }),
  "chat.postEphemeral": bot(["chat:write"], (w, a) => {
    const c = writable(w, a);
    const user = String(a["user"] ?? "");
    if (!c.members.includes(user)) throw new SlackRefusal("user_not_in_channel");
    const body = bodyOf(a, 40_000);
    const m = addMessage(w, c, { ...body, threadTs: optional(a, "thread_ts"), visibleTo: user, metadata: null });
    return { message_ts: m.ts };
  }),
  "chat.getPermalink": bot([], (w, a) => {
    const c = known(w, a);
    return {
      channel: c.id,
      permalink: `https://${w.seed.team.domain}.slack.com/archives/${c.id}/p${String(a["message_ts"]).replace(".", "")}`,
    };
  }),
  "conversations.open": bot(["im:write"], (w, a) => {
    const users = String(a["users"] ?? "").split(",");
    const user = users[0] ?? "";
    if (w.user(user) === undefined) throw new SlackRefusal("user_not_found");
    return { channel: { id: w.im(user).id, is_im: true } };
  }),
  "conversations.info": bot(["channels:read"], (w, a) => ({ channel: channelInfo(w, known(w, a)) })),
  "conversations.members": bot(["channels:read"], (w, a) => ({ members: known(w, a).members, response_metadata: { next_cursor: "" } })),
  "conversations.list": bot(["channels:read"], (w) => ({
    channels: w.conversations.filter((c) => c.kind === "channel").map((c) => channelInfo(w, c)),
    response_metadata: { next_cursor: "" },
  })),
  "users.conversations": bot(["channels:read"], (w) => ({
    channels: w.conversations.filter((c) => c.kind === "channel" && c.members.includes(w.seed.app.botUserId)).map((c) => channelInfo(w, c)),
    response_metadata: { next_cursor: "" },
  })),
  "conversations.history": bot(["im:history"], (w, a) => {
    const c = known(w, a);
    const messages = c.messages
      .filter((m) => m.visibleTo === null && m.threadTs === null)
      .toReversed()
      .slice(0, Number(a["limit"] ?? 100));
    return { messages: messages.map((m) => shown(w, m)), has_more: false };
  }),
  "users.info": bot(["users:read"], (w, a) => ({ user: userInfo(w, String(a["user"] ?? "")) })),
  "users.list": bot(["users:read"], (w) => ({
    members: w.seed.users.map((u) => userInfo(w, u.id)),
    response_metadata: { next_cursor: "" },
  })),
  "users.lookupByEmail": bot(["users:read.email"], (w, a) => {
    const u = w.seed.users.find((x) => x.email !== null && x.email.toLowerCase() === String(a["email"] ?? "").toLowerCase());
    if (u === undefined) throw new SlackRefusal("users_not_found");
    return { user: userInfo(w, u.id) };
  }),
  "usergroups.list": bot(["usergroups:read"], (w) => ({
    usergroups: w.seed.usergroups.map((g) => ({
      id: g.id,
      handle: g.handle,
      name: g.name,
      team_id: w.seed.team.id,
      date_delete: 0,
      user_count: g.users.length,
    })),
  })),
  "usergroups.users.list": bot(["usergroups:read"], (w, a) => {
    const g = w.seed.usergroups.find((x) => x.id === a["usergroup"]);
    if (g === undefined) throw new SlackRefusal("no_such_subteam");
    return { users: [...g.users] };
  }),
  "views.open": bot([], (w, a) => openView(w, a, null)),
  "views.push": bot([], (w, a) => openView(w, a, w.views.at(-1) ?? null)),
  "views.update": bot([], (w, a) => {
    const v = w.views.find((x) => x.id === a["view_id"]);
    if (v === undefined) throw new SlackRefusal("not_found");
    if (a["hash"] !== undefined && a["hash"] !== v.hash) throw new SlackRefusal("hash_conflict");
    setView(w, v, viewOf(a["view"]));
    return { view: viewInfo(w, v) };
  }),
  "views.publish": bot([], (w, a) => {
    const user = String(a["user_id"] ?? "");
    if (w.user(user) === undefined) throw new SlackRefusal("user_not_found");
    const view = viewOf(a["view"]);
    if (view["type"] !== "home") throw new SlackRefusal("invalid_arguments");
    w.homes[user] = view;
    w.changed();
    return { view: { ...view, id: `V${user}`, hash: String(w.version) } };
  }),
  "files.getUploadURLExternal": bot(["files:write"], (w, a) => {
    const id = w.newId("F");
    w.uploads.set(id, { id, name: String(a["filename"] ?? "file"), bytes: null });
    return { file_id: id, upload_url: `UPLOAD/${id}` };
  }),
  "files.completeUploadExternal": bot(["files:write"], (w, a) => {
    const files = (jsonOf(a["files"]) ?? []) as readonly { readonly id: string; readonly title?: string }[];
    const c = a["channel_id"] === undefined ? null : writable(w, { channel: a["channel_id"] });
    const stored = files.map((f) => {
      const up = w.uploads.get(f.id);
      if (up?.bytes == null) throw new SlackRefusal("file_not_found");
      return {
        id: up.id,
        name: up.name,
        mimetype: up.name.endsWith(".png") ? "image/png" : "text/plain",
        bytes: up.bytes.toString("base64"),
      };
    });
    if (c !== null) {
      const m = addMessage(w, c, {
        text: String(a["initial_comment"] ?? ""),
        blocks: [],
        threadTs: optional(a, "thread_ts"),
        visibleTo: null,
        metadata: null,
      });
      m.files = stored;
    }
    return { files: stored.map((f) => ({ id: f.id, name: f.name })) };
  }),
  "reactions.add": bot(["reactions:write"], () => ({})),
  "bots.info": bot(["users:read"], (w) => ({
    bot: { id: w.seed.app.botId, name: w.seed.app.name, user_id: w.seed.app.botUserId, app_id: w.seed.app.id },
  })),
};

function isUserId(v: unknown): boolean {
  return typeof v === "string" && /^[UW]/.test(v);
}

function known(w: Workspace, a: Args): Conversation {
  const c = w.conversation(String(a["channel"] ?? ""));
  if (c === undefined) throw new SlackRefusal("channel_not_found");
  return c;
}

function writable(w: Workspace, a: Args): Conversation {
  const c = known(w, a);
  if (c.isArchived) throw new SlackRefusal("is_archived");
  if (!c.members.includes(w.seed.app.botUserId)) throw new SlackRefusal("not_in_channel");
  return c;
}

function optional(a: Args, key: string): string | null {
  const v = a[key];
  return typeof v === "string" && v !== "" ? v : null;
}

/** Parses what a form carries as a JSON string, or takes the value as it is. */
export function jsonOf(v: unknown): Json | null {
  if (v === undefined || v === null || v === "") return null;
  if (typeof v !== "string") return v as Json;
  try {
    return JSON.parse(v) as Json;
  } catch {
    throw new SlackRefusal("invalid_arguments");
  }
}

function bodyOf(a: Args, textMax: number): { text: string; blocks: readonly JsonObject[] } {
  const blocks = (jsonOf(a["blocks"]) ?? []) as readonly JsonObject[];
  const text = String(a["text"] ?? "");
  if (text === "" && blocks.length === 0) throw new SlackRefusal("no_text");
  requireBlocks(blocks, "message");
  return { text: text.slice(0, textMax), blocks };
}

function requireBlocks(blocks: unknown, surface: Surface): void {
  const problems = validateBlocks(blocks, surface);
  if (problems.length > 0) throw new SlackRefusal("invalid_blocks", { response_metadata: { messages: [...problems] } });
}

/** Adds a message of the bot's to a conversation. */
export function addMessage(
  w: Workspace,
  c: Conversation,
  m: Pick<Message, "text" | "blocks" | "threadTs" | "visibleTo" | "metadata"> & { readonly user?: string },
): Message {
  const made: Message = { ts: w.nextTs(), user: w.seed.app.botUserId, edited: false, files: [], ...m };
  c.messages.push(made);
  w.changed();
  return made;
}

/** A message as the Web API and payloads show it. */
export function shown(w: Workspace, m: Message): JsonObject {
  const isBot = m.user === w.seed.app.botUserId;
  return {
    type: "message",
    ts: m.ts,
    user: m.user,
    text: m.text,
    blocks: m.blocks,
    team: w.seed.team.id,
    ...(isBot ? { bot_id: w.seed.app.botId, app_id: w.seed.app.id } : {}),
    ...(m.threadTs === null ? {} : { thread_ts: m.threadTs }),
    ...(m.metadata === null ? {} : { metadata: m.metadata }),
  };
}

function channelInfo(w: Workspace, c: Conversation): JsonObject {
  return {
    id: c.id,
    name: c.name,
    is_channel: c.kind === "channel",
    is_im: c.kind === "im",
    is_archived: c.isArchived,
    is_ext_shared: c.isExtShared,
    is_shared: c.isExtShared,
    is_private: false,
    is_member: c.members.includes(w.seed.app.botUserId),
    num_members: c.members.length,
  };
}

function userInfo(w: Workspace, id: string): JsonObject {
  const u = w.user(id);
  if (u === undefined) throw new SlackRefusal("user_not_found");
  return {
    id: u.id,
    team_id: u.isExternal === true ? "T0ELSEWHERE" : w.seed.team.id,
    name: u.name,
    real_name: u.realName,
    deleted: u.deleted ?? false,
    is_bot: u.isBot ?? false,
    is_restricted: u.isGuest ?? false,
    is_ultra_restricted: false,
    is_stranger: u.isExternal ?? false,
    is_admin: u.isAdmin ?? false,
    is_email_confirmed: true,
    tz: "Etc/UTC",
    profile: {
      real_name: u.realName,
      display_name: u.name,
      title: u.title ?? "",
      ...(u.email === null || !w.seed.app.scopes.includes("users:read.email") ? {} : { email: u.email }),
    },
  };
}

function viewOf(raw: unknown): JsonObject {
  const view = jsonOf(raw) as JsonObject | null;
  if (view === null || (view["type"] !== "modal" && view["type"] !== "home")) throw new SlackRefusal("invalid_arguments");
  if (JSON.stringify(view).length > 250_000) throw new SlackRefusal("view_too_large");
  requireBlocks(view["blocks"], view["type"]);
  for (const key of ["title", "submit", "close"]) {
    const text = (view[key] as JsonObject | undefined)?.["text"];
    if (typeof text === "string" && text.length > 24) {
      throw new SlackRefusal("invalid_arguments", {
        response_metadata: { messages: [`[ERROR] must be less than 25 characters [json-pointer:/view/${key}/text]`] },
      });
    }
  }
  if (view["type"] === "modal" && view["title"] === undefined) throw new SlackRefusal("invalid_arguments");
  if (String(view["private_metadata"] ?? "").length > 3000) throw new SlackRefusal("invalid_arguments");
  return view;
}

function openView(w: Workspace, a: Args, previous: OpenView | null): JsonObject {
  const trigger = w.triggers.get(String(a["trigger_id"] ?? ""));
  if (trigger === undefined) throw new SlackRefusal("invalid_trigger_id");
  if (trigger.used) throw new SlackRefusal("exchanged_trigger_id");
  if (w.now() - trigger.at > 3000) throw new SlackRefusal("expired_trigger_id");
  const view = viewOf(a["view"]);
  trigger.used = true;
  const v = newView(w, trigger.user, view, previous);
  return { view: viewInfo(w, v) };
}

/** Opens a view for a person, on top of `previous` when given. */
export function newView(w: Workspace, user: string, view: JsonObject, previous: OpenView | null): OpenView {
  const id = w.newId("V");
  const v: OpenView = {
    id,
    user,
    hash: String(w.version),
    rootId: previous?.rootId ?? id,
    previousId: previous?.id ?? null,
    view,
    errors: {},
  };
  if (previous === null) w.views = w.views.filter((x) => x.user !== user);
  w.views.push(v);
  w.changed();
  return v;
}

/** Replaces what a view shows. */
export function setView(w: Workspace, v: OpenView, raw: JsonObject): void {
  v.view = viewOf(raw);
  v.errors = {};
  v.hash = String(w.version);
  w.changed();
}

/** A view as the Web API and payloads show it. */
export function viewInfo(w: Workspace, v: OpenView): JsonObject {
  return {
    private_metadata: "",
    callback_id: "",
    ...v.view,
    id: v.id,
    team_id: w.seed.team.id,
    hash: v.hash,
    root_view_id: v.rootId,
    previous_view_id: v.previousId,
    app_id: w.seed.app.id,
    bot_id: w.seed.app.botId,
    state: { values: {} },
  };
}
