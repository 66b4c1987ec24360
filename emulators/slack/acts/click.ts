import type { ActReply, ClickAct, JsonObject } from "../control-api.ts";
import { findElement, optionOf, valueOf, type PlacedElement } from "../elements.ts";
import { compact, stringOf } from "../json.ts";
import { blocksOf, messageActionPayload, viewActionPayload } from "../payloads.ts";
import { refuse } from "../refusal.ts";
import type { SeedUser } from "../seed.ts";
import type { StoredMessage, StoredView } from "../state.ts";
import { channelFor, errorWord, messageFor, replyOf, type ActWorld } from "./act.ts";
import { offeredKey } from "./options.ts";

/** A person uses an element of a message, a modal or the home tab. Errors: refuses what they cannot see or the element cannot hold. */
export async function click(world: ActWorld, given: ClickAct): Promise<ActReply> {
  const { ws } = world.api;
  const user = ws.actor(given.as);
  const { channel, ts } = given;
  const isMessage = channel !== undefined && ts !== undefined;
  const payload = isMessage ? clickMessage(world, user, given, { channel, ts }) : clickView(world, user, given);
  const receipt = await world.link.carry({ kind: "interactive", payload });
  if (!receipt.acked) ws.notice(user.id, `⚠ The app did not respond to this action (${errorWord(receipt)})`);
  return replyOf(receipt);
}

function clickMessage(world: ActWorld, user: SeedUser, given: ClickAct, at: { readonly channel: string; readonly ts: string }): JsonObject {
  const { ws } = world.api;
  const channel = channelFor(ws, user.id, at.channel);
  const message = messageFor(ws, user.id, channel, at.ts);
  if (!message.byApp) refuse("no_such_element");
  const { placed, blocks } = findInMessage(message, given);
  const key = `${user.id} ${message.ts}`;
  const inputs = world.inputs.get(key) ?? {};
  world.inputs.set(key, inputs);
  const action = actionOf(world, user, placed, given, { id: message.ts, values: inputs });
  return messageActionPayload(world.api, user, { channel, message, blocks, inputs }, action);
}

function clickView(world: ActWorld, user: SeedUser, given: ClickAct): JsonObject {
  const { ws } = world.api;
  const view = given.home === true ? ws.home(user.id) : ws.modals(user.id).find((modal) => modal.id === given.viewId);
  if (view === undefined) return refuse("view_not_found");
  const placed = findElement(blocksOf(view), given.actionId, given.blockId) ?? refuse("no_such_element");
  if (placed.block["type"] === "input" && placed.block["dispatch_action"] !== true) {
    hold(view, placed, valueOf(placed.element, given.value ?? "", offeredFor(world, user, view.id, given.actionId)));
    refuse("input_does_not_dispatch");
  }
  const action = actionOf(world, user, placed, given, view);
  return viewActionPayload(world.api, user, view, action);
}

interface FoundElement {
  readonly placed: PlacedElement;
  readonly blocks: readonly JsonObject[];
}

/** Finds the element in the message as it is; with `stale`, also in the message as it was, for a client with an old picture. */
function findInMessage(message: StoredMessage, given: ClickAct): FoundElement {
  for (const blocks of given.stale === true ? [...message.past, message.blocks] : [message.blocks]) {
    const placed = findElement(blocks, given.actionId, given.blockId);
    if (placed !== undefined) return { placed, blocks };
  }
  return refuse("no_such_element");
}

function actionOf(
  world: ActWorld,
  user: SeedUser,
  { block, element }: PlacedElement,
  given: ClickAct,
  place: Pick<StoredView, "id" | "values">,
): JsonObject {
  const type = stringOf(element, "type") ?? "";
  const base = { type, action_id: element["action_id"], block_id: block["block_id"], action_ts: world.api.ws.nextTs() };
  const chosen = typeof given.value === "string" ? given.value : given.value?.[0];
  if (type === "button" || type === "icon_button" || type === "workflow_button")
    return compact({ ...base, text: element["text"], value: chosen ?? element["value"], style: element["style"] });
  if (type === "feedback_buttons") return compact({ ...base, value: chosen ?? "" });
  if (type === "overflow") return compact({ ...base, selected_option: optionOf(element, chosen ?? "", []) });
  const value = valueOf(element, given.value ?? "", offeredFor(world, user, place.id, given.actionId));
  (place.values[stringOf(block, "block_id") ?? ""] ??= {})[given.actionId] = value;
  return compact({ ...base, ...value, placeholder: element["placeholder"] });
}

function hold(view: StoredView, { block, element }: PlacedElement, value: JsonObject): void {
  (view.values[stringOf(block, "block_id") ?? ""] ??= {})[stringOf(element, "action_id") ?? ""] = value;
}

function offeredFor(world: ActWorld, user: SeedUser, place: string, actionId: string): readonly JsonObject[] {
  return world.offered.get(offeredKey(user.id, place, actionId)) ?? [];
}
