import { Args } from "../api/args.ts";
import type { ActReply, CommandAct, Json } from "../control-api.ts";
import { isJsonObject } from "../json.ts";
import { commandPayload } from "../payloads.ts";
import { refuse, SlackRefusal } from "../refusal.ts";
import { sayTo } from "../response-url.ts";
import type { StoredChannel } from "../state.ts";
import { encodeTyped } from "../typed-text.ts";
import { channelFor, errorWord, replyOf, type ActWorld } from "./act.ts";

/** A person types a slash command. Errors: refuses `unknown_command`, and a person of another workspace. */
export async function command(world: ActWorld, given: CommandAct): Promise<ActReply> {
  const { ws } = world.api;
  const user = ws.actor(given.as);
  const channel = channelFor(ws, user.id, given.channel);
  const known = ws.seed.app.commands.find((item) => item.command === given.command) ?? refuse("unknown_command");
  if (user.isExternal === true) refuse("not_available_to_externals");
  if (channel.isArchived) refuse("is_archived");
  const text = known.shouldEscape === false ? given.text : encodeTyped(ws, given.text, true);
  const receipt = await world.link.carry({
    kind: "slash_commands",
    payload: commandPayload(world.api, user, channel, given.command, text.trim()),
  });
  if (receipt.acked) sayAck(world, user.id, channel, given.command, receipt.body);
  else ws.notice(user.id, `${given.command} failed with the error "${errorWord(receipt)}"`);
  return replyOf(receipt);
}

function sayAck(world: ActWorld, user: string, channel: StoredChannel, name: string, body: Json): void {
  const said = typeof body === "string" ? { text: body } : body;
  if (!isJsonObject(said) || (said["text"] === undefined && said["blocks"] === undefined && said["attachments"] === undefined)) return;
  try {
    sayTo(world.api, user, channel, new Args(said), null);
  } catch (error) {
    if (!(error instanceof SlackRefusal)) throw error;
    world.api.ws.notice(user, `${name} failed with the error "${error.code}"`);
  }
}
