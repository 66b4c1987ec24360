import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../../emulators/cloudstack/server.ts";
import { callApi, type Deviation, type Reply } from "./api-client.ts";
import { readScenario, SCENARIOS, type Exchange } from "./recordings.ts";
import { differences, isObject, learnIds } from "./same-shape.ts";

const JOB_MS = 50;
const EXPUNGE_MS = 20_000;

/** Recorded commands that the emulator does not know, with the reason. They must be answered as unknown. */
const LEFT_OUT: Readonly<Record<string, string>> = {};

/** Ids of the recorded installation that no recorded answer gives before they are used. */
const RECORDED = {
  zone: "bf64d8f3-1d94-4ac8-9589-591a55bcdd1e",
  serviceOffering: "f047dcc7-5805-4ba3-adbb-d980bace01b6",
  networkOffering: "5c58c048-5da7-4c91-87fa-d79a3dbdfb69",
  diskOffering: "5a1764dd-10cb-4597-93c3-c8e39dd26e1b",
  osType: "78dbcc32-e722-11f1-8aaa-02fc00000001",
  builtinTemplate: "7fcad960-e722-11f1-8aaa-02fc00000001",
  rootDomain: "78de8e6b-e722-11f1-8aaa-02fc00000001",
  userRole: "7a5c96f0-e722-11f1-8aaa-02fc00000001",
} as const;

describe("the emulator answers as the recorded server does", () => {
  let emulator: CloudStackEmulator;
  let now = Date.parse("2026-11-23T11:00:00Z");
  const known = new Map<string, string>();
  const keysOf = new Map<string, Keys>();

  beforeAll(async () => {
    emulator = await startCloudStackEmulator({
      now: () => now,
      jobMs: JOB_MS,
      expungeDelayMs: EXPUNGE_MS,
      expungeIntervalMs: EXPUNGE_MS,
      accountCleanupIntervalMs: 3_600_000,
    });
    for (const [name, id] of Object.entries(RECORDED)) known.set(id, emulator.ids[name as keyof typeof RECORDED]);
  });

  afterAll(() => emulator.close());

  for (const scenario of SCENARIOS) {
    test(`scenario ${scenario} is answered with the same statuses, wrappers, codes, fields and types`, async () => {
      const found: string[] = [];
      for (const [i, exchange] of readScenario(scenario).entries()) {
        await passTime(exchange);
        const reply = await replay(exchange, i);
        const lines = compare(exchange, reply);
        if (exchange.body !== undefined && reply.body !== undefined) learnIds(exchange.body, reply.body, known);
        found.push(...lines.map((line) => `#${i} ${exchange.command}${exchange.note === undefined ? "" : ` (${exchange.note})`}: ${line}`));
      }
      expect(found).toEqual([]);
    });
  }

  async function replay(exchange: Exchange, index: number): Promise<Reply> {
    if (exchange.scenario === "14-failing-cleanup") emulator.setFaults(index >= 11 && index < 13 ? [{ kind: "stuck_machines" }] : []);
    if (exchange.command === "queryAsyncJobResult") await startUnrecordedJob(exchange);
    return callApi(emulator.url, keysFor(exchange, index), now, exchange.command, translate(exchange.params), deviationOf(exchange));
  }

  /** Scenario 10 shows jobs whose start was not recorded: the same deletion, asked for again and again. */
  async function startUnrecordedJob(exchange: Exchange): Promise<void> {
    const jobId = exchange.params["jobid"] ?? "";
    if (exchange.scenario !== "10-inactive-while-deleting" || known.has(jobId)) return;
    const id = known.get("2904c5d9-bad8-48cb-ab07-c6c4eed4c9c3") ?? "";
    const reply = await callApi(emulator.url, emulator.admin, now, "deleteDomain", { id, cleanup: "false" });
    const started = reply.body?.["deletedomainresponse"];
    if (isObject(started)) known.set(jobId, String(started["jobid"]));
    now += JOB_MS + 10;
  }

  function translate(params: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, known.get(value) ?? value]));
  }

  /** Time passes between exchanges, except where the recording looked at a job that was still running. */
  async function passTime(exchange: Exchange): Promise<void> {
    if (/after the expunge delay|its machine is expunged/.test(exchange.note ?? "")) now += 2 * EXPUNGE_MS + 1_000;
    else if (!whileJobRuns(exchange)) now += JOB_MS + 10;
  }

  function keysFor(exchange: Exchange, index: number): Keys {
    if (exchange.scenario !== "08-roles") return emulator.admin;
    const account = ROLE_CALLERS.find(([first, last]) => index >= first && index <= last)?.[2];
    if (account === undefined) return emulator.admin;
    const keys = keysOf.get(account) ?? emulator.registerKeys(known.get(account) ?? "");
    keysOf.set(account, keys);
    return keys;
  }
});

/** Which exchanges of scenario 08 were made with the keys of which account: the reader's, then the loose role's. */
const ROLE_CALLERS: readonly (readonly [first: number, last: number, account: string])[] = [
  [12, 18, "cf43c773-3ecc-4604-a44e-8d7a24da84bd"],
  [23, 23, "05fa00d4-7093-4e38-b9b2-0467518490d0"],
  [26, 26, "cf43c773-3ecc-4604-a44e-8d7a24da84bd"],
];

function whileJobRuns(exchange: Exchange): boolean {
  const body: unknown = Object.values(exchange.body ?? {})[0];
  if (exchange.command === "queryAsyncJobResult") return isObject(body) && body["jobstatus"] === 0;
  if (exchange.scenario === "05-contents" && exchange.command === "listTags") return true;
  if (exchange.scenario === "15-register-template" && exchange.command === "listTemplates") {
    return JSON.stringify(body).includes('"jobstatus":0');
  }
  return /top listed False/.test(exchange.note ?? "");
}

function deviationOf(exchange: Exchange): Deviation {
  const note = exchange.note ?? "";
  if (note === "no key at all") return { unsigned: true };
  if (note === "a signature that is not right") return { wrongSignature: true };
  if (note === "a key nobody has") return { unknownKey: true };
  if (note === "expires lies in the past") return { expires: "2020-01-01T00:00:00+0000" };
  if (note === "the same as GET") return { get: true };
  return {};
}

function compare(exchange: Exchange, reply: Reply): string[] {
  if (LEFT_OUT[exchange.command] !== undefined) return reply.status === 401 && reply.body?.["errorresponse"] !== undefined ? [] : ["known"];
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
  const [theirs, own] = [rowsOf(recorded, "api")[0], rowsOf(ours, "api")[0]];
  if (theirs === undefined || own === undefined) return theirs === own ? differences(recorded, ours) : ["no such command"];
  const known = new Map((theirs["params"] as { name: string; required: boolean }[]).map((p) => [p.name, p.required]));
  const wrong = (own["params"] as { name: string; required: boolean }[]).filter((p) => known.get(p.name) !== p.required);
  const found = wrong.map((p) => `parameter ${p.name}: required ${p.required} instead of ${String(known.get(p.name))}`);
  return own["isasync"] === theirs["isasync"] && own["name"] === theirs["name"] ? found : [...found, "another name or kind"];
}

function rowsOf(body: unknown, key: string): readonly Record<string, unknown>[] {
  const inner = isObject(body) ? Object.values(body)[0] : undefined;
  const rows = isObject(inner) ? inner[key] : undefined;
  return Array.isArray(rows) ? rows.filter(isObject) : [];
}
