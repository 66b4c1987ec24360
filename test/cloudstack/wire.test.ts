/** Every recorded answer of a list that we read fits its schema, and the fields that must be strict are. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openAnswer } from "../../src/cloudstack/api/answer.ts";
import * as wire from "../../src/cloudstack/api/wire.ts";

const FOLDER = path.join(import.meta.dirname, "..", "fixtures", "cloudstack-4.22");

interface Exchange {
  readonly scenario: string;
  readonly command: string;
  readonly status: number;
  readonly body?: Record<string, Record<string, unknown>>;
  readonly text?: string;
}
const exchanges = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".jsonl"))
  .flatMap((file) => readFileSync(path.join(FOLDER, file), "utf8").trim().split("\n"))
  .map((line) => JSON.parse(line) as Exchange);

const LISTS = {
  listDomains: ["domain", wire.DomainRow],
  listDomainChildren: ["domain", wire.DomainRow],
  listAccounts: ["account", wire.AccountRow],
  listUsers: ["user", wire.UserRow],
  listVirtualMachines: ["virtualmachine", wire.MachineRow],
  listVolumes: ["volume", wire.VolumeRow],
  listSnapshots: ["snapshot", wire.SnapshotRow],
  listTemplates: ["template", wire.TemplateRow],
  listNetworks: ["network", wire.NetworkRow],
  listPublicIpAddresses: ["publicipaddress", wire.AddressRow],
  listProjects: ["project", wire.ProjectRow],
  listRoles: ["role", wire.RoleRow],
  listEvents: ["event", wire.EventRow],
  listResourceLimits: ["resourcelimit", wire.ResourceLimitRow],
  listConfigurations: ["configuration", wire.SettingRow],
} as const;

describe("recorded lists", () => {
  test.for(Object.entries(LISTS))("%s", ([command, [key, row]]) => {
    const rows = exchanges
      .filter((e) => e.command === command && e.status === 200 && e.body !== undefined)
      .flatMap((e) => Object.values(e.body ?? {}).flatMap((inner) => (Array.isArray(inner[key]) ? (inner[key] as unknown[]) : [])));
    expect(rows.length).toBeGreaterThan(0);
    for (const one of rows) expect(wire.fit(row as Parameters<typeof wire.fit<unknown>>[0], one)).toMatchObject({ ok: true });
  });

  test("jobs, extractions and capabilities", () => {
    const jobs = exchanges.filter((e) => e.command === "queryAsyncJobResult" && e.status === 200 && e.body !== undefined);
    expect(jobs.length).toBeGreaterThan(20);
    for (const { body } of jobs) expect(wire.fit(wire.JobAnswer, Object.values(body ?? {})[0])).toMatchObject({ ok: true });
    const links = jobs
      .map(({ body }) => Object.values(body ?? {})[0]?.["jobresult"] as Record<string, { url?: string }> | undefined)
      .flatMap((result) => Object.values(result ?? {}).filter((value) => typeof value === "object" && value.url?.includes("/userdata/")));
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) expect(wire.fit(wire.Extracted, link)).toMatchObject({ ok: true });
    const [capabilities] = exchanges.filter((e) => e.command === "listCapabilities");
    expect(wire.fit(wire.Capabilities, capabilities?.body?.["listcapabilitiesresponse"]?.["capability"])).toMatchObject({ ok: true });
  });

  test("every recorded answer opens as what its status says, and the broken ones as broken", () => {
    for (const e of exchanges.filter((one) => one.body !== undefined || one.text !== undefined)) {
      const opened = openAnswer(e.status, Buffer.from(e.text ?? JSON.stringify(e.body)));
      const [inner] = Object.values(e.body ?? {});
      const expected =
        e.text !== undefined
          ? { ok: false, error: { kind: "malformed_json" } }
          : inner?.["errorcode"] === undefined
            ? { ok: true }
            : { ok: false, error: { kind: "refused", status: e.status } };
      expect(opened, `${e.scenario} ${e.command}`).toMatchObject(expected);
    }
    expect(exchanges.filter((e) => e.text !== undefined).length).toBeGreaterThan(2);
  });
});

describe("strictness", () => {
  const account = {
    id: "11111111-1111-4111-8111-111111111111",
    name: "a",
    accounttype: 0,
    rolename: "User",
    domainid: "x",
    state: "enabled",
    user: [],
  };
  test.for([
    ["an account without users", { ...account, user: undefined }],
    ["an account in an unknown state", { ...account, state: "sleeping" }],
    ["an account whose id is no UUID", { ...account, id: "5" }],
    ["an account whose type is a text", { ...account, accounttype: "0" }],
    ["an account without a domain", { ...account, domainid: undefined }],
  ])("%s does not fit", ([, row]) => {
    expect(wire.fit(wire.AccountRow, account).ok).toBe(true);
    expect(wire.fit(wire.AccountRow, row).ok).toBe(false);
  });

  test("what does not fit is named without its value", () => {
    const result = wire.fit(wire.AccountRow, { ...account, state: "s3cret" });
    expect(result).toEqual({ ok: false, what: "state: invalid_value" });
  });

  test.for([
    ["2026-11-23T11:05:23+0000", Date.UTC(2026, 10, 23, 11, 5, 23)],
    ["2026-11-23T11:05:23+0530", Date.UTC(2026, 10, 23, 5, 35, 23)],
  ] as const)("the date %s", ([text, instant]) => {
    expect(wire.WireDate.parse(text)).toBe(instant);
  });
  test("any text of its form is what JavaScript takes it for", () => {
    const digits = (max: number, length: number) => fc.nat(max).map((n) => String(n).padStart(length, "0"));
    const date = fc.tuple(digits(9999, 4), digits(14, 2), digits(33, 2), digits(25, 2), digits(61, 2), digits(61, 2));
    fc.assert(
      fc.property(date, fc.constantFrom("+0000", "-0000", "+0530", "-1100", "+2500"), ([y, mo, d, h, mi, s], zone) => {
        const text = `${y}-${mo}-${d}T${h}:${mi}:${s}${zone}`;
        const taken = new Date(`${text.slice(0, 22)}:${text.slice(22)}`).getTime();
        expect(wire.WireDate.parse(text)).toBe(taken);
      }),
      { numRuns: 2000 },
    );
  });
  test.for(["2026-11-23", "2026-11-23T11:05:23Z", "yesterday", ""])("%j is no date of CloudStack's", (text) => {
    expect(wire.WireDate.safeParse(text).success).toBe(false);
  });

  test("limits are read from a full row, and a row without them has none, not zero", () => {
    const row = { id: "x", name: "n", level: 1, path: "ROOT/n" };
    expect(wire.limitsOf(wire.DomainRow.parse(row))).toBeNull();
    expect(wire.limitsOf(wire.DomainRow.parse({ ...row, vmlimit: "20", cpulimit: "Unlimited", secondarystoragelimit: "400.0" }))).toEqual({
      user_vm: 20,
      cpu: -1,
      secondary_storage: 400,
    });
    expect(wire.DomainRow.safeParse({ ...row, vmlimit: "many" }).success).toBe(false);
  });
});
