import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Answer } from "./answer.ts";
import { unknownShape } from "./classify.ts";
import type { CloudStackApi } from "./http.ts";
import { inParallel } from "./parallel.ts";
import type { Params } from "./signature.ts";
import { fit } from "./wire.ts";

/** A list to be read to its end. */
export interface ListQuery<T> {
  readonly command: string;
  readonly params: Params;
  /** The key under which the answer has its rows. */
  readonly rows: string;
  readonly row: Parameters<typeof fit<T>>[0];
  /** What makes a row that row; two rows with one key mean that the pages overlapped. */
  readonly keyOf: (row: T) => string;
}

/** A list whose rows are told apart by their id. */
export function listOf<T extends { readonly id: string }>(
  command: string,
  rows: string,
  row: ListQuery<T>["row"],
  params: Params = {},
): ListQuery<T> {
  return { command, rows, row, params, keyOf: (one) => one.id };
}

/** How often a list is begun again because it changed while it was read. */
const TRIES = 3;

/**
 * Reads a list to its end: the first page, then the others several at a time. A full last page is followed by one more: some servers say
 * as `count` how many rows the page has (4.18.1 and older, to domain administrators).
 *
 * Shape: every row once, in CloudStack's order; as many as `count` says, on every page the same.
 * Errors: `contract_broken` (a short page, a row twice, rows after the last page, malformed JSON: the message names the page),
 *         `unavailable` (it kept changing).
 * Source: facts/cloudstack §1.6; recordings 03, 12. Invariant: INV-1, INV-6.
 */
export async function readList<T>(api: CloudStackApi, query: ListQuery<T>): Promise<Result<readonly T[], Failure>> {
  let last = await readOnce(api, query);
  for (let tries = 1; tries < TRIES && !last.ok && last.error.code === CHANGED; tries += 1) last = await readOnce(api, query);
  return last;
}

const CHANGED = "cloudstack.list_changed";

async function readOnce<T>(api: CloudStackApi, query: ListQuery<T>): Promise<Result<readonly T[], Failure>> {
  const { pageSize, parallel } = api.settings;
  const first = await readPage(api, query, 1);
  if (!first.ok) return first;
  const { count } = first.value;
  const pageCount = Math.max(1, Math.ceil(count / pageSize));
  const numbers = Array.from({ length: pageCount - 1 }, (_, i) => i + 2);
  const others = await inParallel(parallel, numbers, (page) => readPage(api, query, page));
  if (!others.ok) return others;
  const pages = [first.value, ...others.value];
  const drifted = pages.findIndex((page) => page.count !== count);
  if (drifted >= 0) return err(changed(query, drifted + 1, count, pages[drifted]?.count));
  const read = joinPages(query, pages, pageSize);
  if (!read.ok || count === 0 || count % pageSize !== 0) return read;
  const after = await readPage(api, query, pageCount + 1);
  if (!after.ok || after.value.rows.length === 0) return after.ok ? read : after;
  if (after.value.count > count) return err(changed(query, pageCount + 1, count, after.value.count));
  return err(
    broken(query, pageCount + 1, "count_too_low", `${after.value.rows.length} rows more than the ${count} that the server counts`),
  );
}

interface Page<T> {
  readonly count: number;
  readonly rows: readonly T[];
}

function joinPages<T>(query: ListQuery<T>, pages: readonly Page<T>[], pageSize: number): Result<readonly T[], Failure> {
  const seen = new Set<string>();
  const rows: T[] = [];
  for (const [i, page] of pages.entries()) {
    const expected = Math.min(pageSize, page.count - i * pageSize);
    if (page.rows.length !== expected)
      return err(broken(query, i + 1, "short_page", `${page.rows.length} rows where ${expected} were due`));
    for (const row of page.rows) {
      const key = query.keyOf(row);
      if (seen.has(key)) return err(broken(query, i + 1, "row_twice", `the row ${key} was listed before`));
      seen.add(key);
      rows.push(row);
    }
  }
  return ok(rows);
}

async function readPage<T>(api: CloudStackApi, query: ListQuery<T>, page: number): Promise<Result<Page<T>, Failure>> {
  const answer = await api.read(query.command, { ...query.params, page: String(page), pagesize: String(api.settings.pageSize) }, page);
  return answer.ok ? openPage(query, answer.value, page) : answer;
}

function openPage<T>(query: ListQuery<T>, answer: Answer, page: number): Result<Page<T>, Failure> {
  const { count = 0, [query.rows]: found = [] } = answer;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0)
    return err(unknownShape("count is no whole number", query.command, "read", page));
  if (!Array.isArray(found)) return err(unknownShape(`${query.rows} is no list`, query.command, "read", page));
  // An empty answer is how CloudStack says "nothing"; any other key would be rows under a name that we do not know.
  const unknown = Object.keys(answer).filter((key) => key !== "count" && key !== query.rows);
  if (count > 0 && found.length === 0 && unknown.length > 0)
    return err(unknownShape(`rows under ${unknown.join(", ")}`, query.command, "read", page));
  const rows: T[] = [];
  for (const [i, raw] of found.entries()) {
    const row = fit(query.row, raw);
    if (!row.ok) return err(unknownShape(`row ${i + 1}, ${row.what}`, query.command, "read", page));
    rows.push(row.value);
  }
  return ok({ count, rows });
}

function changed<T>({ command }: ListQuery<T>, page: number, count: number, now: number | undefined): Failure {
  const sentence = `${command}, page ${page}: the list changed while it was read (${count} rows, then ${now})`;
  return failure("unavailable", CHANGED, sentence, { details: { command, page } });
}

function broken<T>(query: ListQuery<T>, page: number, code: string, sentence: string): Failure {
  const details = { command: query.command, page };
  return failure("contract_broken", `cloudstack.${code}`, `${query.command}, page ${page}: ${sentence}`, { details });
}
