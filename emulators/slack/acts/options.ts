import type { ActReply, JsonObject, OptionsAct } from "../control-api.ts";
import type { Receipt } from "../delivery.ts";
import { findElement } from "../elements.ts";
import { isJsonObject, objectsOf, stringOf } from "../json.ts";
import { blocksOf, suggestionPayload, type SelectPlace } from "../payloads.ts";
import { refuse } from "../refusal.ts";
import type { SeedUser } from "../seed.ts";
import { findOptionProblems } from "../validate-blocks.ts";
import { channelFor, errorWord, messageFor, type ActWorld } from "./act.ts";

const USUAL_MIN_QUERY = 3;

/** A person types into an external select and sees what it offers. Too short a query asks nothing, as in Slack. */
export async function options(world: ActWorld, given: OptionsAct): Promise<ActReply> {
  const { ws } = world.api;
  const user = ws.actor(given.as);
  const place = placeOf(world, user, given);
  const blocks = "view" in place ? blocksOf(place.view) : place.message.blocks;
  const { block, element } = findElement(blocks, given.actionId) ?? refuse("no_such_element");
  if (!/external_select$/.test(stringOf(element, "type") ?? "")) refuse("not_an_external_select");
  const least = element["min_query_length"];
  if (given.value.length < (typeof least === "number" ? least : USUAL_MIN_QUERY)) return { ok: true, acked: true, ackMs: 0, options: [] };
  const asked = { action_id: given.actionId, block_id: stringOf(block, "block_id") ?? "", value: given.value };
  const payload = suggestionPayload(world.api, user, place, asked);
  const receipt = await world.link.carry({ kind: "interactive", payload });
  const found = readOptions(world, user, receipt);
  const key = offeredKey(user.id, "view" in place ? place.view.id : place.message.ts, given.actionId);
  world.offered.set(key, [...(world.offered.get(key) ?? []), ...found]);
  return { ok: true, acked: receipt.acked, ackMs: receipt.ms, options: found };
}

/** Where a client remembers the options that an element offered. */
export function offeredKey(user: string, place: string, actionId: string): string {
  return `${user} ${place} ${actionId}`;
}

function placeOf(world: ActWorld, user: SeedUser, given: OptionsAct): SelectPlace {
  const { ws } = world.api;
  if (given.channel !== undefined && given.ts !== undefined) {
    const channel = channelFor(ws, user.id, given.channel);
    return { channel, message: messageFor(ws, user.id, channel, given.ts) };
  }
  const view = ws.modals(user.id).find((modal) => modal.id === given.viewId) ?? ws.home(user.id);
  return view === undefined ? refuse("view_not_found") : { view };
}

function readOptions(world: ActWorld, user: SeedUser, receipt: Receipt): readonly JsonObject[] {
  const { ws } = world.api;
  if (!receipt.acked) {
    ws.notice(user.id, `⚠ The options could not be loaded (${errorWord(receipt)})`);
    return [];
  }
  const { body } = receipt;
  const problems = findOptionProblems(body);
  if (!isJsonObject(body) || problems.length > 0) {
    ws.notice(user.id, "⚠ The options could not be loaded (the app sent options that Slack does not take)");
    return [];
  }
  return [...objectsOf(body["options"]), ...objectsOf(body["option_groups"]).flatMap((group) => objectsOf(group["options"]))];
}
