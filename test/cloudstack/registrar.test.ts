/** Claims: a registration has the recorded parameters, goes below the managed root only, and its link comes back in no message. */
import { createServer, type Server } from "node:http";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import type { DomainId, DomainPath } from "../../src/core/ids.ts";
import type { NewTemplate } from "../../src/archive/reimport/ports.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { item } from "../support/deletions.ts";
import { botCloud } from "./support.ts";

const LINK = "http://twokey.test/restores/11111111-2222-4333-8444-555555555555/SECRETSECRETSECRETSECRET/template.vhd";
const ZONE = "bf64d8f3-1d94-4ac8-9589-591a55bcdd1e";
const template = item("template", "back", {
  zoneId: ZONE,
  facts: {
    displayText: "registered again from an archive",
    format: "VHD",
    hypervisor: "Simulator",
    osTypeId: "78dbcc32-e722-11f1-8aaa-02fc00000001",
    isExtractable: true,
    isPublic: false,
    isFeatured: false,
    passwordEnabled: false,
    requiresHvm: true,
    sshKeyEnabled: false,
    "details.keyboard": "us",
  },
});
const wanted = (domainId: string, more: Partial<InventoryItem> = {}): NewTemplate => ({
  item: { ...template, ...more },
  domainId: domainId as DomainId,
  account: "ann",
  sha256: "a".repeat(64),
  link: LINK,
});

