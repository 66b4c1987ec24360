/** Claim: each of the bot's CloudStack clients signs its calls with the keys that the configuration gives to its kind, and with no others. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CloudParts } from "../../src/app/parts.ts";
import type { AccountId, DomainId, DomainPath, JobId } from "../../src/core/ids.ts";
import { botCloud, grantFor, sendJson, startToldServer, type ToldServer } from "../cloudstack/support.ts";
import { inventory, item } from "../support/deletions.ts";

const [ROOT, CI, ALPHA] = ["1", "2", "3"].map((n) => `6f1c9a1e-0000-4000-8000-00000000000${n}`) as [string, string, string];
const tree = [
  { id: ROOT, name: "ROOT", level: 0, path: "ROOT" },
  { id: CI, name: "ci", level: 1, path: "ROOT/ci", parentdomainid: ROOT },
  { id: ALPHA, name: "alpha", level: 2, path: "ROOT/ci/alpha", parentdomainid: CI },
];
let server: ToldServer;
beforeAll(async () => {
  // It knows its domains and refuses all else, so that a client gets as far as its first call of its own.
  server = await startToldServer((form, response) => {
    const rows = tree.filter((d) => (form.get("id") ?? d.id) === d.id);
    if (form.get("command") !== "listDomains") return sendJson(response, 432, { errorresponse: { errorcode: 432, errortext: "no" } });
    return sendJson(response, 200, { listdomainsresponse: { count: rows.length, domain: rows } });
  });
});
afterAll(() => server.close());
beforeEach(() => void (server.forms.length = 0));

const env = Object.fromEntries(
  ["WRITE", "EXPORT", "DELETE"].flatMap((kind) => [
    [`CLOUDSTACK_${kind}_API_KEY`, kind.toLowerCase()],
    [`CLOUDSTACK_${kind}_SECRET_KEY`, `secret of ${kind}`],
  ]),
);
const machine = item("machine", "m", { id: randomUUID() });
const template = item("template", "t", { id: randomUUID(), zoneId: randomUUID() });
const approved = { ...inventory(ALPHA as DomainId, [machine]), path: "ROOT/ci/alpha" as DomainPath };
const job = () => randomUUID() as JobId;

test.each<[string, string, (cloud: CloudParts) => Promise<unknown>]>([
  ["the deleter", "delete", (c) => c.deleter.destroyMachine(grantFor(approved), machine, job())],
  ["the deleter, of a domain", "delete", (c) => c.deleter.deleteDomain(grantFor(approved), job())],
  ["the writer", "write", (c) => c.writer.applyChange({ kind: "unlock_account", accountId: randomUUID() } as never, job())],
  ["the restorer", "delete", (c) => c.restorer.enableAccount(randomUUID() as AccountId)],
  ["the registrar", "export", (c) => c.registrar.findTemplate(template.id)],
  ["exports", "export", (c) => c.exports.openExport(template)],
  ["the reader, of a fleet", "read", (c) => c.reader.readFleet({ withLimits: false })],
  ["the reader, for people", "read", (c) => c.reader.readItems({ id: ALPHA, path: approved.path } as never, ["template"])],
  ["the reader, of a deletion's domain", "delete", (c) => c.reader.findDomain(ALPHA as DomainId)],
  ["the reader, of a deletion's contents", "delete", (c) => c.reader.readInventory(ALPHA as DomainId, approved.path)],
  ["the reader, of a deletion's end", "delete", (c) => c.reader.hasDeletionEvent(ALPHA as DomainId)],
  ["domain ids", "read", (c) => c.domainIds.readIdState(ALPHA as DomainId)],
])("%s: the key %s", async (_who, key, call) => {
  await call(botCloud({ url: server.url, apiKey: "read" }, { env }));
  expect(server.forms.length).toBeGreaterThan(0);
  expect(new Set(server.forms.map((f) => f.get("apikey")))).toEqual(new Set([key]));
});
