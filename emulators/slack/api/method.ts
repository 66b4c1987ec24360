import type { JsonObject } from "../control-api.ts";
import type { Events } from "../events.ts";
import type { PostRate } from "../post-rate.ts";
import type { SocketMode } from "../socket-mode.ts";
import type { Triggers } from "../triggers.ts";
import type { Workspace } from "../workspace.ts";
import type { Args } from "./args.ts";

/** What the Web API methods work on. `origin` is the server's own address. */
export interface ApiWorld {
  readonly ws: Workspace;
  readonly events: Events;
  readonly triggers: Triggers;
  readonly sockets: SocketMode;
  readonly postRate: PostRate;
  readonly origin: () => string;
}

/** One Web API method. `scopes`: the app needs one of them; `token`: the kind of token it takes, `any` for both. */
export interface ApiMethod {
  readonly token?: "bot" | "app" | "any";
  readonly scopes?: readonly string[];
  /** Answers without `ok`. Errors: throws a SlackRefusal. */
  readonly run: (world: ApiWorld, args: Args) => JsonObject;
}

/** A family of methods by name. */
export type ApiMethods = Readonly<Record<string, ApiMethod>>;

/** Too many posts: thrown inside a method, answered as 429 with Retry-After. */
export class RateLimited extends Error {
  readonly seconds: number;
  constructor(seconds: number) {
    super("ratelimited");
    this.name = "RateLimited";
    this.seconds = seconds;
  }
}
