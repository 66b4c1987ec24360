import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { classify, statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { findManagedRoot } from "./managed-root.ts";
import type { Settings } from "../api/options.ts";
import { Capabilities, fit, SettingRow } from "../api/wire.ts";
import { readList } from "../api/paging.ts";

/** What a first look at a CloudStack server found. */
export interface ProbeReport {
  readonly version: string;
  /** `default.page.size`; null when the key may not read settings. */
  readonly pageSizeMax: number | null;
  /** Null: there is no such domain, or the key cannot see it. */
  readonly root: { readonly id: DomainId } | null;
  readonly rootTrouble: string | null;
}

/** Looks at the server as the bot will use it. Errors: whatever keeps the first calls from being answered. */
export async function probe(api: CloudStackApi, s: Settings): Promise<Result<ProbeReport, Failure>> {
  const answer = await api.read("listCapabilities", {});
  if (!answer.ok) return answer;
  const capabilities = fit(Capabilities, answer.value["capability"]);
  if (!capabilities.ok) {
    return err(classify({ kind: "unknown_shape", what: capabilities.what }, { command: "listCapabilities", effect: "read", page: null }));
  }
  const pageSizeMax = await readPageSizeMax(api);
  if (!pageSizeMax.ok) return pageSizeMax;
  const max = pageSizeMax.value;
  if (max !== null && max > 0 && max < s.pageSize) {
    const sentence = `pages of ${s.pageSize} rows are asked for, but the server gives at most ${max}`;
    return err(failure("refused", "cloudstack.page_size", sentence, { remedy: "Lower the page size, or raise default.page.size." }));
  }
  const tree = await findManagedRoot(api, s);
  if (!tree.ok && tree.error.kind !== "refused") return tree;
  return ok({
    version: capabilities.value.cloudstackversion,
    pageSizeMax: max,
    root: tree.ok ? { id: tree.value.root.id } : null,
    rootTrouble: tree.ok ? null : tree.error.message,
  });
}

async function readPageSizeMax(api: CloudStackApi): Promise<Result<number | null, Failure>> {
  // A page of 20 rows is small enough for any server.
  const rows = await readList(
    api,
    { pageSize: 20, parallel: 1 },
    {
      command: "listConfigurations",
      params: { name: "default.page.size" },
      rows: "configuration",
      row: SettingRow,
      keyOf: (row) => row.name,
    },
  );
  if (!rows.ok) return statusOf(rows.error) === 432 || statusOf(rows.error) === 531 ? ok(null) : rows;
  const value = Number(rows.value.find((row) => row.name === "default.page.size")?.value);
  return ok(Number.isInteger(value) ? value : null);
}
