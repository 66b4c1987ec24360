import type { Reply } from "./api-client.ts";
import type { Exchange } from "./recordings.ts";
import { differences, isObject } from "./same-shape.ts";

/** Every difference between a recorded answer and ours, none where both say the same. */
export function compare(exchange: Exchange, reply: Reply): string[] {
  if (reply.status !== exchange.status) return [`status ${reply.status} instead of ${exchange.status}: ${reply.text.slice(0, 300)}`];
  if (exchange.text !== undefined) return reply.body === undefined && reply.text.includes("\\A") ? [] : ["the answer is valid JSON"];
  if (exchange.command === "listEvents") return eventDifferences(exchange.body, reply.body);
  if (exchange.command === "listApis") return apiDifferences(exchange.body, reply.body);
  return differences(exchange.body, reply.body);
}

/** Events of things that the emulator does not have (firewall rules, VPN) or does without an event of its own. */
const NO_EVENT = /^(FIREWALL|VPN|ZONE)\.|^VOLUME\.(DESTROY|DELETE)$/;

/** The recorded log came in no order; so: the same fields in every row, and every recorded kind of line somewhere in ours. */
function eventDifferences(recorded: unknown, ours: unknown): string[] {
  const [theirRows, ourRows] = [rowsOf(recorded, "event"), rowsOf(ours, "event")];
  const optional = new Set(["resourceid", "resourcename", "parentid"]);
  const required = [...new Set(theirRows.flatMap((row) => Object.keys(row)))].filter((name) => !optional.has(name)).sort();
  const found = ourRows.flatMap((row) => {
    const names = Object.keys(row)
      .filter((name) => !optional.has(name))
      .sort();
    const texts = Object.values(row).every((value) => typeof value === "string");
    return names.join() === required.join() && texts ? [] : [`event fields ${names.join()} instead of ${required.join()}`];
  });
  const kind = (row: Record<string, unknown>): string => `${String(row["type"])} ${String(row["state"])} ${String(row["level"])}`;
  const ourKinds = new Set(ourRows.map(kind));
  const missing = theirRows.filter((row) => !NO_EVENT.test(String(row["type"])) && !ourKinds.has(kind(row)));
  return [...found, ...new Set(missing.map((row) => `no event ${kind(row)}`))];
}

/** The emulator lists fewer parameters and no response fields: what it lists must be as recorded. */
function apiDifferences(recorded: unknown, ours: unknown): string[] {
  const [theirs, own] = [rowsOf(recorded, "api"), rowsOf(ours, "api")];
  if (theirs.length === 0 || own.length !== theirs.length) {
    return theirs.length === own.length ? differences(recorded, ours) : [`${own.length} commands instead of ${theirs.length}`];
  }
  return theirs.flatMap((api) => {
    const same = own.find((one) => one["name"] === api["name"]);
    return same === undefined ? [`no ${String(api["name"])}`] : parameterDifferences(api, same);
  });
}

function parameterDifferences(theirs: Record<string, unknown>, own: Record<string, unknown>): string[] {
  const known = new Map((theirs["params"] as { name: string; required: boolean }[]).map((p) => [p.name, p.required]));
  const wrong = (own["params"] as { name: string; required: boolean }[]).filter((p) => known.get(p.name) !== p.required);
  const found = wrong.map((p) => `parameter ${p.name}: required ${p.required} instead of ${String(known.get(p.name))}`);
  return own["isasync"] === theirs["isasync"] ? found : [...found, "another kind"];
}

function rowsOf(body: unknown, key: string): readonly Record<string, unknown>[] {
  const inner = isObject(body) ? Object.values(body)[0] : undefined;
  const rows = isObject(inner) ? inner[key] : undefined;
  return Array.isArray(rows) ? rows.filter(isObject) : [];
}
