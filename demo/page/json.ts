import type { Json, JsonObject } from "../../emulators/slack/control-api.ts";

/** The object that this is, else an empty one. */
export function object(v: Json | undefined): JsonObject {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as JsonObject) : {};
}

/** The objects of a list. */
export function list(v: Json | undefined): readonly JsonObject[] {
  return Array.isArray(v) ? (v as readonly JsonObject[]) : [];
}

/** A text, else an empty one. */
export function words(v: Json | undefined): string {
  return typeof v === "string" ? v : "";
}

/** What a text object, such as a button's, says. */
export function textOf(v: Json | undefined): string {
  return words(object(v)["text"]);
}
