/**
 * Whatever is lost, doubled or changed between pages, a list is never taken for complete; shown with a list kept in memory. `readList` is a
 * function of the answers it is given, so no bot is needed here; the bot's own reader against a server is in `reader.test.ts`.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Answer } from "../../src/cloudstack/api/answer.ts";
import type { CloudStackApi } from "../../src/cloudstack/api/http.ts";
import { settingsOf, type CloudStackOptions } from "../../src/cloudstack/api/options.ts";
import { readList, type ListQuery } from "../../src/cloudstack/api/paging.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { optionsFor } from "./support.ts";

interface Row {
  readonly id: string;
}
const query: ListQuery<Row> = {
  command: "listThings",
  params: {},
  rows: "thing",
  row: z.object({ id: z.string() }),
  keyOf: (row) => row.id,
};

/** An honest server over `ids`, with a way to spoil its answers; remembers what was asked and how much at a time. */
function serverOf(
  ids: readonly string[],
  paging: Pick<CloudStackOptions, "pageSize" | "parallel">,
  spoil: (answer: Answer, page: number, ask: number) => Result<Answer, Failure> = (a) => ok(a),
) {
  const asked: number[] = [];
  let open = 0;
  let widest = 0;
  const api: CloudStackApi = {
    settings: settingsOf(optionsFor({ url: "http://127.0.0.1:1/" }, paging)),
    asking: () => api,
    change: () => Promise.reject(new Error("a list changes nothing")),
    read: async (_command, params) => {
      const [page, size] = [Number(params["page"]), Number(params["pagesize"])];
      asked.push(page);
      widest = Math.max(widest, (open += 1));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      const rows = ids.slice((page - 1) * size, page * size).map((id) => ({ id }));
      const honest = ids.length === 0 ? {} : rows.length === 0 ? { count: ids.length } : { count: ids.length, thing: rows };
      return spoil(honest, page, asked.length);
    },
  };
  return { api, asked, widest: () => widest };
}

const names = (n: number): readonly string[] => Array.from({ length: n }, (_, i) => `t${i}`);
const paging = { pageSize: 10, parallel: 4 };

describe("a list that is whole", () => {
  test("every row comes once, in order, whatever the sizes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), async (n, pageSize, parallel) => {
        const { api } = serverOf(names(n), { pageSize, parallel });
        expect(await readList(api, query)).toEqual(ok(names(n).map((id) => ({ id }))));
      }),
    );
  });

  test("after the first page, the others are read several at a time, and never more than allowed", async () => {
    const server = serverOf(names(95), paging);
    await readList(server.api, query);
    expect(server.asked.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(server.widest()).toBe(4);
  });

  test("a full last page is followed by one more; an empty list and a page that is not full are not", async () => {
    for (const [rows, pages] of [
      [0, 1],
      [9, 1],
      [10, 2],
      [20, 3],
    ] as const) {
      const server = serverOf(names(rows), paging);
      expect(await readList(server.api, query)).toMatchObject({ ok: true, value: { length: rows } });
      expect(server.asked, `${rows} rows`).toHaveLength(pages);
    }
  });
});

