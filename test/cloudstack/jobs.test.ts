/** A job of CloudStack's is followed to an end that is known, or said not to be; shown with a scripted server. */
import { describe, expect, test } from "vitest";
import type { Answer } from "../../src/cloudstack/api/answer.ts";
import { classify, type Trouble } from "../../src/cloudstack/api/classify.ts";
import type { CloudStackApi } from "../../src/cloudstack/api/http.ts";
import { readJob, runJob } from "../../src/cloudstack/api/jobs.ts";
import { settingsOf } from "../../src/cloudstack/api/options.ts";
import type { Instant, JobId } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { optionsFor } from "./support.ts";

const ID = "11111111-1111-4111-8111-111111111111" as JobId;
type Say = Answer | Trouble;

/** Answers the command with the first of `sent`, then each look with the next of `looks`; the last one stays. */
function scripted(sent: Say, looks: readonly Say[]) {
  let at = 0;
  let clock = 0;
  const said: string[] = [];
  const now = (): Instant => clock as Instant;
  const settings = settingsOf(
    optionsFor({ url: "http://127.0.0.1:1/" }, { now, sleep: (ms) => Promise.resolve(void (clock += ms)), jobTimeoutMs: 60_000 }),
  );
  const api: CloudStackApi = {
    settings,
    asking: () => api,
    change: (command, params) => {
      said.push(`${command} ${params["customjobid"] ?? "no job id"}`);
      return Promise.resolve(isTrouble(sent) ? err(classify(sent, { command, effect: "change", page: null })) : ok(sent));
    },
    read: (command) => {
      const look = looks[Math.min(at, looks.length - 1)] ?? {};
      at += 1;
      said.push("look");
      return Promise.resolve(isTrouble(look) ? err(classify(look, { command, effect: "read", page: null })) : ok(look));
    },
  };
  return { run: () => runJob(api, "deleteThing", {}, ID), api, said, waited: () => clock };
}

function isTrouble(say: Say): say is Trouble {
  return "kind" in say;
}

const started = { jobid: ID };
const running = { jobstatus: 0, jobresultcode: 0 };
const done = { jobstatus: 1, jobresult: { success: true } };
const failed = { jobstatus: 2, jobresultcode: 530, jobresult: { errorcode: 530, errortext: "Please make sure …" } };
const cutOff = { jobstatus: 2, jobresultcode: 530, jobresult: "job cancelled because of management server restart or shutdown" };
const unknown: Trouble = {
  kind: "refused",
  status: 431,
  csStatus: 9999,
  text: "Invalid parameter jobid value=1 due to incorrect long value format, or entity does not exist",
};
const lost: Trouble = { kind: "lost", code: "ECONNRESET" };
const down: Trouble = { kind: "no_connection", code: "ECONNREFUSED" };
const exists: Trouble = { kind: "refused", status: 530, csStatus: 9999, text: "Entity already exists " };

describe("a job's end", () => {
  test.for([
    ["succeeds", started, [running, running, done], { ok: true }],
    ["fails: CloudStack's own reason", started, [running, failed], { ok: false, error: { kind: "rejected", code: "cloudstack.internal" } }],
    [
      "is cut off by a restart: half may be done",
      started,
      [running, cutOff],
      { ok: false, error: { kind: "indeterminate", code: "cloudstack.job_cut_off" } },
    ],
    ["vanishes", started, [running, unknown], { ok: false, error: { kind: "indeterminate", code: "cloudstack.job_vanished" } }],
    ["is out of sight for a while", started, [down, down, done], { ok: true }],
    ["stays out of sight", started, [down], { ok: false, error: { kind: "indeterminate", code: "cloudstack.job_unseen" } }],
    [
      "may not be looked at",
      started,
      [{ kind: "refused", status: 531, csStatus: null, text: "" } as const],
      { ok: false, error: { kind: "indeterminate" } },
    ],
    ["never comes", started, [running], { ok: false, error: { kind: "indeterminate", code: "cloudstack.job_too_long" } }],
    ["is in an unknown shape", started, [{ jobstatus: "1" }], { ok: false, error: { kind: "indeterminate" } }],
    [
      "was refused before it began",
      { kind: "refused", status: 431, csStatus: null, text: "" } as const,
      [done],
      { ok: false, error: { kind: "rejected" } },
    ],
    [
      "began without a job id",
      { success: true },
      [done],
      { ok: false, error: { kind: "indeterminate", code: "cloudstack.unknown_shape" } },
    ],
  ] as const)("%s", async ([, sent, looks, expected]) => {
    expect(await scripted(sent as Say, looks as readonly Say[]).run()).toMatchObject(expected);
  });

  test("the wait grows but is bounded", async () => {
    const script = scripted(started, [running]);
    await script.run();
    expect(script.waited()).toBeGreaterThan(60_000);
    expect(script.waited()).toBeLessThan(70_000);
    expect(script.said.length).toBeLessThan(30);
  });
});

describe("a command that may have been sent before", () => {
  test.for([
    ["a lost answer, and the job is there", lost, [running, done], { ok: true }],
    [
      "a lost answer, and no job of that id",
      lost,
      [unknown],
      { ok: false, error: { kind: "indeterminate", code: "cloudstack.lost_answer" } },
    ],
    ["the id was used before, and that job is done", exists, [done], { ok: true }],
    ["the id was used before, and that job failed", exists, [failed], { ok: false, error: { kind: "rejected" } }],
    ["another 530", exists, [unknown], { ok: false, error: { kind: "rejected", code: "cloudstack.internal" } }],
    ["never sent", down, [done], { ok: false, error: { kind: "unavailable", code: "cloudstack.unreachable" } }],
  ] as const)("%s", async ([, sent, looks, expected]) => {
    const script = scripted(sent, looks);
    expect(await script.run()).toMatchObject(expected);
    expect(
      script.said.filter((line) => line !== "look"),
      "it is never sent twice",
    ).toEqual([`deleteThing ${ID}`]);
  });
});

test("a look at a job tells the states apart", async () => {
  const look = async (say: Say): Promise<unknown> => {
    const result = await readJob(scripted(started, [say]).api, ID);
    return result.ok ? result.value.state : result.error.kind;
  };
  expect(await look(running)).toBe("running");
  expect(await look(done)).toBe("succeeded");
  expect(await look(failed)).toBe("failed");
  expect(await look(cutOff)).toBe("cut_off");
  expect(await look(unknown)).toBe("unknown");
  expect(await look(down)).toBe("unavailable");
});
