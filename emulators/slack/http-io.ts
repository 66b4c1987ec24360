import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "./control-api.ts";
import { isJsonObject, parseJson } from "./json.ts";

/** Reads a request's body. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Longest JSON that is read. Units: bytes. */
const JSON_MAX = 1024 * 1024;

/** Reads a JSON object; null when the body is none, or is too long. */
export async function readJsonObject(request: IncomingMessage): Promise<JsonObject | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes <= JSON_MAX) chunks.push(chunk as Buffer);
  }
  if (bytes > JSON_MAX) return null;
  const text = Buffer.concat(chunks).toString("utf8");
  const value = parseJson(text === "" ? "{}" : text);
  return isJsonObject(value) ? value : null;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers }).end(JSON.stringify(body));
}

/** Does this request come from a page of another host? Its browser would let it act here without being asked. */
export function isForeign(request: IncomingMessage): boolean {
  const origin = request.headers.origin;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || !["127.0.0.1", "localhost", "[::1]"].includes(new URL(origin).hostname);
}
