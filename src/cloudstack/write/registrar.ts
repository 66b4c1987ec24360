import type { Failure } from "../../core/failure.ts";
import { ResourceId, type DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Named, NewTemplate, RegisteredTemplate, TemplateRegistrar } from "../../archive/reimport/ports.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { isUnknownId, plain, statusOf, unknownShape } from "../api/classify.ts";
import { createFence } from "./fence.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { listOf, readList, type ListQuery } from "../api/paging.ts";
import type { Params } from "../api/signature.ts";
import { fit, OsTypeRow, Registered, RegisteredRow, ZoneRow } from "../api/wire.ts";

/**
 * Makes the registrar, for the exporting key pair: CloudStack shows a template's link, and why a download failed, to administrators only.
 * `registerTemplate` is synchronous and answers before anything is fetched; the same name
 * twice makes two templates, so nothing is sent twice here. Source: recording 15; facts/cloudstack §5.4.
 */
export function createTemplateRegistrar(o: CloudStackOptions): TemplateRegistrar {
  const api = createApi(o);
  const fence = createFence(api, 0);
  return {
    registerTemplate: async (t) => {
      const place = await fence.within(t.domainId);
      return place.ok ? register(api, t) : place;
    },
    findTemplate: async (id) => {
      const rows = await list(api, { id });
      if (!rows.ok) return isUnknownId(rows.error) ? ok(null) : rows;
      return ok(rows.value.find((t) => t.id === id) ?? null);
    },
    readInstallation: async () => {
      const zones = await readNamed(api, { command: "listZones", rows: "zone", row: ZoneRow, name: (z) => z.name });
      if (!zones.ok) return zones;
      const osTypes = await readNamed(api, { command: "listOsTypes", rows: "ostype", row: OsTypeRow, name: (t) => t.description });
      return osTypes.ok ? ok({ zones: zones.value, osTypes: osTypes.value }) : osTypes;
    },
    listTemplates: (domainId: DomainId) => list(api, { domainid: domainId, isrecursive: "true" }),
  };
}

async function register(api: CloudStackApi, t: NewTemplate): Promise<Result<string, Failure>> {
  const command = "registerTemplate";
  const sent = await api.change(command, paramsOf(t));
  if (!sent.ok) return sent;
  const registered = fit(Registered, sent.value);
  const id = registered.ok ? ResourceId.safeParse(registered.value.template[0]?.id) : null;
  if (id?.success === true) return ok(id.data);
  const what = registered.ok ? "the template's id is no UUID" : registered.what;
  return err(unknownShape(what, command, "change"));
}

/** Facts of the archive → parameters with the same value. Source: recording 15. */
const FLAGS: Readonly<Record<string, string>> = {
  isExtractable: "isextractable",
  isPublic: "ispublic",
  isFeatured: "isfeatured",
  passwordEnabled: "passwordenabled",
  requiresHvm: "requireshvm",
  sshKeyEnabled: "sshkeyenabled",
  isDynamicallyScalable: "isdynamicallyscalable",
  deployAsIs: "deployasis",
};
/** Flags that are sent only when set: false is CloudStack's default, and some may be sent by root administrators only. */
const ONLY_SET = new Set(["isFeatured", "sshKeyEnabled", "isDynamicallyScalable", "deployAsIs"]);

function paramsOf(t: NewTemplate): Params {
  const { item } = t;
  return {
    name: item.name,
    displaytext: textFact(item, "displayText") ?? item.name,
    format: textFact(item, "format") ?? "",
    hypervisor: textFact(item, "hypervisor") ?? "",
    ...optional("ostypeid", textFact(item, "osTypeId")),
    ...optional("zoneid", item.zoneId),
    ...optional("arch", textFact(item, "arch")),
    account: t.account,
    domainid: t.domainId,
    ...flagsOf(item),
    ...detailParams(item),
    checksum: `{SHA-256}${t.sha256}`,
    url: t.link,
  };
}

function flagsOf(item: InventoryItem): Params {
  const set = Object.entries(FLAGS).flatMap(([fact, param]) => {
    const value = item.facts[fact];
    return typeof value !== "boolean" || (ONLY_SET.has(fact) && !value) ? [] : [[param, String(value)] as const];
  });
  // Left out, CloudStack may take a template for a public one (facts/cloudstack §5.4).
  return { ispublic: "false", ...Object.fromEntries(set) };
}

function detailParams(item: InventoryItem): Params {
  const details = Object.entries(item.facts).filter(([name, value]) => name.startsWith("details.") && typeof value === "string");
  return Object.fromEntries(details.map(([name, value]) => [`details[0].${name.slice("details.".length)}`, String(value)]));
}

function textFact(item: InventoryItem, name: string): string | null {
  const value = item.facts[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function optional(name: string, value: string | null): Params {
  return value === null ? {} : { [name]: value };
}

async function list(api: CloudStackApi, filter: Params): Promise<Result<readonly RegisteredTemplate[], Failure>> {
  const query = {
    ...listOf("listTemplates", "template", RegisteredRow, { templatefilter: "self", listall: "true", ...filter }),
    keyOf: (row: RegisteredRow) => `${row.id} ${row.zoneid ?? ""}`,
  };
  const rows = await readList(api, query);
  return rows.ok ? ok(rows.value.map(registeredOf)) : rows;
}

/** Reads a list of the installation. Null: the key may not ask for it, or the server does not know it. */
async function readNamed<T extends { readonly id: string }>(
  api: CloudStackApi,
  o: Pick<ListQuery<T>, "command" | "rows" | "row"> & { readonly name: (row: T) => string },
): Promise<Result<readonly Named[] | null, Failure>> {
  const rows = await readList(api, listOf(o.command, o.rows, o.row));
  if (!rows.ok) return [401, 432].includes(statusOf(rows.error) ?? 0) ? ok(null) : rows;
  return ok(rows.value.map((row) => ({ id: row.id.toLowerCase(), name: o.name(row) })));
}

/** States in which a download has ended without success. Source: CloudStack's VMTemplateStorageResourceAssoc.Status. */
const DEAD_STATES = new Set(["DOWNLOAD_ERROR", "ABANDONED", "LIMIT_REACHED"]);

function registeredOf(row: RegisteredRow): RegisteredTemplate {
  const isReady = row.isready === true;
  const states = (row.downloaddetails ?? []).map((d) => d.downloadState ?? "");
  return {
    id: row.id,
    name: row.name,
    domainId: row.domainid.toLowerCase(),
    account: row.account ?? null,
    madeFor: /\/restores\/([0-9a-f-]{36})\//.exec(row.url ?? "")?.[1] ?? null,
    showsLink: row.url !== undefined,
    checksum: row.checksum?.toLowerCase() ?? null,
    isReady,
    hasFailed: !isReady && states.some((state) => DEAD_STATES.has(state)),
    status: plain(row.status ?? (isReady ? "ready" : "not ready")),
    bytes: row.physicalsize ?? null,
  };
}
