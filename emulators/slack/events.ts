import type { JsonObject } from "./control-api.ts";
import type { Carrier, Receipt } from "./delivery.ts";
import type { StoredChannel } from "./state.ts";
import type { Workspace } from "./workspace.ts";

/** When an event that was not acknowledged comes again. Units: milliseconds. Source: facts, event retries. */
export const RETRY_DELAYS_MS: readonly number[] = [0, 60_000, 300_000];

/** The events an app gets unless it says otherwise: those of the project's manifest. */
export const DEFAULT_EVENTS: readonly string[] = ["app_home_opened", "app_mention", "message.im", "subteam_members_changed", "user_change"];

const SCOPE_OF: Readonly<Record<string, string>> = {
  app_mention: "app_mentions:read",
  "message.im": "im:history",
  "message.channels": "channels:history",
  "message.groups": "groups:history",
  subteam_members_changed: "usergroups:read",
  user_change: "users:read",
};

const REASONS = { timeout: "http_timeout", http_error: "http_error", not_connected: "connection_failed" } as const;

/** Which events the app asked for, and when one that it did not acknowledge comes again. Units: milliseconds. */
export interface EventOptions {
  readonly subscribed: readonly string[];
  readonly retryDelaysMs: readonly number[];
}

/** The Events API: wraps what happened and brings it to the app when it asked for such events and may see them. */
export class Events {
  readonly #ws: Workspace;
  readonly #carrier: Carrier;
  readonly #options: EventOptions;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(ws: Workspace, carrier: Carrier, options: EventOptions) {
    this.#ws = ws;
    this.#carrier = carrier;
    this.#options = options;
  }

  /** Brings one event; null when the app does not get such events. `name` is the subscription's, as `message.im`. */
  emit(name: string, event: JsonObject): Promise<Receipt> | null {
    const scope = SCOPE_OF[name];
    if (!this.#options.subscribed.includes(name) || (scope !== undefined && !this.#ws.seed.app.scopes.includes(scope))) return null;
    return this.#attempt(this.#wrap(event), 0, "");
  }

  /** As `emit`, for an event about a message of this channel; null too where the app is not a member. */
  emitMessage(channel: StoredChannel, event: JsonObject): Promise<Receipt> | null {
    if (!channel.members.includes(this.#ws.seed.app.botUserId)) return null;
    const kind = channel.kind === "im" ? "im" : channel.isPrivate ? "groups" : "channels";
    const channelType = channel.kind === "im" ? "im" : channel.isPrivate ? "group" : "channel";
    return this.emit(`message.${kind}`, { type: "message", channel: channel.id, channel_type: channelType, ...event });
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #attempt(payload: JsonObject, attempt: number, reason: string): Promise<Receipt> {
    const retry = attempt === 0 ? {} : { retry: { attempt, reason } };
    const receipt = await this.#carrier.carry({ kind: "events_api", payload, ...retry });
    const delay = this.#options.retryDelaysMs[attempt];
    if (!receipt.acked && delay !== undefined) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        void this.#attempt(payload, attempt + 1, REASONS[receipt.reason]);
      }, delay).unref();
      this.#timers.add(timer);
    }
    return receipt;
  }

  #wrap(event: JsonObject): JsonObject {
    const { app, team } = this.#ws.seed;
    const channel = typeof event["channel"] === "string" ? this.#ws.channel(event["channel"]) : undefined;
    return {
      token: "emulated-verification-token",
      team_id: team.id,
      context_team_id: team.id,
      context_enterprise_id: team.enterpriseId ?? null,
      api_app_id: app.id,
      event: { ...event, event_ts: event["event_ts"] ?? this.#ws.nextTs() },
      type: "event_callback",
      event_id: this.#ws.nextId("Ev"),
      event_time: Math.floor(this.#ws.now() / 1000),
      authorizations: [
        { enterprise_id: team.enterpriseId ?? null, team_id: team.id, user_id: app.botUserId, is_bot: true, is_enterprise_install: false },
      ],
      is_ext_shared_channel: channel?.isExtShared ?? false,
      event_context: `4-${this.#ws.nextId("Ec")}`,
    };
  }
}
