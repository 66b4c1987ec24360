import type { JsonObject } from "../control-api.ts";
import { SlackRefusal } from "../refusal.ts";
import type { SlackSeed } from "../seed.ts";
import { app } from "./app.ts";
import { Args } from "./args.ts";
import { chat } from "./chat.ts";
import { conversations } from "./conversations.ts";
import { files } from "./files.ts";
import { RateLimited, type ApiMethod, type ApiMethods, type ApiWorld } from "./method.ts";
import { usergroups } from "./usergroups.ts";
import { users } from "./users.ts";
import { views } from "./views.ts";

/** Every method there is. */
const methods: ApiMethods = { ...app, ...chat, ...conversations, ...files, ...usergroups, ...users, ...views };

/** What the caller gets: a body, and `retryAfterSeconds` when it is to wait. */
export interface ApiAnswer {
  readonly body: JsonObject;
  readonly retryAfterSeconds: number | null;
}

/** Runs one Web API call: is there such a method, is the token good for it, has the app the scope; then the method's own rules. */
export function callMethod(world: ApiWorld, name: string, token: string | null, args: JsonObject): ApiAnswer {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) return answer({ ok: false, error: "unknown_method", req_method: name });
  const refusal = refuseToken(world.ws.seed, method, token);
  if (refusal !== null) return answer(refusal);
  try {
    return answer({ ok: true, ...method.run(world, new Args(args)) });
  } catch (error) {
    if (error instanceof SlackRefusal) return answer({ ok: false, error: error.code, ...error.extra });
    if (error instanceof RateLimited) return { body: { ok: false, error: "ratelimited" }, retryAfterSeconds: error.seconds };
    throw error;
  }
}

function answer(body: JsonObject): ApiAnswer {
  return { body, retryAfterSeconds: null };
}

function refuseToken(seed: SlackSeed, method: ApiMethod, token: string | null): JsonObject | null {
  if (token === null || token === "") return { ok: false, error: "not_authed" };
  const kind = token === seed.app.botToken ? "bot" : token === seed.app.appToken ? "app" : null;
  if (kind === null) return { ok: false, error: "invalid_auth" };
  const wanted = method.token ?? "bot";
  if (wanted !== "any" && kind !== wanted) return { ok: false, error: "not_allowed_token_type" };
  const needed = method.scopes ?? [];
  if (needed.length === 0 || needed.some((scope) => seed.app.scopes.includes(scope))) return null;
  return { ok: false, error: "missing_scope", needed: needed.join(","), provided: seed.app.scopes.join(",") };
}
