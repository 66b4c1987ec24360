import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { callMethod, type ApiAnswer } from "./api/dispatch.ts";
import type { ApiWorld } from "./api/method.ts";
import type { Json, JsonObject } from "./control-api.ts";
import type { FaultBoard } from "./faults.ts";
import { readBytes, sendJson } from "./http-io.ts";
import { isJsonObject, parseJson } from "./json.ts";
import type { SentLog } from "./sent-log.ts";

/** Serves `/api/<method>`: arguments as a form, as JSON or in the query; the token as a bearer or as an argument. */
export async function serveApi(
  world: ApiWorld,
  switches: { readonly faults: FaultBoard; readonly log: SentLog },
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = url.pathname.slice("/api/".length);
  const args = await readArgs(url, request);
  if (switches.faults.delayMs > 0) await sleep(switches.faults.delayMs);
  if (args === null) return sendJson(response, 200, { ok: false, error: "invalid_json" });
  const fault = switches.faults.strike(method);
  const status = fault?.kind === "fail" ? fault.status : 200;
  const answer: ApiAnswer =
    fault?.kind === "rateLimit"
      ? { body: { ok: false, error: "ratelimited" }, retryAfterSeconds: fault.retryAfterSeconds }
      : fault?.kind === "fail"
        ? { body: { ok: false, error: fault.error }, retryAfterSeconds: null }
        : callMethod(world, method, tokenOf(request, args), args);
  switches.log.add(method, args, answer.body);
  const wait = answer.retryAfterSeconds;
  if (wait !== null) return sendJson(response, 429, answer.body, { "retry-after": String(wait) });
  sendJson(response, status, answer.body, { "x-oauth-scopes": world.ws.seed.app.scopes.join(",") });
}

async function readArgs(url: URL, request: IncomingMessage): Promise<JsonObject | null> {
  const query: [string, Json][] = [...url.searchParams];
  const text = (await readBytes(request)).toString("utf8");
  const isJson = (request.headers["content-type"] ?? "").startsWith("application/json");
  if (!isJson) return Object.fromEntries([...query, ...new URLSearchParams(text)]);
  const body = parseJson(text === "" ? "{}" : text);
  return isJsonObject(body) ? { ...Object.fromEntries(query), ...body } : null;
}

function tokenOf(request: IncomingMessage, args: JsonObject): string | null {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return bearer ?? (typeof args["token"] === "string" ? args["token"] : null);
}
