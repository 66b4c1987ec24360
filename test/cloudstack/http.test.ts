/** What can happen between the bot and a server, on real sockets: each is a classified failure, in bounded time, without a secret in it. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { createApi, type CloudStackApi } from "../../src/cloudstack/api/http.ts";
import type { CloudStackOptions } from "../../src/cloudstack/api/options.ts";
import { failure } from "../../src/core/failure.ts";
import { err } from "../../src/core/result.ts";
import { optionsFor, SECRET, sendJson, startToldServer, type ToldServer } from "./support.ts";

let server: ToldServer;
let options: ReturnType<typeof optionsFor>;
afterEach(() => server.close());

async function start(answer: Parameters<typeof startToldServer>[0], more: Partial<CloudStackOptions> = {}): Promise<CloudStackApi> {
  server = await startToldServer(answer);
  options = optionsFor(server, more);
  return createApi(options);
}

const html = (response: ServerResponse, status: number): void => {
  response.writeHead(status, { "content-type": "text/html" }).end("<html><body>Bad Gateway</body></html>");
};
const refusal =
  (status: number) =>
  (_: URLSearchParams, response: ServerResponse): void =>
    sendJson(response, status, { errorresponse: { uuidList: [], errorcode: status, errortext: "no" } });

type Case = readonly [
  what: string,
  answer: (form: URLSearchParams, response: ServerResponse) => void,
  onRead: string,
  onChange: string,
  code: string,
];

describe("answers that are none", () => {
  test.for<Case>([
    ["HTML from a proxy, 502", (_: URLSearchParams, r: ServerResponse) => html(r, 502), "unavailable", "indeterminate", "not_cloudstack"],
    ["HTML with status 200", (_: URLSearchParams, r: ServerResponse) => html(r, 200), "contract_broken", "indeterminate", "not_cloudstack"],
    ["an empty 200", (_: URLSearchParams, r: ServerResponse) => void r.end(), "contract_broken", "indeterminate", "not_cloudstack"],
    ["404", (_: URLSearchParams, r: ServerResponse) => html(r, 404), "contract_broken", "indeterminate", "not_cloudstack"],
    [
      "a redirect",
      (_: URLSearchParams, r: ServerResponse) => void r.writeHead(302, { location: "/elsewhere" }).end(),
      "contract_broken",
      "indeterminate",
      "not_cloudstack",
    ],
    ["401", refusal(401), "rejected", "rejected", "credentials"],
    ["429", refusal(429), "unavailable", "unavailable", "throttled"],
    ["432", refusal(432), "rejected", "rejected", "not_allowed"],
    ["503", refusal(503), "unavailable", "unavailable", "maintenance"],
    [
      "a connection that is cut at once",
      (_: URLSearchParams, r: ServerResponse) => void r.destroy(),
      "unavailable",
      "indeterminate",
      "lost_answer",
    ],
    [
      "a connection that is cut in the middle",
      (_: URLSearchParams, r: ServerResponse) => {
        r.writeHead(200, { "content-length": "500" }).write(`{"listdomainsresponse":{"count":1,`, () => r.destroy());
      },
      "unavailable",
      "indeterminate",
      "lost_answer",
    ],
    [
      "malformed JSON",
      (_: URLSearchParams, r: ServerResponse) => void r.end(String.raw`{"xresponse":{"name":"\A"}}`),
      "contract_broken",
      "indeterminate",
      "malformed_json",
    ],
    [
      "bytes that are no UTF-8",
      (_: URLSearchParams, r: ServerResponse) =>
        void r.end(Buffer.concat([Buffer.from(`{"xresponse":{"name":"`), Buffer.from([0xff]), Buffer.from(`"}}`)])),
      "contract_broken",
      "indeterminate",
      "malformed_json",
    ],
    [
      "two wrappers",
      (_: URLSearchParams, r: ServerResponse) => sendJson(r, 200, { aresponse: {}, bresponse: {} }),
      "contract_broken",
      "indeterminate",
      "unknown_shape",
    ],
    ["a list", (_: URLSearchParams, r: ServerResponse) => sendJson(r, 200, []), "contract_broken", "indeterminate", "unknown_shape"],
    ["an unknown status", refusal(599), "unavailable", "indeterminate", "unknown_error"],
  ])("%s", async ([, answer, onRead, onChange, code]) => {
    const api = await start(answer);
    expect(await api.read("listDomains", {}, 2)).toMatchObject({
      ok: false,
      error: { kind: onRead, code: `cloudstack.${code}`, details: { page: 2 } },
    });
    expect(await api.change("createDomain", {})).toMatchObject({ ok: false, error: { kind: onChange, code: `cloudstack.${code}` } });
    expect(
      server.forms.filter((form) => form.get("command") === "createDomain"),
      "a change is sent once",
    ).toHaveLength(1);
  });

  test("a server that does not answer is given up after the timeout", async () => {
    const api = await start(() => undefined, { timeoutMs: 40 });
    expect(await api.change("createDomain", {})).toMatchObject({ ok: false, error: { kind: "indeterminate", code: "cloudstack.timeout" } });
  });

  test("an answer that drips without end is given up after the timeout", async () => {
    const api = await start(
      (_, response) => {
        const drip = setInterval(() => response.write(" "), 5);
        response.once("close", () => clearInterval(drip));
      },
      { timeoutMs: 80 },
    );
    expect(await api.change("createDomain", {})).toMatchObject({ ok: false, error: { kind: "indeterminate", code: "cloudstack.timeout" } });
  });

  test("an answer without end is given up at the limit", async () => {
    const chunk = Buffer.alloc(1024 * 1024, 32);
    const api = await start(
      (_, response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write(chunk));
          if (!response.destroyed) response.once("drain", pour);
        };
        pour();
      },
      { timeoutMs: 60_000 },
    );
    expect(await api.change("createDomain", {})).toMatchObject({ ok: false, error: { code: "cloudstack.answer_too_large" } });
  });

  test("a server that is not there was never asked: even a change is only unavailable", async () => {
    const api = await start(() => undefined);
    await server.close();
    expect(await api.change("createDomain", {})).toMatchObject({
      ok: false,
      error: { kind: "unavailable", code: "cloudstack.unreachable" },
    });
  });

  test("a client that is told to stop stops, and sends nothing more", async () => {
    const stopping = new AbortController();
    const api = await start(() => stopping.abort(), { signal: stopping.signal });
    expect(await api.change("createDomain", {})).toMatchObject({ ok: false, error: { kind: "indeterminate", code: "cloudstack.aborted" } });
    expect(await api.read("listDomains", {})).toMatchObject({ ok: false, error: { code: "cloudstack.aborted" } });
    expect(server.forms).toHaveLength(1);
  });
});

describe("reads", () => {
  test("are asked again when the trouble passes", async () => {
    const api = await start((_, response) =>
      server.forms.length < 3 ? html(response, 503) : sendJson(response, 200, { listdomainsresponse: { count: 0 } }),
    );
    expect(await api.read("listDomains", {})).toEqual({ ok: true, value: { count: 0 } });
    expect(options.calls.map((call) => call.outcome)).toEqual(["cloudstack.not_cloudstack", "cloudstack.not_cloudstack", "ok"]);
  });

  test("are not asked again when CloudStack said no", async () => {
    const api = await start(refusal(401));
    await api.read("listDomains", {});
    expect(server.forms).toHaveLength(1);
  });

  test("share connections; a change gets one of its own", async () => {
    const ports: (number | undefined)[] = [];
    const api = await start((_, response, request) => {
      ports.push(request.socket.remotePort);
      sendJson(response, 200, { xresponse: {} });
    });
    await api.read("listDomains", {});
    await api.read("listDomains", {});
    await api.change("createDomain", {});
    await api.change("createDomain", {});
    expect(ports[1]).toBe(ports[0]);
    expect(new Set(ports).size).toBe(3);
  });
});

describe("the fence", () => {
  test("is asked before every call, and its no is final: nothing is sent", async () => {
    const asked: string[] = [];
    const stopped = failure("refused", "stop.pressed", "the bot was stopped by Ann");
    const api = await start(refusal(401), { beforeCall: (command) => (asked.push(command), Promise.resolve(err(stopped))) });
    expect(await api.read("listDomains", {})).toEqual(err(stopped));
    expect(await api.change("deleteDomain", {})).toEqual(err(stopped));
    expect(asked).toEqual(["listDomains", "deleteDomain"]);
    expect(server.forms).toEqual([]);
  });

  test("that breaks is a closed one", async () => {
    const api = await start(refusal(401), { beforeCall: () => Promise.reject(new Error("the database is gone")) });
    expect(await api.change("deleteDomain", {})).toMatchObject({
      ok: false,
      error: { kind: "unavailable", code: "cloudstack.fence_unasked" },
    });
    expect(server.forms).toEqual([]);
  });
});

describe("parameters", () => {
  test.for([
    ["id", "5"],
    ["domainid", "not-a-uuid"],
    ["domainid", ""],
    ["id", "6f1c9a1e-0000-4000-8000-000000000001 "],
    ["customjobid", "1"],
    ["jobid", "-1"],
    ["domainid", "-1"],
  ] as const)("%s=%j is no UUID and is not sent", async ([name, value]) => {
    const api = await start(refusal(401));
    expect(await api.change("deleteDomain", { [name]: value })).toMatchObject({
      ok: false,
      error: { kind: "refused", code: "cloudstack.not_a_uuid" },
    });
    expect(await api.read("listDomains", { [name]: value })).toMatchObject({ ok: false, error: { kind: "refused" } });
    expect(server.forms).toEqual([]);
  });

  test.for([String.raw`projekt \u0041`, "tab\there", "half \ud800 pair", "nul\0"])("the text %j is not written", async (name) => {
    const api = await start(refusal(401));
    expect(await api.change("createDomain", { name })).toMatchObject({
      ok: false,
      error: { kind: "refused", code: "cloudstack.unsendable_text" },
    });
    expect(server.forms).toEqual([]);
  });

  test("any project may be asked for", async () => {
    const api = await start((_, response) => sendJson(response, 200, { xresponse: {} }));
    expect((await api.read("listVolumes", { projectid: "-1" })).ok).toBe(true);
  });
});

test("no failure and no report of a call holds the secret or the key", async () => {
  const api = await start(
    (form, response) => sendJson(response, 431, { xresponse: { errorcode: 431, errortext: `bad http://x/y?${form.toString()}` } }),
    {
      apiKey: "k3y-k3y-k3y",
    },
  );
  const result = await api.change("createDomain", { name: "alpha" });
  const everything = JSON.stringify([result, options.calls]);
  expect(everything).not.toContain(SECRET);
  expect(everything).not.toContain("k3y-k3y-k3y");
  expect(server.forms[0]?.get("apikey")).toBe("k3y-k3y-k3y");
});
