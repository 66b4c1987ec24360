import type { ActReply, CloseAct, Json, JsonObject, SubmitAct } from "../control-api.ts";
import { elementsOf, findElement, isEmpty, stateOf, valueOf } from "../elements.ts";
import { isJsonObject, objectOf, stringOf } from "../json.ts";
import { blocksOf, closedPayload, submissionPayload } from "../payloads.ts";
import { refuse, SlackRefusal } from "../refusal.ts";
import type { SeedUser } from "../seed.ts";
import type { StoredView } from "../state.ts";
import { checkView, closeAll, closeModal, openModal, updateView } from "../views.ts";
import { errorWord, replyOf, type ActWorld } from "./act.ts";
import { offeredKey } from "./options.ts";

const REQUIRED = "Please complete this required field.";

/** A person submits the modal on top. Errors: refuses `invalid_input` when Slack's own client would not send it; the modal shows why. */
export async function submit(world: ActWorld, given: SubmitAct): Promise<ActReply> {
  const { ws } = world.api;
  const user = ws.actor(given.as);
  const view = topView(world, user, given.viewId);
  if (view.content["submit"] === null && !blocksOf(view).some((block) => block["type"] === "input")) refuse("nothing_to_submit");
  fill(world, user, view, given.values);
  view.errors = clientErrors(view);
  ws.changed();
  if (Object.keys(view.errors).length > 0) refuse("invalid_input");
  const receipt = await world.link.carry({ kind: "interactive", payload: submissionPayload(world.api, user, view) });
  if (receipt.acked) obey(world, user, view, receipt.body);
  else ws.notice(user.id, `⚠ We had some trouble connecting. Try again? (${errorWord(receipt)})`);
  return replyOf(receipt);
}

/** A person closes the modal on top. */
export async function closeView(world: ActWorld, given: CloseAct): Promise<ActReply> {
  const { ws } = world.api;
  const user = ws.actor(given.as);
  const view = topView(world, user, given.viewId);
  const payload = closedPayload(world.api, user, view);
  if (view.content["clear_on_close"] === true) closeAll(ws, user.id);
  else closeModal(ws, view);
  if (view.content["notify_on_close"] !== true) return replyOf(null);
  return replyOf(await world.link.carry({ kind: "interactive", payload }));
}

function topView(world: ActWorld, user: SeedUser, id: string): StoredView {
  const top = world.api.ws.modals(user.id).at(-1);
  return top?.id === id ? top : refuse("view_not_found");
}

function fill(world: ActWorld, user: SeedUser, view: StoredView, values: SubmitAct["values"]): void {
  for (const [blockId, actions] of Object.entries(values)) {
    for (const [actionId, value] of Object.entries(actions)) {
      const placed = findElement(blocksOf(view), actionId, blockId) ?? refuse("no_such_element");
      const offered = world.offered.get(offeredKey(user.id, view.id, actionId)) ?? [];
      (view.values[blockId] ??= {})[actionId] = valueOf(placed.element, value, offered);
    }
  }
}

/** What Slack's client finds wrong by itself: required inputs that are empty, text of the wrong length, numbers that are none. */
function clientErrors(view: StoredView): Record<string, string> {
  const errors: Record<string, string> = {};
  const state = stateOf(blocksOf(view), view.values);
  for (const { block, element } of elementsOf(blocksOf(view))) {
    if (block["type"] !== "input") continue;
    const blockId = stringOf(block, "block_id") ?? "";
    const value = state[blockId]?.[stringOf(element, "action_id") ?? ""];
    if (isEmpty(value)) {
      if (block["optional"] !== true) errors[blockId] = REQUIRED;
      continue;
    }
    const wrong = wrongText(element, value?.["value"] ?? null);
    if (wrong !== null) errors[blockId] = wrong;
  }
  return errors;
}

function wrongText(element: JsonObject, value: Json): string | null {
  if (typeof value !== "string") return null;
  const { min_length: min, max_length: max } = element;
  if (typeof min === "number" && value.length < min) return `Must be at least ${min} characters.`;
  if (value.length > (typeof max === "number" ? max : 3000)) return `Must be at most ${typeof max === "number" ? max : 3000} characters.`;
  if (element["type"] === "number_input" && !/^-?\d+(\.\d+)?$/.test(value)) return "Must be a number.";
  if (element["type"] === "email_text_input" && !/^[^\s@]+@[^\s@]+$/.test(value)) return "Must be an email address.";
  if (element["type"] === "url_text_input" && !/^https?:\/\/\S+$/.test(value)) return "Must be a URL.";
  return null;
}

/** Does what the app's acknowledgement says: close, show errors, update, push, clear. An answer that Slack does not take is a notice. */
function obey(world: ActWorld, user: SeedUser, view: StoredView, body: Json): void {
  const { ws } = world.api;
  const answer = isJsonObject(body) ? body : {};
  try {
    const action = answer["response_action"];
    if (action === undefined) closeIfOpen(world, view);
    else if (action === "clear") closeAll(ws, user.id);
    else if (action === "update") updateView(ws, view, checkView(objectOf(answer, "view"), "modal"));
    else if (action === "push") openModal(ws, user.id, checkView(objectOf(answer, "view"), "modal"), view);
    else if (action === "errors") view.errors = readErrors(view, objectOf(answer, "errors") ?? {});
    else refuse("invalid_response_action");
    ws.changed();
  } catch (error) {
    if (!(error instanceof SlackRefusal)) throw error;
    ws.notice(user.id, `⚠ We had some trouble connecting. Try again? (the app answered with ${error.code})`);
  }
}

function closeIfOpen(world: ActWorld, view: StoredView): void {
  const { ws } = world.api;
  if (ws.view(view.id) === view) closeModal(ws, view);
}

function readErrors(view: StoredView, errors: JsonObject): Record<string, string> {
  const inputs = blocksOf(view)
    .filter((block) => block["type"] === "input")
    .map((block) => stringOf(block, "block_id"));
  const entries = Object.entries(errors);
  if (entries.length === 0 || entries.some(([id, text]) => !inputs.includes(id) || typeof text !== "string" || text === ""))
    refuse("invalid_errors");
  return Object.fromEntries(entries.map(([id, text]) => [id, String(text)]));
}
