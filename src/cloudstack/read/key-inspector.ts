import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import { type CloudStackApi, createApi } from "../api/http.ts";
import { findDomainWithChain, findManagedRoot } from "./managed-root.ts";
import { settingsOf, type CloudStackOptions } from "../api/options.ts";
import { readList, type ListQuery } from "../api/paging.ts";
import { AccountRow, ApiRow, fit, SettingRow } from "../api/wire.ts";

/** What a look with one key pair can tell; nothing of it changes anything. */
export interface KeyInspector {
  /** The account that the key belongs to. Errors: `rejected` with `cloudstack.credentials` for a key that is not valid. */
  readAccount(): Promise<Result<AccountRow, Failure>>;
  /** The commands that the key's role allows; null when it may not ask. */
  readAllowed(): Promise<Result<ReadonlySet<string> | null, Failure>>;
  /** A setting of the server; `unknown` when this version has none of that name, `hidden` when the key may not read settings. */
  readSetting(name: string): Promise<Result<string | "hidden" | "unknown", Failure>>;
  /** The managed root. Errors: `refused` when the key does not see it. */
  findRoot(): Promise<Result<DomainId, Failure>>;
  /** The path of a domain; null when there is none. */
  findPath(id: DomainId): Promise<Result<string | null, Failure>>;
}

/** Makes the look of one key pair. Source: recordings 01, 08; facts/cloudstack §9. */
export function createKeyInspector(o: CloudStackOptions): KeyInspector {
  const s = settingsOf(o);
  const api = createApi(s);
  return {
    readAccount: () => readOwnAccount(api),
    readAllowed: () => readAllowed(api),
    readSetting: (name) => readSetting(api, name),
    findRoot: async () => {
      const tree = await findManagedRoot(api, s);
      return tree.ok ? ok(tree.value.root.id) : tree;
    },
    findPath: async (id) => {
      const found = await findDomainWithChain(api, s, id);
      return found.ok ? ok(found.value?.path ?? null) : found;
    },
  };
}

/** A page of 20 rows is small enough for any server. */
const SMALL = { pageSize: 20, parallel: 1 };

/** Without a filter and without `listall`, CloudStack lists the caller's own account. Source: facts/cloudstack §3; recording 08. */
async function readOwnAccount(api: CloudStackApi): Promise<Result<AccountRow, Failure>> {
  const query: ListQuery<AccountRow> = {
    command: "listAccounts",
    params: { details: "min" },
    rows: "account",
    row: AccountRow,
    keyOf: (row) => row.id,
  };
  const rows = await readList(api, SMALL, query);
  if (!rows.ok) return rows;
  const [own] = rows.value;
  return own === undefined
    ? err(failure("contract_broken", "cloudstack.no_own_account", "listAccounts does not list the key's own account"))
    : ok(own);
}

/**
 * One call for all commands: asked one by one, CloudStack would write an error into its log for each that is not allowed.
 *
 * Source: CloudStack 4.22, ApiDiscoveryServiceImpl.listApis: only what the caller's role allows is listed.
 */
async function readAllowed(api: CloudStackApi): Promise<Result<ReadonlySet<string> | null, Failure>> {
  const answer = await api.read("listApis", {});
  if (!answer.ok) return statusOf(answer.error) === 432 ? ok(null) : answer;
  const rows = answer.value["api"];
  const names = (Array.isArray(rows) ? rows : []).map((raw) => fit(ApiRow, raw)).flatMap((row) => (row.ok ? [row.value.name] : []));
  return names.length > 0 ? ok(new Set(names)) : err(failure("contract_broken", "cloudstack.no_apis", "listApis lists no command"));
}

async function readSetting(api: CloudStackApi, name: string): Promise<Result<string | "hidden" | "unknown", Failure>> {
  const rows = await readList(api, SMALL, {
    command: "listConfigurations",
    params: { name },
    rows: "configuration",
    row: SettingRow,
    keyOf: (row) => row.name,
  });
  if (rows.ok) return ok(rows.value.find((row) => row.name === name)?.value ?? "unknown");
  return [432, 531].includes(statusOf(rows.error) ?? 0) ? ok("hidden") : rows;
}
