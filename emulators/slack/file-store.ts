import type { IncomingMessage, ServerResponse } from "node:http";
import { readBytes, sendJson } from "./http-io.ts";
import type { StoredFile } from "./state.ts";
import type { Workspace } from "./workspace.ts";

/** Serves `/upload/v1/<id>`: takes the bytes of a file, raw or as the one part of a form. */
export async function serveUpload(ws: Workspace, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = ws.state.files.find((known) => known.id === url.pathname.split("/").at(-1));
  const type = request.headers["content-type"] ?? "";
  const bytes = await partOf(await readBytes(request), type);
  if (file === undefined || file.bytes !== null) return sendJson(response, 404, { ok: false, error: "file_not_found" });
  if (bytes.length !== file.length) return sendJson(response, 400, { ok: false, error: "length_mismatch" });
  file.bytes = bytes.toString("base64");
  ws.changed();
  response.writeHead(200, { "content-type": "text/plain" }).end(`OK - ${bytes.length}`);
}

/** Serves a file's bytes: `/files-pri/…` to the app with its token and `files:read`, `/files/…` to the emulator's page. */
export function serveFile(ws: Workspace, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const [, where, place = ""] = url.pathname.split("/");
  const { app, team } = ws.seed;
  const allowed = request.headers.authorization === `Bearer ${app.botToken}` && app.scopes.includes("files:read");
  if (where === "files-pri" && !allowed) return sendJson(response, 403, { ok: false, error: "access_denied" });
  const file = ws.state.files.find((known) => known.id === place.replace(`${team.id}-`, ""));
  if (file === undefined || file.bytes === null) return sendJson(response, 404, { ok: false, error: "file_not_found" });
  sendFile(file, Buffer.from(file.bytes, "base64"), response);
}

function sendFile(file: StoredFile, bytes: Buffer, response: ServerResponse): void {
  const place = file.mimetype.startsWith("image/") ? "inline" : "attachment";
  response
    .writeHead(200, {
      "content-type": file.mimetype,
      "content-length": bytes.length,
      "content-disposition": `${place}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      "x-content-type-options": "nosniff",
    })
    .end(bytes);
}

async function partOf(body: Buffer, type: string): Promise<Buffer> {
  if (!type.startsWith("multipart/form-data")) return body;
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  for (const value of form.values()) return typeof value === "string" ? Buffer.from(value) : Buffer.from(await value.arrayBuffer());
  return Buffer.alloc(0);
}
