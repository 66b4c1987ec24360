import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type CloudStackFault } from "../../../emulators/cloudstack/server.ts";
import { callApi, type Reply } from "./api-client.ts";
import { isObject } from "./same-shape.ts";

describe("a switched-on fault", () => {
  let emulator: CloudStackEmulator;
  let now = Date.parse("2026-11-23T11:00:00Z");

  beforeEach(async () => {
    emulator = await startCloudStackEmulator({ now: () => now });
    for (let i = 0; i < 5; i += 1) emulator.addDomain({ name: `ci-${i}` });
  });
  afterEach(() => emulator.close());

  const call = (command: string, params: Record<string, string> = {}): Promise<Reply> =>
    callApi(emulator.url, emulator.admin, now, command, params);
  const list = (): Promise<Reply> => call("listDomains", { listall: "true", page: "1", pagesize: "3" });
  const names = (): string[] => emulator.tree().children.map((domain) => domain.name);

  test.each<CloudStackFault>([{ kind: "unreachable" }, { kind: "lost_before" }, { kind: "lost_after" }, { kind: "cut" }])(
    "$kind leaves the client without a whole answer",
    async (fault) => {
      emulator.setFaults([fault]);
      await expect(list()).rejects.toThrow();
      emulator.setFaults([]);
      expect((await list()).status).toBe(200);
    },
  );

  test("lost_before has no effect, lost_after has one", async () => {
    emulator.setFaults([{ kind: "lost_before", command: "createDomain", times: 1 }]);
    await expect(call("createDomain", { name: "before" })).rejects.toThrow();
    expect(names()).not.toContain("before");
    emulator.setFaults([{ kind: "lost_after", command: "createDomain", times: 1 }]);
    await expect(call("createDomain", { name: "after" })).rejects.toThrow();
    expect(names()).toContain("after");
  });

  test.each([401, 429, 500, 503, 530])("status %i is answered without any effect", async (status) => {
    emulator.setFaults([{ kind: "status", status }]);
    const reply = await call("createDomain", { name: "refused" });
    expect(reply.status).toBe(status);
    expect(reply.body?.["createdomainresponse"]).toMatchObject({ errorcode: status });
    expect(names()).not.toContain("refused");
  });

  test("html is a proxy's page", async () => {
    emulator.setFaults([{ kind: "html" }]);
    const reply = await list();
    expect(reply).toMatchObject({ status: 502, body: undefined });
    expect(reply.text).toContain("<html>");
  });

  test("invalid_json is a whole answer that cannot be parsed", async () => {
    emulator.setFaults([{ kind: "invalid_json", page: 1 }]);
    expect(await list()).toMatchObject({ status: 200, body: undefined });
    expect((await call("listDomains", { listall: "true", page: "2", pagesize: "3" })).body).toBeDefined();
  });

  test("short_page holds one row fewer than it should, count_drift one more in count", async () => {
    const shape = async (): Promise<[unknown, number]> => {
      const inner = (await list()).body?.["listdomainsresponse"];
      return isObject(inner) && Array.isArray(inner["domain"]) ? [inner["count"], inner["domain"].length] : [undefined, -1];
    };
    expect(await shape()).toEqual([6, 3]);
    emulator.setFaults([{ kind: "short_page" }]);
    expect(await shape()).toEqual([6, 2]);
    emulator.setFaults([{ kind: "count_drift" }]);
    expect(await shape()).toEqual([7, 3]);
  });

  test("lost_job forgets the id of a job that runs all the same", async () => {
    const id = emulator.addDomain({ name: "goes" });
    emulator.setFaults([{ kind: "lost_job", command: "deleteDomain" }]);
    const started = (await call("deleteDomain", { id })).body?.["deletedomainresponse"];
    now += 1_000;
    const jobid = isObject(started) ? String(started["jobid"]) : "";
    expect((await call("queryAsyncJobResult", { jobid })).status).toBe(431);
    expect(names()).not.toContain("goes");
  });

  test("job_cancelled ends a job without its effect and with a plain text for a result; the domain stays Inactive", async () => {
    const id = emulator.addDomain({ name: "half" });
    emulator.setFaults([{ kind: "job_cancelled", command: "deleteDomain" }]);
    const started = (await call("deleteDomain", { id })).body?.["deletedomainresponse"];
    now += 100;
    const reply = await call("queryAsyncJobResult", { jobid: isObject(started) ? String(started["jobid"]) : "" });
    const job = reply.body?.["queryasyncjobresultresponse"];
    expect(job).toMatchObject({ jobstatus: 2 });
    expect(isObject(job) ? typeof job["jobresult"] : "").toBe("string");
    expect((await call("listDomains", { id })).body?.["listdomainsresponse"]).toEqual({});
    expect(emulator.tree().children.find((domain) => domain.id === id)?.state).toBe("Inactive");
  });

  test("delay answers later", async () => {
    emulator.setFaults([{ kind: "delay", ms: 120 }]);
    const started = performance.now();
    expect((await list()).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(100);
  });

  test("stuck_machines makes a stop fail as a job", async () => {
    const { accountId } = emulator.addAccount({ domain: emulator.addDomain({ name: "full" }), name: "owner" });
    const id = emulator.addMachine({ account: accountId, name: "m" });
    emulator.setFaults([{ kind: "stuck_machines" }]);
    const started = (await call("stopVirtualMachine", { id })).body?.["stopvirtualmachineresponse"];
    now += 1_000;
    const reply = await call("queryAsyncJobResult", { jobid: isObject(started) ? String(started["jobid"]) : "" });
    expect(reply.body?.["queryasyncjobresultresponse"]).toMatchObject({ jobstatus: 2, jobresultcode: 530 });
  });

  test("strikes after some calls, so many times, on one command only", async () => {
    emulator.setFaults([{ kind: "status", status: 503, command: "listdomains", afterCalls: 1, times: 2 }]);
    const statuses = [];
    for (let i = 0; i < 5; i += 1) {
      statuses.push((await list()).status);
      expect((await call("listAccounts")).status).toBe(200);
    }
    expect(statuses).toEqual([200, 503, 503, 200, 200]);
  });

  test("is set over HTTP too, and nonsense is refused", async () => {
    const control = emulator.url.replace("/client/api", "/emulator/faults");
    const post = (body: string): Promise<Response> => fetch(control, { method: "POST", body });
    expect((await post('[{"kind":"status","status":503}]')).status).toBe(200);
    expect((await list()).status).toBe(503);
    expect((await post('[{"kind":"gremlin"}]')).status).toBe(400);
    expect((await post('[{"kind":"status","status":"503"}]')).status).toBe(400);
    expect((await post("[]")).status).toBe(200);
    expect((await list()).status).toBe(200);
  });
});
