import type { JsonObject } from "./control-api.ts";
import { isJsonObject, objectsOf } from "./json.ts";

/** Blocks as Slack keeps them: each with a block_id, each interactive element with an action_id. */
export function identify(blocks: readonly JsonObject[], nextId: (prefix: string) => string): JsonObject[] {
  return blocks.map((block) => identifyBlock(block, nextId));
}

function identifyBlock(block: JsonObject, nextId: (prefix: string) => string): JsonObject {
  const named = { ...block, block_id: block["block_id"] ?? nextId("b").toLowerCase() };
  const element = (value: unknown): JsonObject | undefined =>
    isJsonObject(value) && value["type"] !== "image" ? { ...value, action_id: value["action_id"] ?? nextId("a").toLowerCase() } : undefined;
  const accessory = block["type"] === "section" ? element(block["accessory"]) : undefined;
  if (accessory !== undefined) return { ...named, accessory };
  const input = block["type"] === "input" ? element(block["element"]) : undefined;
  if (input !== undefined) return { ...named, element: input };
  if (block["type"] === "actions" || block["type"] === "context_actions")
    return { ...named, elements: objectsOf(block["elements"]).map((item) => element(item) ?? item) };
  if (block["type"] === "carousel") return { ...named, elements: identify(objectsOf(block["elements"]), nextId) };
  if (block["type"] === "card" && block["actions"] !== undefined)
    return { ...named, actions: objectsOf(block["actions"]).map((item) => element(item) ?? item) };
  if (block["type"] === "container") return { ...named, child_blocks: identify(objectsOf(block["child_blocks"]), nextId) };
  return named;
}
