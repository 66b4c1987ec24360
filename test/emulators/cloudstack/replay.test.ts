import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../../emulators/cloudstack/server.ts";
import { callApi, type Deviation, type Reply } from "./api-client.ts";
import { readScenario, SCENARIOS, type Exchange } from "./recordings.ts";
import { compare } from "./compare-answers.ts";
import { isObject, learnIds } from "./same-shape.ts";

const JOB_MS = 50;
const EXPUNGE_MS = 20_000;

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
