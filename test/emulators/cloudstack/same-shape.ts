/** Fields whose values must be the same, not only their types. */
const EXACT = new Set([
  "state",
  "jobstatus",
  "jobresultcode",
  "errorcode",
  "errortext",
  "cserrorcode",
  "success",
  "level",
  "path",
  "name",
  "count",
  "isready",
  "status",
  "resourcetypename",
  "max",
  "permission",
  "rule",
  "cmd",
  "jobinstancetype",
  "jobresulttype",
  "format",
  "vmstate",
  "volumestate",
  "accounttype",
  "rolename",
  "deleteprotection",
  "extractMode",
  "isextractable",
]);

/** Measurements that are in an answer only when the server's collector has just run, and keys, which the later recordings leave out. */
const PASSING = new Set([
  "cpuused",
  "networkkbsread",
  "networkkbswrite",
  "diskkbsread",
  "diskkbswrite",
  "diskioread",
  "diskiowrite",
  "memorykbs",
  "memoryintfreekbs",
  "memorytargetkbs",
  "receivedbytes",
  "sentbytes",
  "apikey",
]);

/** Every difference between a recorded answer and ours: missing and additional fields, other types, other values of exact fields. */
export function differences(recorded: unknown, ours: unknown, at = ""): string[] {
  if (Array.isArray(recorded) && Array.isArray(ours)) return listDifferences(recorded, ours, at);
  if (isObject(recorded) && isObject(ours)) {
    const names = [...new Set([...Object.keys(recorded), ...Object.keys(ours)])];
    return names
      .filter((name) => !PASSING.has(name) || (name in recorded && name in ours))
      .flatMap((name) => {
        const where = at === "" ? name : `${at}.${name}`;
        if (!(name in recorded)) return [`${where}: not in the recording`];
        if (!(name in ours)) return [`${where}: missing`];
        return differences(recorded[name], ours[name], where);
      });
  }
  if (kindOf(recorded) !== kindOf(ours)) return [`${at}: ${kindOf(ours)} instead of ${kindOf(recorded)}`];
  const field = at.slice(at.lastIndexOf(".") + 1);
  if ((EXACT.has(field) || COUNTED.test(at)) && withoutNumbers(at, recorded) !== withoutNumbers(at, ours))
    return [`${at}: ${String(ours)} instead of ${String(recorded)}`];
  return [];
}

function listDifferences(recorded: readonly unknown[], ours: readonly unknown[], at: string): string[] {
  if (recorded.length !== ours.length) return [`${at}: ${ours.length} rows instead of ${recorded.length}`];
  const byName = namesOf(recorded) === undefined ? undefined : namesOf(ours);
  return recorded.flatMap((row, i) => differences(row, byName?.get(nameOf(row) ?? "") ?? ours[i], at));
}

/** Rows by name where every row has a name of its own: the real server gives some lists in no order. */
function namesOf(rows: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const names = new Map(rows.map((row) => [nameOf(row) ?? "", row]));
  return names.size === rows.length && !names.has("") ? names : undefined;
}

function nameOf(row: unknown): string | undefined {
  const name = isObject(row) ? row["name"] : undefined;
  return typeof name === "string" ? name : undefined;
}

/** What CloudStack counts of an account, where it does not depend on sizes of disks. */
const COUNTED = /\.account\.((vm|ip|volume|snapshot|template|project|network|vpc|cpu|memory)total|vm(running|stopped))$/;
const UUIDS = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** A template's internal name, which is worked out from its number. */
const UNIQUE = /"uniqueName":"[^"]*",/g;

/** Names that the server makes hold internal numbers and times; paths of disks are made up. */
function withoutNumbers(at: string, value: unknown): unknown {
  if (/volume\.path$/.test(at)) return "a path";
  if (/errortext$/.test(at) && typeof value === "string") return value.replace(UNIQUE, "").replace(UUIDS, "#").replace(/\d+/g, "#");
  if (/snapshot\.name$/.test(at) && typeof value === "string") return value.replace(/\d+/g, "#");
  return typeof value === "string" && /(^|[_ ])(ROOT-\d+|r-\d+-VM|i-\d+-\d+-VM)/.test(value) ? value.replace(/\d+/g, "#") : value;
}

/** Learns which of our values stand for which recorded ones: ids at the same places; what is known already stays. */
export function learnIds(recorded: unknown, ours: unknown, known: Map<string, string>): void {
  if (typeof recorded === "string" && typeof ours === "string") {
    const isId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(recorded);
    if (isId && !known.has(recorded)) known.set(recorded, ours);
  } else if (Array.isArray(recorded) && Array.isArray(ours)) {
    for (const [i, row] of recorded.entries()) if (i < ours.length) learnIds(row, ours[i], known);
  } else if (isObject(recorded) && isObject(ours)) {
    for (const [name, value] of Object.entries(recorded)) learnIds(value, ours[name], known);
  }
}

/** Whether something is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}
