import type { Json, JsonObject } from "../control-api.ts";
import { isJsonObject, objectsOf, parseJson } from "../json.ts";
import { refuse, refuseWith } from "../refusal.ts";

/** The arguments of one call, whether they came as a form, as JSON or in the query. */
export class Args {
  readonly raw: JsonObject;

  constructor(raw: JsonObject) {
    this.raw = raw;
  }

  has(name: string): boolean {
    const value = this.raw[name];
    return value !== undefined && value !== null && value !== "";
  }

  /** A string, or null when it is missing or empty. */
  optional(name: string): string | null {
    const value = this.raw[name];
    if (typeof value === "string") return value === "" ? null : value;
    return typeof value === "number" ? String(value) : null;
  }

  /** A string. Errors: refuses `invalid_arguments` when it is missing. */
  string(name: string): string {
    return this.optional(name) ?? refuseWith("invalid_arguments", [`[ERROR] missing required field: ${name}`]);
  }

  flag(name: string): boolean {
    const value = this.raw[name];
    return value === true || value === "true" || value === "1" || value === 1;
  }

  /** A whole number within bounds, else the default. Errors: refuses `invalid_limit` for anything else. */
  limit(name: string, most: number, usual: number): number {
    if (!this.has(name)) return usual;
    const value = Number(this.raw[name]);
    if (!Number.isInteger(value) || value < 1) refuse("invalid_limit");
    return Math.min(value, most);
  }

  /** A comma-separated list. */
  words(name: string): readonly string[] {
    return (this.optional(name) ?? "")
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
  }

  /** JSON in a form, or the value itself of a JSON body; undefined when missing. Errors: refuses with `code` when it is no JSON. */
  json(name: string, code: string): Json | undefined {
    const value = this.raw[name];
    if (value === undefined || value === null || value === "") return undefined;
    return typeof value === "string" ? (parseJson(value) ?? refuse(code)) : value;
  }

  /** A list of objects; undefined when missing. Errors: refuses with `code` when it is anything else. */
  objects(name: string, code: string): readonly JsonObject[] | undefined {
    const value = this.json(name, code);
    if (value === undefined) return undefined;
    return Array.isArray(value) && value.every(isJsonObject) ? objectsOf(value) : refuse(code);
  }

  /** An object; undefined when missing. Errors: refuses with `code` when it is anything else. */
  object(name: string, code: string): JsonObject | undefined {
    const value = this.json(name, code);
    if (value === undefined) return undefined;
    return isJsonObject(value) ? value : refuse(code);
  }
}

/** How many items a page has at most, and when the app does not say. */
export interface PageSize {
  readonly most: number;
  readonly usual: number;
}

/** One page of a list and the cursor of the next; the cursor is opaque to the app. Errors: refuses `invalid_cursor`. */
export function pageOf<T>(all: readonly T[], args: Args, size: PageSize): { readonly items: readonly T[]; readonly next: string } {
  const cursor = args.optional("cursor");
  const decoded = cursor === null ? "from:0" : Buffer.from(cursor, "base64").toString("utf8");
  const match = /^from:(\d+)$/.exec(decoded) ?? refuse("invalid_cursor");
  const from = Number(match[1]);
  const to = from + args.limit("limit", size.most, size.usual);
  return { items: all.slice(from, to), next: to < all.length ? Buffer.from(`from:${to}`).toString("base64") : "" };
}
