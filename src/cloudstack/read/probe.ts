import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { refusal, statusOf, unknownShape } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { findManagedRoot } from "./managed-root.ts";
import { Capabilities, fit, SettingRow } from "../api/wire.ts";
import { readList } from "../api/paging.ts";

/** What a first read of a CloudStack server found. */
export interface ProbeReport {
  readonly version: string;
  /** `default.page.size`; null when the key may not read settings. */
  readonly pageSizeMax: number | null;
  /** Null: there is no such domain, or the key cannot see it. */
  readonly root: { readonly id: DomainId } | null;
  readonly rootTrouble: string | null;
}

/** Reads from the server what the bot relies on. Errors: whatever keeps the first calls from being answered. */
export async function probe(api: CloudStackApi): Promise<Result<ProbeReport, Failure>> {
  const answer = await api.read("listCapabilities", {});
  if (!answer.ok) return answer;
  const capabilities = fit(Capabilities, answer.value["capability"]);
  if (!capabilities.ok) return err(unknownShape(capabilities.what, "listCapabilities"));
  const setting = await readSetting(api, "default.page.size");
  if (!setting.ok) return setting;
  const number = Number(setting.value);
  const max = Number.isInteger(number) ? number : null;
  const { pageSize } = api.settings;
  if (max !== null && max > 0 && max < pageSize) {
    const sentence = `pages of ${pageSize} rows are asked for, but the server gives at most ${max}`;
    return err(refusal("page_size", sentence, { remedy: "Lower the page size, or raise default.page.size." }));
  }
  const tree = await findManagedRoot(api);
  if (!tree.ok && tree.error.kind !== "refused") return tree;
  return ok({
    version: capabilities.value.cloudstackversion,
    pageSizeMax: max,
    root: tree.ok ? { id: tree.value.root.id } : null,
    rootTrouble: tree.ok ? null : tree.error.message,
  });
}

/** A setting of the server; `unknown` when this version has none of that name, `hidden` when the key may not read settings. */
export async function readSetting(api: CloudStackApi, name: string): Promise<Result<string | "hidden" | "unknown", Failure>> {
  const rows = await readList(withSmallPages(api), {
    command: "listConfigurations",
    params: { name },
    rows: "configuration",
    row: SettingRow,
    keyOf: (row) => row.name,
  });
  if (rows.ok) return ok(rows.value.find((row) => row.name === name)?.value ?? "unknown");
  return [432, 531].includes(statusOf(rows.error) ?? 0) ? ok("hidden") : rows;
}

/** A page of 20 rows is small enough for any server. */
export function withSmallPages(api: CloudStackApi): CloudStackApi {
  return { ...api, settings: { ...api.settings, pageSize: 20, parallel: 1 } };
}
