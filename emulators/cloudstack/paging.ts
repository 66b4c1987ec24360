import type { Call } from "./command.ts";
import { invalidValue, malformed } from "./failure.ts";
import type { JsonObject } from "./json.ts";

/**
 * One page of a list, in the real server's shapes: nothing at all for no match, `count` alone for a page beyond the end, and without
 * `page` the first rows up to the maximum without a word about the rest.
 * Source: recordings 02 and 12.
 */
export function pageOf<T>(call: Call, key: string, rows: readonly T[], shape: (row: T) => JsonObject): JsonObject {
  const { first, size } = window(call);
  if (rows.length === 0) return {};
  const page = rows.slice(first, first + size);
  if (page.length === 0) return { count: rows.length };
  return { count: rows.length, [key]: page.map(shape) };
}

function window(call: Call): { first: number; size: number } {
  const page = call.params.text("page");
  const pageSize = call.params.text("pagesize");
  const max = call.settings.pageSizeMax;
  if (pageSize !== undefined && integer(call, "pagesize", pageSize) > max) {
    throw invalidValue(`Page size can't exceed max allowed page size value: ${max}`);
  }
  if (page === undefined && pageSize === undefined) return { first: 0, size: max };
  if (pageSize === undefined) throw malformed('"pagesize" parameter is required when "page" is specified');
  if (page === undefined) throw malformed('"page" parameter is required when "pagesize" is specified');
  const size = Math.max(0, integer(call, "pagesize", pageSize));
  return { first: Math.max(0, integer(call, "page", page) - 1) * size, size };
}

function integer(call: Call, name: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) {
    throw malformed(`Unable to execute API command ${call.command.toLowerCase()} due to invalid value ${text} for parameter ${name}`);
  }
  return Number(text);
}
