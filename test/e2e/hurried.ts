import type { Json, JsonObject, ModalView } from "../../emulators/slack/control-api.ts";
import type { Person } from "../../emulators/slack/person.ts";

/** A person in a hurry: who, where, the names they would type, and what they did so far, counted by kind. */
export interface Hurry {
  readonly who: Person;
  readonly channel: string;
  readonly names: readonly string[];
  readonly seen: Map<string, number>;
}

/** These would only protect: who is in a hurry does not stop, reject, cancel or keep. */
const NOT_HURRIED = /stop|reject|cancel|keep/i;

/** Clicks each element of each message once, old and new ones, fills in and submits each window that opens, and sends each command. */
export async function clickEverything(h: Hurry): Promise<void> {
  const view = await h.who.view();
  for (const { command } of view.commands)
    if (!NOT_HURRIED.test(command))
      for (const text of ["", h.names[1] ?? ""]) {
        await h.who.command(h.channel, command, text);
        count(h, "command");
      }
  for (const stale of [false, true])
    for (const conversation of (await h.who.view()).conversations)
      for (const message of conversation.messages.slice(-60))
        for (const element of elementsOf(message.blocks)) {
          const actionId = String(element["action_id"]);
          if (NOT_HURRIED.test(actionId)) continue;
          const at = { channel: conversation.id, ts: message.ts, actionId, stale };
          const option = firstOption(element);
          const reply = await h.who.click(option === undefined ? at : { ...at, value: option });
          count(h, reply.ok ? actionId : "click refused by Slack");
          await submitAll(h, JSON.stringify(message.blocks));
        }
}

async function submitAll(h: Hurry, about: string): Promise<void> {
  for (let tries = 0; tries < 3; tries += 1) {
    const modal = (await h.who.view()).modals.at(-1);
    if (modal === undefined) return;
    await h.who.submit({ viewId: modal.id, values: answersTo(modal, h.names.find((n) => about.includes(n)) ?? "") });
    count(h, "window submitted");
  }
  for (const modal of (await h.who.view()).modals) await h.who.close(modal.id);
}

function answersTo(modal: ModalView, name: string): Record<string, Record<string, string>> {
  const blocks = (modal.view["blocks"] ?? []) as readonly JsonObject[];
  return Object.fromEntries(
    blocks
      .filter((b) => b["type"] === "input")
      .map((b) => [String(b["block_id"]), { [String((b["element"] as JsonObject)["action_id"])]: name }]),
  );
}

function elementsOf(json: Json): JsonObject[] {
  if (json === null || typeof json !== "object") return [];
  const inner = Object.values(json).flatMap((v) => elementsOf(v as Json));
  return !Array.isArray(json) && "action_id" in json ? [json as JsonObject, ...inner] : inner;
}

function firstOption(element: JsonObject): string | undefined {
  const options = element["options"] as readonly JsonObject[] | undefined;
  return options === undefined ? undefined : String(options[0]?.["value"]);
}

function count(h: Hurry, what: string): void {
  h.seen.set(what, (h.seen.get(what) ?? 0) + 1);
}
