/**
 * Claim: the script that `twokey roles` prints, run as it stands by a root administrator, makes roles, accounts and keys with which the doctor finds
 * nothing; they are the ones that every test, the demo and the simulation use, and allow what the source sends and nothing more.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyRules, rulesOf } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { callApi } from "../emulators/cloudstack/api-client.ts";
import { memberCommands, memberRole } from "../../src/cloudstack/api/wanted-roles.ts";
import { twokey } from "../support/terminal.ts";
import { startSoundWorld, type SoundWorld } from "./doctor/world.ts";

/** Stands for CloudMonkey: passes its arguments on, one a line, and prints the answer. */
const CMK = `#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/$CMK_PORT"
printf '%s\\n' "$@" "" >&3
IFS= read -r code <&3
while IFS= read -r line <&3; do printf '%s\\n' "$line"; done
exit "$code"
`;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-cmk-"));
let world: SoundWorld;
let fresh: CloudStackEmulator;
let monkey: Server;
let root = "";
let printed = "";

/** Answers as `cmk -o json COMMAND name=value …` does: the answer without its wrapper, or an exit code. */
async function answer(args: readonly string[]): Promise<string> {
  const [option, format, command = "", ...pairs] = args;
  if (option !== "-o" || format !== "json") throw new Error(`not as documented: ${args.join(" ")}`);
  const params = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  const reply = await callApi(fresh.url, fresh.admin, Date.now(), command, params);
  const [inner] = Object.values(reply.body ?? {});
  return `${reply.status === 200 ? 0 : 1}\n${JSON.stringify(inner, null, 2)}\n`;
}

const runScript = () => {
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}`, CMK_PORT: String((monkey.address() as AddressInfo).port) };
  return promisify(execFile)("bash", [path.join(folder, "roles.sh"), root], { env });
};

beforeAll(async () => {
  writeFileSync(path.join(folder, "cmk"), CMK, { mode: 0o755 });
  [world, fresh] = await Promise.all([startSoundWorld(), startCloudStackEmulator({ expungeDelayMs: 86_400_000 })]);
  monkey = createServer((socket) => {
    let text = "";
    socket.on("data", (d: Buffer) => {
      text += d.toString("utf8");
      if (text.endsWith("\n\n")) void answer(text.trimEnd().split("\n")).then((said) => socket.end(said));
    });
  });
  await new Promise<void>((resolve) => monkey.listen(0, "127.0.0.1", resolve));
  root = fresh.addDomain({ name: "ci" });
  writeFileSync(path.join(folder, "roles.sh"), (await twokey(["roles"])).out);
  printed = (await runScript()).stdout;
}, 600_000);
afterAll(async () => {
  await Promise.all([world?.close(), fresh?.close(), new Promise((resolve) => monkey.close(resolve))]);
  rmSync(folder, { recursive: true });
});

const variables = (): Record<string, string> =>
  Object.fromEntries(
    printed
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

test("the doctor finds nothing wrong with what it made and printed", async () => {
  const kept = fresh.addDomain({ name: "tools", parent: root });
  const more = { CLOUDSTACK_API_URL: fresh.url, CLOUDSTACK_PROTECTED_DOMAINS: kept, CLOUDSTACK_SENTINEL_DOMAIN: kept, ...variables() };
  const { out } = await world.examine({ more, only: "cloudstack" });
  expect(out.split("\n").filter((line) => !line.startsWith("ok "))).toEqual([expect.stringContaining(" 0 warnings, 0 failed"), ""]);
  for (const use of ["read", "write", "export", "delete"])
    expect(out).toMatch(new RegExp(`ok .*${use} key: valid, account twokey-${use} in ROOT`));
});

test("the roles are those of the tests, the demo and the simulation", async () => {
  const rulesOfRole = async (name: string): Promise<readonly string[]> => {
    const ask = { roleid: fresh.findRole(name) ?? "" };
    const answer = (await callApi(fresh.url, fresh.admin, Date.now(), "listRolePermissions", ask)).body ?? {};
    const { rolepermission } = answer["listrolepermissionsresponse"] as { rolepermission: { rule: string; permission: string }[] };
    return rolepermission.map((r) => `${r.permission} ${r.rule}`);
  };
  expect((await rulesOfRole(memberRole)).toSorted()).toEqual(rulesOf(memberCommands).toSorted());
  for (const use of ["read", "write", "export", "delete"] as const) {
    const rules = await rulesOfRole(`Twokey ${use}`);
    expect(rules.toSorted(), use).toEqual(keyRules[use].toSorted());
    expect(rules.at(-1), use).toBe("deny *");
  }
});

test("run again, it ends at the first role that is there, and prints no key", async () => {
  await expect(runScript()).rejects.toMatchObject({ stdout: "" });
});
