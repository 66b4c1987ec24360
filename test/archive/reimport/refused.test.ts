/** Claim: a re-import that may not be is refused by name, before anything is changed; and no secret is ever shown. */
import { resumeByTwo } from "../../support/stop.ts";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readLiveDeletions } from "../../../src/store/deletions.ts";
import { recordStop } from "../../../src/store/stop-switch.ts";
import { RestoreWorld, today } from "./world.ts";

let world: RestoreWorld;
let spare: string;

beforeAll(async () => {
  world = await RestoreWorld.start([
    { id: "p-1", slug: "alpha", members: ["ann"] },
    { id: "p-2", slug: "beta", members: ["ann"] },
    { id: "p-3", slug: "twin", members: [] },
  ]);
  world.cloud.addTemplate({ account: world.account("alpha", "ann"), name: "golden" });
  await world.backUp("p-1", "alpha", "templates");
});
afterAll(() => world.close());
beforeEach(() => {
  spare = world.addDomain(`spare-${randomUUID().slice(0, 8)}`, ["ann"]);
});
const changes = (): readonly string[] => world.cloud.requests().flatMap((r) => (/^(?:list|query)/.test(r.command) ? [] : [r.command]));
const withEnv = async <T>(env: Record<string, string>, work: () => Promise<T>): Promise<T> => {
  const usual = { ...world.env };
  Object.assign(world.env, env);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(env)) Object.assign(world.env, { [name]: usual[name] ?? "" });
  }
};
const into = (to: string, ...more: string[]) => world.reimport("alpha", "--from", today(), "--to", to, ...more);

test.each<[string, string[], string]>([
  ["no project", ["--from", "2026-01-01", "--to", "ROOT/ci/x"], "Missing required argument 'project'."],
  ["two projects", ["alpha", "beta", "--from", "2026-01-01", "--to", "ROOT/ci/x"], "Expected 1 argument but got 2."],
  ["no date", ["alpha", "--to", "ROOT/ci/x"], "Required option '--from <date>' not specified."],
  ["no domain", ["alpha", "--from", "2026-01-01"], "Required option '--to <domain>' not specified."],
  ["an empty account", ["alpha", "--from", "2026-01-01", "--to", "ROOT/ci/x", "--account", ""], "--account is empty"],
  ["an empty zone", ["alpha", "--from", "2026-01-01", "--to", "ROOT/ci/x", "--zone", ""], "--zone is empty"],
  ["an unknown option", ["alpha", "--from", "2026-01-01", "--to", "ROOT/ci/x", "--force"], "--force"],
  ["a word for a date", ["alpha", "--from", "yesterday", "--to", "ROOT/ci/x"], "--from yesterday is not a date"],
  ["a 30th of February", ["alpha", "--from", "2026-02-30", "--to", "ROOT/ci/x"], "is not a day in the calendar"],
  ["the future", ["alpha", "--from", "2126-01-01", "--to", "ROOT/ci/x"], "is in the future"],
])("%s: exit code 2, with how to write it", async (_what, args, said) => {
  const before = changes().length;
  const ran = await world.reimport(...args);
  expect([ran.code, ran.out]).toEqual([2, ""]);
  expect(ran.err).toContain(said);
  expect(ran.err).toContain("Usage: twokey reimport <project> --from <date> --to <domain>");
  expect(changes()).toHaveLength(before);
});

const stranger = "9f7f4f0e-0000-4000-8000-000000000000";
test.each<[string, () => string, string]>([
  ["a project nobody knows", () => "no-such-project", "No project is or was called no-such-project"],
  ["a project of which nothing was saved", () => "beta", "The archive holds nothing of this project"],
])("%s: refused", async (_what, project, said) => {
  const ran = await world.reimport(project(), "--from", today(), "--to", spare);
  expect(ran.code).toBeGreaterThan(0);
  expect(ran.err).toContain(said);
});

test.each<[string, () => string, string]>([
  ["a domain that is not there", () => "ROOT/ci/nowhere", "There is no domain ROOT/ci/nowhere below ROOT/ci"],
  ["an id that is not there", () => stranger, `There is no domain ${stranger} below ROOT/ci`],
  ["a domain outside the managed root", () => world.cloud.addDomain({ name: `out-${randomUUID().slice(0, 6)}` }), "below ROOT/ci"],
  ["a path outside the managed root", () => "ROOT", "There is no domain ROOT below ROOT/ci"],
  ["the managed root by path", () => "ROOT/ci", "ROOT/ci is the managed root itself"],
  ["the managed root by id", () => world.root, "ROOT/ci is the managed root itself"],
])("%s: refused, nothing changed", async (_what, to, said) => {
  const before = changes().length;
  const ran = await into(to());
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(said)]);
  expect(changes()).toHaveLength(before);
});

test("a protected domain, and one that lies in a protected one: refused", async () => {
  const inner = world.cloud.addDomain({ name: "inner", parent: spare });
  const excluded = (to: string) => withEnv({ CLOUDSTACK_PROTECTED_DOMAINS: spare }, () => into(to));
  expect((await excluded(spare)).err).toContain("is protected: nothing is re-imported into it");
  expect((await excluded(inner)).err).toContain(", which is protected: nothing is re-imported into it");
});

test("a domain under a deletion that has not ended: refused", async () => {
  const { name } = world.cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.find((d) => d.id === spare) ?? { name: "" };
  await world.openDeletion("p-9", name);
  const ran = await into(spare);
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("is under a deletion (archiving)")]);
  // A row that cannot be read is a deletion all the same.
  await world.state.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set evidence = '{}' where domain_id = $1", [spare]);
  });
  expect((await readLiveDeletions(world.state.db)).filter((d) => d.domain_id === spare)).toEqual([]);
  const again = await into(spare);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("is under a deletion (archiving)")]);
});

