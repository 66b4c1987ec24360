import type { Json, JsonObject } from "../control-api.ts";
import { stringOf } from "../json.ts";
import { wireFile } from "../messages.ts";
import { refuse, refuseWith } from "../refusal.ts";
import type { StoredFile } from "../state.ts";
import type { Workspace } from "../workspace.ts";
import type { Args } from "./args.ts";
import { postAsApp } from "./chat.ts";
import { checkBlocks } from "./content.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";
import { lastingMessage, writableChannel } from "./reach.ts";

/** The largest file Slack takes. Units: bytes. */
const FILE_LIMIT = 1024 * 1024 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  pdf: "application/pdf",
  png: "image/png",
  txt: "text/plain",
};

/** The methods of `files.*`. */
export const files: ApiMethods = {
  "files.getUploadURLExternal": { scopes: ["files:write"], run: getUploadUrl },
  "files.completeUploadExternal": { scopes: ["files:write"], run: completeUpload },
  "files.info": { scopes: ["files:read"], run: info },
  "files.delete": { scopes: ["files:write"], run: remove },
};

function getUploadUrl({ ws, origin }: ApiWorld, args: Args): JsonObject {
  const name = args.string("filename");
  const length = Number(args.string("length"));
  if (!Number.isInteger(length) || length < 1) refuseWith("invalid_arguments", ["[ERROR] must be greater than 0 [json-pointer:/length]"]);
  if (length > FILE_LIMIT) refuse("file_upload_size_restricted");
  const file: StoredFile = {
    id: ws.nextId("F"),
    name,
    length,
    created: Math.floor(ws.now() / 1000),
    title: name,
    mimetype: TYPES[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream",
    bytes: null,
    channels: [],
  };
  ws.state.files.push(file);
  ws.changed();
  return { upload_url: `${origin()}/upload/v1/${file.id}`, file_id: file.id };
}

function completeUpload(world: ApiWorld, args: Args): JsonObject {
  const { ws } = world;
  const asked = args.objects("files", "invalid_arguments") ?? refuseWith("invalid_arguments", ["[ERROR] missing required field: files"]);
  const done = asked.map((item) => ({ file: uploaded(ws, stringOf(item, "id") ?? ""), title: stringOf(item, "title") }));
  const targets = [args.optional("channel_id"), ...args.words("channels")].filter((id) => id !== null).map((id) => writableChannel(ws, id));
  const threadTs = args.optional("thread_ts");
  const blocks = args.objects("blocks", "invalid_blocks_format");
  checkBlocks(blocks);
  for (const channel of targets) if (threadTs !== null) lastingMessage(ws, channel, threadTs);
  for (const { file, title } of done) {
    file.title = title ?? file.title;
    file.channels = [...new Set([...file.channels, ...targets.map((channel) => channel.id)])];
  }
  const fileIds = done.map(({ file }) => file.id);
  for (const channel of targets)
    postAsApp(world, channel, { text: args.optional("initial_comment") ?? "", blocks: blocks ?? [], threadTs, fileIds });
  ws.changed();
  return { files: done.map(({ file }): Json => wireFile(ws, file, world.origin())) };
}

function info({ ws, origin }: ApiWorld, args: Args): JsonObject {
  return { file: wireFile(ws, known(ws, args.string("file")), origin()) };
}

function remove({ ws }: ApiWorld, args: Args): JsonObject {
  const file = known(ws, args.string("file"));
  ws.state.files.splice(ws.state.files.indexOf(file), 1);
  for (const message of Object.values(ws.state.messages).flat()) message.fileIds = message.fileIds.filter((id) => id !== file.id);
  ws.changed();
  return {};
}

function known(ws: Workspace, id: string): StoredFile {
  return ws.state.files.find((file) => file.id === id) ?? refuse("file_not_found");
}

function uploaded(ws: Workspace, id: string): StoredFile {
  const file = known(ws, id);
  return file.bytes === null ? refuse("file_not_found") : file;
}
