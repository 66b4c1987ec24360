import type { Json, JsonObject } from "./control-api.ts";
import { identify } from "./identify.ts";
import { compact } from "./json.ts";
import type { StoredChannel, StoredFile, StoredMessage } from "./state.ts";
import type { Workspace } from "./workspace.ts";

/** What is said in a new message; the rest is filled in. */
export interface NewMessage {
  readonly channel: string;
  readonly user: string;
  readonly byApp: boolean;
  readonly text: string;
  readonly blocks?: readonly JsonObject[];
  readonly attachments?: readonly JsonObject[];
  readonly metadata?: JsonObject | null;
  readonly threadTs?: string | null;
  readonly visibleTo?: string | null;
  readonly fileIds?: readonly string[];
}

/** Earlier versions of a message's blocks that are kept for clicks on an old picture of it. */
const PAST_KEPT = 10;

/** Stores a message. */
export function addMessage(ws: Workspace, given: NewMessage): StoredMessage {
  const message: StoredMessage = {
    ts: ws.nextTs(),
    channel: given.channel,
    user: given.user,
    byApp: given.byApp,
    threadTs: given.threadTs ?? null,
    visibleTo: given.visibleTo ?? null,
    text: given.text,
    blocks: identify(given.blocks ?? [], ws.nextId),
    attachments: [...(given.attachments ?? [])],
    metadata: given.metadata ?? null,
    editedTs: null,
    fileIds: [...(given.fileIds ?? [])],
    reactions: [],
    past: [],
  };
  ws.messages(given.channel).push(message);
  ws.changed();
  return message;
}

/** Replaces a message's blocks and remembers the ones it had. */
export function replaceBlocks(ws: Workspace, message: StoredMessage, blocks: readonly JsonObject[]): void {
  message.past = [message.blocks, ...message.past].slice(0, PAST_KEPT);
  message.blocks = identify(blocks, ws.nextId);
}

/** Takes a message away. */
export function removeMessage(ws: Workspace, message: StoredMessage): void {
  const all = ws.messages(message.channel);
  all.splice(all.indexOf(message), 1);
  ws.changed();
}

/** Replies of a thread, oldest first; ephemeral ones are nobody's replies. */
export function repliesOf(ws: Workspace, channel: string, ts: string): readonly StoredMessage[] {
  return ws.messages(channel).filter((message) => message.threadTs === ts && message.visibleTo === null);
}

/** A message as the Web API and the payloads give it. */
export function wireMessage(ws: Workspace, message: StoredMessage, origin: string, withMetadata = true): JsonObject {
  const replies = repliesOf(ws, message.channel, message.ts);
  const { app, team } = ws.seed;
  return compact({
    type: "message",
    user: message.user,
    ts: message.ts,
    ...(message.byApp ? { bot_id: app.botId, app_id: app.id, bot_profile: botProfile(ws) } : {}),
    text: message.text,
    team: team.id,
    thread_ts: message.threadTs ?? (replies.length > 0 ? message.ts : undefined),
    parent_user_id: message.threadTs === null ? undefined : ws.message(message.channel, message.threadTs)?.user,
    reply_count: replies.length > 0 ? replies.length : undefined,
    latest_reply: replies.at(-1)?.ts,
    blocks: message.blocks.length > 0 ? message.blocks : undefined,
    attachments: message.attachments.length > 0 ? message.attachments : undefined,
    metadata: withMetadata ? (message.metadata ?? undefined) : undefined,
    edited: message.editedTs === null ? undefined : { user: message.user, ts: message.editedTs },
    files: message.fileIds.length > 0 ? message.fileIds.flatMap((id) => filesOf(ws, id, origin)) : undefined,
    reactions: message.reactions.length > 0 ? message.reactions.map(wireReaction) : undefined,
  });
}

/** A file as the Web API gives it; its `url_private` wants the bot's token. */
export function wireFile(ws: Workspace, file: StoredFile, origin: string): JsonObject {
  const name = encodeURIComponent(file.name);
  const where = `${origin}/files-pri/${ws.seed.team.id}-${file.id}/${name}`;
  return {
    id: file.id,
    created: file.created,
    timestamp: file.created,
    name: file.name,
    title: file.title,
    mimetype: file.mimetype,
    filetype: file.name.includes(".") ? (file.name.split(".").at(-1) ?? "") : "binary",
    user: ws.seed.app.botUserId,
    size: file.length,
    mode: "hosted",
    is_external: false,
    is_public: false,
    url_private: where,
    url_private_download: where,
    permalink: `https://${ws.seed.team.domain}.slack.com/files/${ws.seed.app.botUserId}/${file.id}/${name}`,
    channels: file.channels,
  };
}

/** Where a message can be read by people. */
export function permalinkOf(ws: Workspace, channel: StoredChannel, message: StoredMessage): string {
  const thread = message.threadTs === null ? "" : `?thread_ts=${message.threadTs}&cid=${channel.id}`;
  return `https://${ws.seed.team.domain}.slack.com/archives/${channel.id}/p${message.ts.replace(".", "")}${thread}`;
}

function filesOf(ws: Workspace, id: string, origin: string): JsonObject[] {
  const file = ws.state.files.find((known) => known.id === id);
  return file === undefined ? [] : [wireFile(ws, file, origin)];
}

function wireReaction({ name, users }: StoredMessage["reactions"][number]): Json {
  return { name, users, count: users.length };
}

function botProfile(ws: Workspace): JsonObject {
  const { app, team } = ws.seed;
  return { id: app.botId, app_id: app.id, user_id: app.botUserId, name: app.name, deleted: false, updated: 0, team_id: team.id };
}
