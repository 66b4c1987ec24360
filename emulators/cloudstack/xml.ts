import type { Json, JsonObject } from "./json.ts";

/** The answer as XML, which the real server gives whenever `response=json` is missing. */
export function toXml(body: JsonObject): string {
  const elements = Object.entries(body).map(([name, value]) => element(name, value));
  return `<?xml version="1.0" encoding="UTF-8"?>${elements.join("")}`;
}

function element(name: string, value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map((row: Json) => element(name, row)).join("");
  const inner =
    typeof value === "object"
      ? Object.entries(value)
          .map(([key, member]) => element(key, member as Json | undefined))
          .join("")
      : String(value).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<${name}>${inner}</${name}>`;
}