describe("against the emulator", () => {
  let cloud: CloudStackEmulator;
  let domain: string;
  beforeEach(async () => {
    cloud = await startCloudStackEmulator();
    domain = cloud.addDomain({ name: "alpha", parent: addManagedRoot(cloud) });
    cloud.addAccount({ name: "ann", domain });
  });
  afterEach(() => cloud.close());
  const registrar = () => botCloud(cloud).registrar;
  const installed = () => ({ zoneId: cloud.ids.zone, facts: { ...template.facts, osTypeId: cloud.ids.osType } });

  test("sends what was recorded, under the recorded names", async () => {
    const done = await registrar().registerTemplate(wanted(domain, installed()));
    expect(done).toMatchObject({ ok: true });
    const recorded = readFileSync("test/fixtures/cloudstack-4.22/15-register-template.jsonl", "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { command: string; note?: string; params: Record<string, string> })
      .find((e) => e.command === "registerTemplate" && e.note === "from a web server");
    const sent = cloud.requests().find((r) => r.command === "registerTemplate")?.params ?? {};
    const own = ["expires", "response", "signatureversion"];
    // The emulator's log leaves out links, as ours do.
    const names = Object.keys(recorded?.params ?? {}).filter((name) => name !== "url");
    expect(
      Object.keys(sent)
        .filter((name) => !own.includes(name))
        .toSorted(),
    ).toEqual(names.toSorted());
    for (const same of ["format", "hypervisor", "ispublic", "isextractable", "requireshvm", "passwordenabled", "details[0].keyboard"])
      expect([same, sent[same]]).toEqual([same, recorded?.params[same]]);
    expect(sent["checksum"]).toBe(`{SHA-256}${"a".repeat(64)}`);
  });

  test("details are sent as CloudStack wrote them: a line feed at the end of an SSH key goes, other control characters do not", async () => {
    const key = "ssh-rsa AAAAB3NzaC1yc2E= ann@laptop\n";
    const facts = (value: string) => ({ ...installed(), facts: { ...installed().facts, "details.SSH.PublicKey": value } });
    expect(await registrar().registerTemplate(wanted(domain, facts(key)))).toMatchObject({ ok: true });
    expect(cloud.requests().find((r) => r.command === "registerTemplate")?.params).toMatchObject({ "details[0].SSH.PublicKey": key });
    expect(await registrar().registerTemplate(wanted(domain, facts("a\tb")))).toMatchObject({
      ok: false,
      error: { code: "cloudstack.unsendable_text" },
    });
    expect(await registrar().registerTemplate(wanted(domain, { ...installed(), name: "two\nlines" }))).toMatchObject({
      ok: false,
      error: { code: "cloudstack.unsendable_text" },
    });
  });

  test("what it registered is found with the thing that its link was made for", async () => {
    const done = await registrar().registerTemplate(wanted(domain, installed()));
    const id = done.ok ? done.value : "";
    // CloudStack shows a link to the template's owner and to root administrators only.
    const madeFor = "11111111-2222-4333-8444-555555555555";
    const below = botCloud({ url: cloud.url, ...keysOf(cloud).write }).registrar;
    expect(await below.findTemplate(id)).toMatchObject({ ok: true, value: { id, madeFor: null, showsLink: false } });
    const found = await registrar().listTemplates(domain as DomainId);
    const one = {
      id,
      name: "back",
      account: "ann",
      domainId: domain,
      madeFor,
      isReady: true,
      showsLink: true,
    };
    expect(found).toMatchObject({ ok: true, value: [one] });
    expect(await registrar().findTemplate(id)).toMatchObject({ ok: true, value: one });
    expect(await registrar().findTemplate(ZONE)).toEqual({ ok: true, value: null });
  });

  test("an id that means nothing here is refused by CloudStack; zones and OS types can be asked, and a key that may not says so", async () => {
    expect(await registrar().registerTemplate(wanted(domain))).toMatchObject({ ok: false, error: { code: "cloudstack.parameter" } });
    const there = {
      zones: [{ id: cloud.ids.zone, name: "Sandbox" }],
      osTypes: expect.arrayContaining([expect.objectContaining({ id: cloud.ids.osType })]) as unknown,
    };
    expect(await registrar().readInstallation()).toMatchObject({ ok: true, value: there });
    cloud.setFaults([{ kind: "status", status: 432, command: "listOsTypes" }]);
    expect(await registrar().readInstallation()).toMatchObject({ ok: true, value: { ...there, osTypes: null } });
    cloud.setFaults([{ kind: "status", status: 530, command: "listZones" }]);
    expect(await registrar().readInstallation()).toMatchObject({ ok: false });
  });

  test("a domain outside the managed root, and one that is gone, are refused before anything is sent", async () => {
    const outside = cloud.addDomain({ name: "other" });
    cloud.addAccount({ name: "ann", domain: outside });
    expect(await registrar().registerTemplate(wanted(outside))).toMatchObject({ ok: false, error: { code: "cloudstack.outside_root" } });
    expect(await registrar().registerTemplate(wanted(ZONE))).toMatchObject({ ok: false, error: { code: "cloudstack.domain_gone" } });
    expect(cloud.requests().filter((r) => r.command === "registerTemplate")).toEqual([]);
  });

  test("an inventory keeps what it takes: free details of a template, names of a machine's offering and template", async () => {
    await registrar().registerTemplate(wanted(domain, installed()));
    cloud.addMachine({ account: cloud.addAccount({ name: "bob", domain }).accountId, name: "m" });
    const read = await botCloud(cloud).reader.readInventory(domain as DomainId, "ROOT/ci/alpha" as DomainPath);
    const items = read.ok ? read.value.items : [];
    expect(items.find((i) => i.kind === "template")?.facts).toMatchObject({ "details.keyboard": "us" });
    expect(items.find((i) => i.kind === "machine")?.facts).toMatchObject({ serviceOffering: "Small Instance", cpus: 1, memoryMiB: 512 });
    expect(JSON.stringify(items)).not.toContain("SECRET");
  });
});

describe("against answers that the emulator does not give", () => {
  let server: Server;
  let url = "";
  const answers = new Map<string, readonly [number, unknown]>();
  const ID = "22222222-3333-4444-8555-666666666666";
  beforeEach(async () => {
    answers.clear();
    const domain = { id: ID, name: "ROOT/alpha", level: 1, path: "ROOT/alpha" };
    answers.set("listDomains", [200, { listdomainsresponse: { count: 1, domain: [domain] } }]);
    server = createServer((request, response) => {
      let form = "";
      request.on("data", (chunk: Buffer) => {
        form += chunk.toString();
      });
      request.on("end", () => {
        const [status, body] = answers.get(new URLSearchParams(form).get("command") ?? "") ?? [404, {}];
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/api`;
  });
  afterEach(() => void server.close());
  const inside = () => botCloud({ url }, { env: { CLOUDSTACK_ROOT_DOMAIN: "ROOT" } }).registrar;

  test("a refused link comes back without its secret, whichever way the server writes it", async () => {
    for (const text of [
      `Please specify a valid URL. URL:${new URL(LINK).pathname} is an invalid for the format qcow2`,
      `Invalid URL: ${LINK}`,
    ]) {
      answers.set("registerTemplate", [431, { registertemplateresponse: { errorcode: 431, cserrorcode: 9999, errortext: text } }]);
      const done = await inside().registerTemplate(wanted(ID));
      expect(done).toMatchObject({ ok: false, error: { kind: "rejected", code: "cloudstack.parameter" } });
      expect(JSON.stringify(done)).not.toContain("SECRET");
      expect(JSON.stringify(done)).toContain("[link]");
    }
  });

  test.each<[string, unknown]>([
    ["no template", { count: 0 }],
    ["two templates", { count: 2, template: [{ id: ID }, { id: ID }] }],
    ["an id that is no UUID", { count: 1, template: [{ id: "213" }] }],
  ])("an answer with %s leaves it unknown whether it was registered", async (_what, body) => {
    answers.set("registerTemplate", [200, { registertemplateresponse: body }]);
    expect(await inside().registerTemplate(wanted(ID))).toMatchObject({ ok: false, error: { kind: "indeterminate" } });
  });

  test.each<[string, Record<string, unknown>, boolean]>([
    ["is being fetched", { isready: false, status: "40% Downloaded", downloaddetails: [{ downloadState: "DOWNLOAD_IN_PROGRESS" }] }, false],
    ["failed", { isready: false, status: `no route to ${LINK}`, downloaddetails: [{ downloadState: "DOWNLOAD_ERROR" }] }, true],
    ["was given up", { isready: false, status: "x", downloaddetails: [{ downloadState: "ABANDONED" }] }, true],
    ["says nothing of its downloads", { isready: false }, false],
    [
      "is ready in one store, and failed in another before",
      { isready: true, downloaddetails: [{ downloadState: "DOWNLOAD_ERROR" }] },
      false,
    ],
  ])("a template that %s is seen as such", async (_what, row, hasFailed) => {
    const whole = { id: ID, name: "back", domainid: ID, account: "ann", ...row };
    answers.set("listTemplates", [200, { listtemplatesresponse: { count: 1, template: [whole] } }]);
    const found = await inside().findTemplate(ID);
    expect(found).toMatchObject({ ok: true, value: { hasFailed, showsLink: false, madeFor: null } });
    expect(JSON.stringify(found)).not.toContain("SECRET");
  });
});
