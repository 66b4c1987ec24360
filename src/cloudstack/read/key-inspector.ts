import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import type { ItemKind } from "../../core/inventory.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import { type CloudStackApi, createApi } from "../api/http.ts";
import { furtherLists } from "./further-obstacles.ts";
import { itemLists } from "./item-lists.ts";
import { findDomainWithChain, findManagedRoot } from "./managed-root.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { listOf, readList } from "../api/paging.ts";
import { AccountRow, ApiRow, fit } from "../api/wire.ts";
import { readSetting, withSmallPages } from "./probe.ts";
import { readRole, type SeenRole } from "./roles.ts";

/** What can be read with one key pair; nothing here changes anything. */
export interface KeyInspector {
  /** The account that the key belongs to. Errors: `rejected` with `cloudstack.credentials` for a key that is not valid. */
  readAccount(): Promise<Result<AccountRow, Failure>>;
  /** The commands that the key's role allows; null when it may not ask. */
  readAllowed(): Promise<Result<ReadonlySet<string> | null, Failure>>;
  /** A role as this key sees it. Errors: `refused` for one that this key could not hand out. */
  readRole(name: string): Promise<Result<SeenRole, Failure>>;
  /** Sends each list of an inventory once, for one row: whether the key gets an answer, by kind. A deletion needs some more. */
  readLists(use: "read" | "delete"): Promise<Result<readonly ListState[], Failure>>;
  /** A setting of the server; `unknown` when this version has none of that name, `hidden` when the key may not read settings. */
  readSetting(name: string): Promise<Result<string | "hidden" | "unknown", Failure>>;
  /** The managed root. Errors: `refused` when the key does not see it. */
  findRoot(): Promise<Result<DomainId, Failure>>;
  /** The path of a domain; null when there is none. */
  findPath(id: DomainId): Promise<Result<string | null, Failure>>;
}

/** What the server said to one list of an inventory. */
export interface ListState {
  readonly kind: ItemKind | (typeof furtherLists)[number]["kind"];
  readonly command: string;
  readonly state: "answered" | "not_allowed" | "unknown";
}

/** Makes the inspector of one key pair. Source: recordings 01, 08; facts/cloudstack §9. */
export function createKeyInspector(o: CloudStackOptions): KeyInspector {
  const api = createApi(o);
  return {
    readAccount: () => readOwnAccount(api),
    readAllowed: () => readAllowed(api),
    readRole: (name) => readRole(api, name),
    readLists: (use) => readListStates(api, use),
    readSetting: (name) => readSetting(api, name),
    findRoot: async () => {
      const tree = await findManagedRoot(api);
      return tree.ok ? ok(tree.value.root.id) : tree;
    },
    findPath: async (id) => {
      const found = await findDomainWithChain(api, id);
      return found.ok ? ok(found.value?.path ?? null) : found;
    },
  };
}

/** Without a filter and without `listall`, CloudStack lists the caller's own account. Source: facts/cloudstack §3; recording 08. */
async function readOwnAccount(api: CloudStackApi): Promise<Result<AccountRow, Failure>> {
  const rows = await readList(withSmallPages(api), listOf("listAccounts", "account", AccountRow, { details: "min" }));
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

/** Source: recording 18 (432: it exists, and the role may not; 401: the server has no such command). */
async function readListStates(api: CloudStackApi, use: "read" | "delete"): Promise<Result<readonly ListState[], Failure>> {
  const states: ListState[] = [];
  const things = itemLists.map(({ kind, query: { command, params } }) => ({ kind, command, params }));
  const more = furtherLists.map(({ kind, command }) => ({ kind, command, params: {} }));
  for (const { kind, command, params } of use === "read" ? things : [...things, ...more]) {
    const answer = await api.read(command, { ...params, page: "1", pagesize: "1" });
    const status = answer.ok ? null : statusOf(answer.error);
    if (!answer.ok && status !== 401 && status !== 432) return answer;
    states.push({ kind, command, state: answer.ok ? "answered" : status === 401 ? "unknown" : "not_allowed" });
  }
  return ok(states);
}
