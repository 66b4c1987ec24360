/**
 * Claims: `twokey roles` changes nothing unless it is told to, and prints no secret; with `--apply` it makes roles, accounts and keys with
 * which the doctor finds nothing and a deletion comes to its end; run again it changes nothing, and what differs is shown and left.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../emulators/cloudstack/server.ts";
import { memberCommands, memberRole } from "../../src/cloudstack/api/wanted-roles.ts";
import { redact } from "../../src/events.ts";
import { callApi } from "../emulators/cloudstack/api-client.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { emulatedWorld } from "../support/emulated-world.ts";
import { twokey, type Ran } from "../support/terminal.ts";
import { startSoundWorld, type SoundWorld } from "./doctor/world.ts";

const folder = mkdtempSync(path.join(tmpdir(), "twokey-roles-"));
const file = path.join(folder, "twokey.keys");
let cloud: CloudStackEmulator;
let world: SoundWorld;
let fresh: FreshDatabase;
let root = "";
beforeAll(async () => {
  [cloud, world, fresh] = await Promise.all([startCloudStackEmulator({ expungeDelayMs: 86_400_000 }), startSoundWorld(), freshDatabase()]);
  root = cloud.addDomain({ name: "ci" });
});
afterAll(async () => {
  await Promise.all([cloud.close(), world.close(), fresh.drop()]);
  rmSync(folder, { recursive: true });
});

const adminOf = ({ apiKey, secretKey }: Keys): Record<string, string> => ({
  CLOUDSTACK_ADMIN_API_KEY: apiKey,
  CLOUDSTACK_ADMIN_SECRET_KEY: secretKey,
});
const envOf = (emulator: Pick<CloudStackEmulator, "url" | "admin">): Record<string, string> => ({
  ...adminOf(emulator.admin),
  CLOUDSTACK_API_URL: emulator.url,
  CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
});
const secrets: string[] = [];
/** Runs the command, and sees that no secret and no password is printed. */
async function roles(args: readonly string[] = [], change: Record<string, string> = {}): Promise<Ran> {
  const ran = await twokey(["roles", ...args], { ...envOf(cloud), ...change }, { newToken: () => "a-password-of-32-characters-0001" });
  for (const secret of [...secrets, cloud.admin.secretKey, cloud.admin.apiKey, "a-password-of-32"])
    expect(ran.out + ran.err).not.toContain(secret);
  // As the terminal has it: nothing of it is taken for a secret.
  expect(redact(ran.err)).toBe(ran.err);
  return ran;
}
const changes = (): readonly string[] =>
  cloud
    .requests()
    .map((r) => r.command)
    .filter((command) => !/^(?:list|get)/.test(command));
const variables = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
const callAsRoot = (command: string, params: Record<string, string>) => callApi(cloud.url, cloud.admin, Date.now(), command, params);

test.each<[string, string[], Record<string, string>, RegExp]>([
  [
    "--apply without an administrator's keys",
    ["--apply"],
    { CLOUDSTACK_ADMIN_API_KEY: "", CLOUDSTACK_ADMIN_SECRET_KEY: "" },
    /needs the keys of a root/,
  ],
  ["half of a pair", [], { CLOUDSTACK_ADMIN_SECRET_KEY: "" }, /CLOUDSTACK_ADMIN_SECRET_KEY is not set although/],
  ["no address", [], { CLOUDSTACK_API_URL: "" }, /CLOUDSTACK_API_URL is not set/],
  ["no root", ["--apply"], { CLOUDSTACK_ROOT_DOMAIN: "" }, /CLOUDSTACK_ROOT_DOMAIN is not set/],
  [
    "a file of keys that is not there",
    [],
    { CLOUDSTACK_ADMIN_API_KEY: "", CLOUDSTACK_ADMIN_API_KEY_FILE: "/nowhere/key" },
    /names a file that is not there/,
  ],
  ["a role that is none of them", ["--apply", "--change", "User"], {}, /--change names User, which is none of CI Member/],
])("%s is refused, and nothing is sent that changes something", async (_what, args, change, words) => {
  const ran = await roles(args, change);
  expect(ran).toMatchObject({ code: 2, out: "", err: expect.stringMatching(words) as string });
  expect(changes()).toEqual([]);
});

test("keys that are no root administrator's, a root that is not there, and a file that is there, change nothing", async () => {
  const role = cloud.addRole({ name: "below", type: "DomainAdmin", rules: ["allow listAccounts", "allow listDomains", "deny *"] });
  const { keys } = cloud.addAccount({ domain: root, name: "below", role, keys: true });
  const below = await roles(["--apply"], adminOf(keys ?? { apiKey: "", secretKey: "" }));
  expect(below).toMatchObject({ code: 1, err: expect.stringContaining("the account below, which is no root administrator") as string });
  expect(await roles(["--apply"], { CLOUDSTACK_ROOT_DOMAIN: "ROOT/cy" })).toMatchObject({ code: 1 });
  const taken = path.join(folder, "taken");
  writeFileSync(taken, "somebody's");
  const refused = await roles(["--apply", "--keys", taken]);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("is there already and is not overwritten") as string });
  expect(readFileSync(taken, "utf8")).toBe("somebody's");
  expect((await roles(["--apply", "--keys", path.join(folder, "none", "keys")])).err).toContain("(ENOENT)");
  expect(changes()).toEqual([]);
});