test.each<[string, (account: string) => unknown, string]>([
  ["a template", (account) => world.cloud.addTemplate({ account, name: "theirs" }), "template theirs"],
  ["a volume", (account) => world.cloud.addVolume({ account, name: "disk" }), "volume disk"],
  ["a machine", (account) => world.cloud.addMachine({ account, name: "m-1", stopped: true }), "machine m-1"],
  [
    "a CloudStack project's template",
    (account) => world.cloud.addTemplate({ account: world.cloud.addProject({ account, name: "inner" }).accountId, name: "of-project" }),
    "template of-project",
  ],
])("%s in the domain: refused, and named", async (_what, adds, named) => {
  const before = changes().length;
  const own = world.cloud.addAccount({ name: "owner", domain: spare }).accountId;
  adds(own);
  const ran = await into(spare);
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("is not empty: ")]);
  expect(ran.err).toContain(named);
  expect(ran.err).toContain("Nothing was changed.");
  expect(changes()).toHaveLength(before);
});

test("a key that may not list ISOs cannot tell whether the domain is empty: refused", async () => {
  world.cloud.setFaults([{ kind: "status", status: 432, command: "listIsos" }]);
  const ran = await into(spare);
  world.cloud.setFaults([]);
  expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/It is not known whether ROOT\/ci\/spare-.* is empty: .*listIsos/)]);
});

test("a zone that is not there: refused, with those that are; one that is, by name or id, is taken", async () => {
  const ran = await into(spare, "--zone", "mars");
  expect([ran.code, ran.err]).toEqual([2, expect.stringMatching(/There is no zone mars\nThere are: Sandbox \([0-9a-f-]{36}\)\./)]);
  expect((await into(spare, "--zone", "Sandbox", "--dry-run")).code).toBe(0);
  expect((await into(spare, "--zone", world.cloud.ids.zone)).code).toBe(0);
});

test("twenty things are named, and the rest counted", async () => {
  const owner = world.cloud.addAccount({ name: "owner", domain: spare }).accountId;
  for (let i = 0; i < 23; i++) world.cloud.addTemplate({ account: owner, name: `t-${i}` });
  expect((await into(spare)).err).toContain("and 3 more");
});

test("networks and accounts may stand in the domain", async () => {
  world.cloud.addNetwork({ account: world.cloud.addAccount({ name: "owner", domain: spare }).accountId, name: "net" });
  expect((await into(spare)).err).toBe("");
});

test("an account that is missing there: refused, naming those that there are", async () => {
  const other = world.addDomain(`other-${randomUUID().slice(0, 6)}`, ["zoe", "yan"]);
  const ran = await into(other);
  expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/has no account ann\nWrite --account .* it has (yan, zoe|zoe, yan)\./)]);
  expect((await into(other, "--account", "eve")).err).toContain("has no account eve");
  expect((await into(world.addDomain(`bare-${randomUUID().slice(0, 6)}`, []))).err).toContain("it has none: make one");
  expect((await into(other, "--account", "zoe")).code).toBe(0);
});

test("while everything is stopped, while a pass runs, while another re-import runs: refused", async () => {
  await recordStop(world.state.db, { at: 1, kind: "stop", byOperator: "ci:ada", reason: "drill" });
  const stopped = await into(spare);
  await resumeByTwo(world.state.db, 2);
  expect([stopped.code, stopped.err]).toEqual([1, expect.stringContaining("Everything is stopped: drill")]);
  const lock = (key: string) => world.state.db.withAdvisoryLock(key, { waitMs: 0 }, () => into(spare));
  expect(await lock("twokey.pass")).toMatchObject({ held: true, value: { code: 1, err: expect.stringContaining("A pass is running") } });
  expect(await lock(`twokey.restore.${spare}`)).toMatchObject({ value: { code: 1, err: expect.stringContaining("is already running") } });
  expect(await lock("twokey.restore.of-another-domain")).toMatchObject({ value: { code: 0 } });
});

test.each([undefined, "http://127.0.0.1:3080", "http://localhost", "https://[::1]", "http://169.254.0.7"])(
  "an address that CloudStack cannot fetch from (%s): refused",
  async (address) => {
    const ran = await withEnv({ TWOKEY_PUBLIC_URL: address ?? "" }, () => into(spare));
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("CloudStack fetches the templates from there")]);
  },
);

test("a port on which something else listens: nothing is sent, and the variable is named", async () => {
  const other = createServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const before = world.registrations().length;
  const ran = await withEnv({ TWOKEY_HTTP_PORT: String((other.address() as AddressInfo).port) }, () => into(spare));
  await new Promise((resolve) => other.close(resolve));
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("TWOKEY_HTTP_PORT does not serve the templates (404)")]);
  expect(world.registrations()).toHaveLength(before);
  expect((await into(spare)).code).toBe(0);
});

test("a date before anything was saved: refused, with the first day that would do", async () => {
  const ran = await world.reimport("alpha", "--from", "2020-01-01", "--to", spare);
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringMatching(/Nothing of alpha was saved by 2020-01-01T23:59:59.999Z\nThe oldest copy is of /),
  ]);
});

test("a dry run says what would come back, for whom and from when, and changes nothing", async () => {
  const before = changes().length;
  const ran = await into(spare, "--dry-run");
  expect([ran.code, ran.err]).toEqual([0, ""]);
  expect(ran.out).toMatch(/Templates that would be registered \(1\):\n {2}golden for ann: 256 KiB, saved .* for a backup\n/);
  expect(ran.out).toContain("Nothing was changed");
  expect(changes()).toHaveLength(before);
  expect((await into(spare)).code).toBe(0);
});
