import type { IncomingMessage } from "node:http";
import type { ApiRequest } from "./dispatch.ts";

/** A request as it was read: parameters of the query override those of the body, each parameter counts once. */
export interface ReadRequest extends ApiRequest {
  readonly body: string;
}

/** Reads a request's body and parameters. */
export async function readRequest(request: IncomingMessage): Promise<ReadRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString("utf8");
  const isForm = (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
  const url = request.url ?? "/";
  const params: Record<string, string> = {};
  if (isForm) addFields(params, new URLSearchParams(body));
  if (url.includes("?")) addFields(params, new URL(url, "http://127.0.0.1").searchParams);
  return { method: request.method ?? "GET", params, body };
}

function addFields(params: Record<string, string>, search: URLSearchParams): void {
  for (const [name, value] of search) params[name] = value;
}