describe("a list that is not", () => {
  test("counted is refused, never cut short: servers before 4.18.2 say as count how many rows the page has", async () => {
    const server = serverOf(names(26), paging, (answer) => ok({ ...answer, count: (answer["thing"] as Row[]).length }));
    expect(await readList(server.api, query)).toMatchObject({
      ok: false,
      error: { kind: "contract_broken", code: "cloudstack.count_too_low", details: { page: 2 } },
    });
  });

  const spoiled = async (
    spoil: (answer: Answer, page: number, ask: number) => Result<Answer, Failure>,
  ): Promise<Result<readonly Row[], Failure>> => readList(serverOf(names(35), paging, spoil).api, query);
  const rowsOf = (answer: Answer): Row[] => answer["thing"] as Row[];

  test.for([
    ["a row is missing", (a: Answer) => ({ ...a, thing: rowsOf(a).slice(1) }), "contract_broken", "cloudstack.short_page", 3],
    ["the rows are missing", (a: Answer) => ({ count: a["count"] }), "contract_broken", "cloudstack.short_page", 3],
    ["the answer is empty", () => ({}), "unavailable", "cloudstack.list_changed", 3],
    ["a row is too many", (a: Answer) => ({ ...a, thing: [...rowsOf(a), { id: "new" }] }), "contract_broken", "cloudstack.short_page", 3],
    [
      "a row is one of another page",
      (a: Answer) => ({ ...a, thing: [{ id: "t0" }, ...rowsOf(a).slice(1)] }),
      "contract_broken",
      "cloudstack.row_twice",
      3,
    ],
    ["the count is another", (a: Answer) => ({ ...a, count: 36 }), "unavailable", "cloudstack.list_changed", 3],
    ["the count is a text", (a: Answer) => ({ ...a, count: "35" }), "contract_broken", "cloudstack.unknown_shape", 3],
    ["the rows are no list", (a: Answer) => ({ ...a, thing: {} }), "contract_broken", "cloudstack.unknown_shape", 3],
    [
      "the rows stand under another name",
      (a: Answer) => ({ count: 35, other: a["thing"] }),
      "contract_broken",
      "cloudstack.unknown_shape",
      3,
    ],
    [
      "a row has another shape",
      (a: Answer) => ({ ...a, thing: [{ id: 7 }, ...rowsOf(a).slice(1)] }),
      "contract_broken",
      "cloudstack.unknown_shape",
      3,
    ],
  ] as const)("when %s on a page, the failure names that page", async ([, spoil, kind, code, page]) => {
    const result = await spoiled((answer, at) => ok(at === page ? spoil(answer) : answer));
    expect(result).toMatchObject({ ok: false, error: { kind, code, details: { command: "listThings", page } } });
    expect(result.ok ? "" : result.error.message).toContain(`listThings, page ${page}`);
  });

  test("a page that fails fails the list with its own failure", async () => {
    const broken = failure("contract_broken", "cloudstack.malformed_json", "listThings, page 2: no JSON");
    expect(await spoiled((answer, page) => (page === 2 ? err(broken) : ok(answer)))).toEqual(err(broken));
  });

  test("a list that changed once is read again from the start; one that keeps changing is given up", async () => {
    const once = serverOf(names(35), paging, (answer, page, ask) => ok(page === 2 && ask <= 4 ? { ...answer, count: 36 } : answer));
    expect((await readList(once.api, query)).ok).toBe(true);
    const always = serverOf(names(35), paging, (answer, page) => ok(page === 2 ? { ...answer, count: 36 } : answer));
    expect(await readList(always.api, query)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", code: "cloudstack.list_changed" },
    });
    expect(always.asked).toHaveLength(12);
  });

  test("losing or doubling any rows or pages never gives a complete list", async () => {
    const damage = fc.record({
      page: fc.integer({ min: 1, max: 6 }),
      lose: fc.nat(6),
      double: fc.nat(6),
      swapPage: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), damage, async (n, d) => {
        const ids = names(n);
        let harmed = false;
        const { api } = serverOf(ids, { pageSize: 5, parallel: 3 }, (answer, page) => {
          if (page !== d.page || !Array.isArray(answer["thing"])) return ok(answer);
          const rows = rowsOf(answer);
          const other = ids.slice((d.swapPage - 1) * 5, d.swapPage * 5).map((id) => ({ id }));
          const kept = (d.swapPage === d.page ? rows : other).slice(d.lose);
          const spoilt = [...kept, ...kept.slice(0, d.double)];
          harmed ||= JSON.stringify(spoilt) !== JSON.stringify(rows);
          return ok({ ...answer, thing: spoilt });
        });
        const result = await readList(api, query);
        expect(result.ok).toBe(!harmed);
      }),
      { numRuns: 300 },
    );
  });
});