test("without --apply the calls are shown and none is made; the first come the rules, then what refuses all others", async () => {
  const shown = await roles();
  const lines = shown.out.split("\n");
  expect(shown.code).toBe(0);
  expect(lines[0]).toBe(`createRole name='${memberRole}' type=User`);
  expect(lines.slice(1, memberCommands.length + 1)).toEqual(
    memberCommands.map((command) => `createRolePermission roleid='<id of the role ${memberRole}>' rule=${command} permission=allow`),
  );
  expect(lines[memberCommands.length + 1]).toContain("rule='*' permission=deny");
  const { calls } = JSON.parse((await roles(["--json"])).out) as { calls: { command: string; params: Record<string, string> }[] };
  expect(calls.filter((c) => c.command === "createAccount").map((c) => [c.params["account"], c.params["domainid"]])).toEqual([
    ["twokey-read", root],
    ["twokey-write", root],
    ["twokey-export", cloud.ids.rootDomain],
    ["twokey-delete", cloud.ids.rootDomain],
  ]);
  expect(changes()).toEqual([]);
  expect(existsSync(file)).toBe(false);
});

test("a call that fails leaves no file and loses nothing: the second run continues, and a third changes nothing", async () => {
  cloud.setFaults([{ kind: "status", command: "registerUserKeys", status: 530, times: 1 }]);
  const cut = await roles(["--apply", "--keys", file]);
  expect(cut.code).toBe(1);
  expect(cut.err).toMatch(/registerUserKeys.*\n\d+ of \d+ calls were made\. Run it again to continue/);
  expect(existsSync(file)).toBe(false);
  expect(cloud.findKeys("twokey-read")).toBeUndefined();

  const done = await roles(["--apply", "--keys", file]);
  expect(done.err).toMatch(/createAccount .*password='<a new password>'/);
  expect(done, done.err).toMatchObject({ code: 0 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const given = variables(readFileSync(file, "utf8"));
  expect(Object.keys(given)).toHaveLength(8);
  secrets.push(...Object.values(given));

  const before = changes().length;
  const again = await roles(["--apply", "--keys", file]);
  expect(again).toMatchObject({
    code: 0,
    out: expect.stringContaining("Nothing was changed: every role, account and key is there.") as string,
  });
  expect(again.out).toContain("was not written again");
  const lost = path.join(folder, "lost.keys");
  expect((await roles(["--apply", "--keys", lost])).code).toBe(0);
  expect(readFileSync(lost, "utf8")).toBe(readFileSync(file, "utf8"));
  expect(changes()).toHaveLength(before);
});

test("the doctor finds nothing wrong with those keys", async () => {
  const kept = cloud.addDomain({ name: "tools", parent: root });
  const more = { CLOUDSTACK_API_URL: cloud.url, CLOUDSTACK_PROTECTED_DOMAINS: kept, CLOUDSTACK_SENTINEL_DOMAIN: kept };
  const { out } = await world.examine({ more: { ...more, ...variables(readFileSync(file, "utf8")) }, only: "cloudstack" });
  expect(out.split("\n").filter((line) => !line.startsWith("ok "))).toEqual([expect.stringContaining(" 0 warnings, 0 failed"), ""]);
});

test("what differs is shown and left, until it is named; the team's own role decides what the writing key may do", async () => {
  const id = cloud.findRole("Twokey read") ?? "";
  await callAsRoot("createRolePermission", { roleid: id, rule: "deleteDomain", permission: "allow" });
  const member = cloud.findRole(memberRole) ?? "";
  await callAsRoot("createRolePermission", { roleid: member, rule: "createSSHKeyPair", permission: "allow" });
  const before = changes().length;
  const left = await roles(["--apply", "--keys", file]);
  expect(left.code).toBe(1);
  expect(left.out).toContain("Left as it is: the role Twokey read has also the rules allow deleteDomain.");
  expect(left.out).toContain(`Left as it is: the role ${memberRole} has also the rules allow createSSHKeyPair.`);
  expect(left.out).toContain("Left as it is: the role Twokey write does not allow createSSHKeyPair.");
  expect(changes()).toHaveLength(before);

  const changed = await roles(["--apply", "--keys", file, "--change", "Twokey read, Twokey write"]);
  expect(changed.out).toContain("3 calls were made.");
  expect(changes().slice(before)).toEqual(["deleteRolePermission", "createRolePermission", "updateRolePermission"]);
  const writing = (await callAsRoot("listRolePermissions", { roleid: cloud.findRole("Twokey write") ?? "" })).text;
  expect(writing).toContain('"rule":"createSSHKeyPair","permission":"allow"');
  expect(writing.lastIndexOf('"rule":"*"')).toBeGreaterThan(writing.indexOf("createSSHKeyPair"));
  const all = await roles(["--apply", "--keys", file, "--change", "all"]);
  expect(all, all.out + all.err).toMatchObject({ code: 0 });
  expect(await roles()).toMatchObject({ code: 0, out: "No call is to be made.\n" });
});

test("a deletion that two people approved comes to its end with those keys", async () => {
  const e = await emulatedWorld(
    fresh.db,
    (emulator, domain) => {
      const account = emulator.addAccount({ domain, name: "ann" }).accountId;
      emulator.addMachine({ account, name: "m", stopped: true });
      emulator.addFirewallRule({ network: emulator.addNetwork({ account, name: "n" }), egress: true });
      emulator.addTemplate({ account, name: "golden", isExtractable: false });
    },
    {},
    {},
    async (emulator) => {
      const ci = emulator.addDomain({ name: "ci" });
      const keys = path.join(folder, "deletion.keys");
      const made = await twokey(["roles", "--apply", "--keys", keys], envOf(emulator), { now: () => 1_700_000_000_000 as never });
      expect(made, made.err).toMatchObject({ code: 0 });
      return { ci, variables: variables(readFileSync(keys, "utf8")) };
    },
  );
  await e.until(["deleted", "frozen", "closed"]);
  expect(await expectRow(fresh.db, e.id)).toMatchObject({ phase: "deleted", frozen_reason: null });
  await e.close();
});
