import type { ApiWorld } from "./api/method.ts";
import { homeTeam } from "./api/users.ts";
import type { JsonObject } from "./control-api.ts";
import { stateOf, type StateValues } from "./elements.ts";
import { compact, copyOf, objectsOf } from "./json.ts";
import { wireMessage } from "./messages.ts";
import { giveResponseUrl } from "./response-url.ts";
import type { SeedUser } from "./seed.ts";
import type { StoredChannel, StoredMessage, StoredView } from "./state.ts";
import { wireView } from "./views.ts";
import type { Workspace } from "./workspace.ts";

/** What the app could once check that a request is Slack's with; every payload still carries it. */
const VERIFICATION_TOKEN = "emulated-verification-token";

/** The fields of a slash command. */
export function commandPayload(world: ApiWorld, user: SeedUser, channel: StoredChannel, command: string, text: string): JsonObject {
  const { app, team } = world.ws.seed;
  return {
    token: VERIFICATION_TOKEN,
    team_id: homeTeam(world.ws, user),
    team_domain: team.domain,
    ...(team.enterpriseId === undefined ? {} : { enterprise_id: team.enterpriseId, enterprise_name: team.name }),
    channel_id: channel.id,
    channel_name: nameOf(channel),
    user_id: user.id,
    user_name: user.name,
    command,
    text,
    api_app_id: app.id,
    is_enterprise_install: "false",
    response_url: giveResponseUrl(world, { user: user.id, channel: channel.id, messageTs: null }),
    trigger_id: world.triggers.give(user.id),
  };
}

/** A message as one person's client shows it, with what they put into its elements. */
export interface SeenMessage {
  readonly channel: StoredChannel;
  readonly message: StoredMessage;
  readonly blocks: readonly JsonObject[];
  readonly inputs: StateValues;
}

/** Where an external select stands. */
export type SelectPlace = { readonly channel: StoredChannel; readonly message: StoredMessage } | { readonly view: StoredView };

/** A click in a message: the message as this person sees it, what its elements hold, and the action. */
export function messageActionPayload(world: ApiWorld, user: SeedUser, seen: SeenMessage, action: JsonObject): JsonObject {
  const { channel, message, blocks, inputs } = seen;
  const ephemeral = message.visibleTo !== null;
  return {
    type: "block_actions",
    ...common(world.ws, user),
    container: compact({
      type: "message",
      message_ts: message.ts,
      channel_id: channel.id,
      is_ephemeral: ephemeral,
      thread_ts: message.threadTs ?? undefined,
    }),
    trigger_id: world.triggers.give(user.id),
    channel: { id: channel.id, name: nameOf(channel) },
    // Slack does not hand an ephemeral message back.
    ...(ephemeral ? {} : { message: { ...wireMessage(world.ws, message, world.origin()), blocks } }),
    state: { values: copyOf(stateOf(blocks, inputs)) },
    response_url: giveResponseUrl(world, { user: user.id, channel: channel.id, messageTs: message.ts }),
    actions: [action],
  };
}

/** A click in a modal or on the home tab. */
export function viewActionPayload(world: ApiWorld, user: SeedUser, view: StoredView, action: JsonObject): JsonObject {
  return {
    type: "block_actions",
    ...common(world.ws, user),
    container: { type: "view", view_id: view.id },
    trigger_id: world.triggers.give(user.id),
    view: wireView(world.ws, view),
    actions: [action],
  };
}

/** A modal that was submitted. */
export function submissionPayload(world: ApiWorld, user: SeedUser, view: StoredView): JsonObject {
  return {
    type: "view_submission",
    ...common(world.ws, user),
    trigger_id: world.triggers.give(user.id),
    view: wireView(world.ws, view),
    response_urls: [],
  };
}

/** A modal that was closed and wanted to be told. */
export function closedPayload(world: ApiWorld, user: SeedUser, view: StoredView): JsonObject {
  return { type: "view_closed", ...common(world.ws, user), view: wireView(world.ws, view), is_cleared: false };
}

/** Someone types into an external select; `place` is the message or the view it stands in. */
export function suggestionPayload(world: ApiWorld, user: SeedUser, place: SelectPlace, asked: JsonObject): JsonObject {
  const where =
    "view" in place
      ? { container: { type: "view", view_id: place.view.id }, view: wireView(world.ws, place.view) }
      : {
          container: {
            type: "message",
            message_ts: place.message.ts,
            channel_id: place.channel.id,
            is_ephemeral: place.message.visibleTo !== null,
          },
          channel: { id: place.channel.id, name: nameOf(place.channel) },
          message: wireMessage(world.ws, place.message, world.origin()),
        };
  return { type: "block_suggestion", ...common(world.ws, user), ...where, ...asked };
}

/** The blocks a view shows. */
export function blocksOf(view: StoredView): readonly JsonObject[] {
  return objectsOf(view.content["blocks"]);
}

function common(ws: Workspace, user: SeedUser): JsonObject {
  const { app, team } = ws.seed;
  return {
    user: { id: user.id, username: user.name, name: user.name, team_id: homeTeam(ws, user) },
    api_app_id: app.id,
    token: VERIFICATION_TOKEN,
    team: { id: team.id, domain: team.domain },
    enterprise: team.enterpriseId === undefined ? null : { id: team.enterpriseId, name: team.name },
    is_enterprise_install: false,
  };
}

function nameOf(channel: StoredChannel): string {
  if (channel.kind === "im") return "directmessage";
  return channel.isPrivate ? "privategroup" : channel.name;
}
