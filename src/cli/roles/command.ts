import { existsSync } from "node:fs";
import { createApi, type CloudStackApi } from "../../cloudstack/api/http.ts";
import { carryOut, readFourKeys } from "../../cloudstack/setup/carry-out.ts";
import { planSetup, rolesAsked, type CallValue, type Setup, type SetupCall } from "../../cloudstack/setup/calls.ts";
import { findRolesAndAccounts } from "../../cloudstack/setup/found.ts";
import { parseSetupConfig, type SetupConfig } from "../../config/config.ts";
import type { DomainPath } from "../../core/ids.ts";
import { ok } from "../../core/result.ts";
import { refuse, refuseUse, tellFailure, tellJson, type CliCommand, type CliIo, type Given } from "../command.ts";
import { oneLine } from "../reimport-text.ts";
import { openKeysFile } from "./keys-file.ts";
import { scriptOf } from "./script.ts";

/**
 * `twokey roles`: without the keys of a root administrator prints every call as a script; with them the calls that are still to be made,
 * and with `--apply` makes them. What is there is changed only where `--change` names it. No secret is printed.
 */
export const runRoles: CliCommand = async (io, given) => {
  const config = parseSetupConfig(io.env);
  if (!config.ok) return tellFailure(io, config.error, 2);
  const { admin } = config.value;
  if (admin === null) return printAll(config.value, io, given);
  const api = createApi({
    ...admin,
    rootPath: config.value.rootPath as DomainPath,
    now: io.now,
    sleep: (ms, signal) => io.sleep(ms, signal),
    newId: io.newId,
    beforeCall: async () => ok(undefined),
  });
  const planned = await plan(api, config.value, given);
  if (!planned.ok) return tellFailure(io, planned.error);
  const unknown = changeOf(given).filter((name) => name !== "all" && !rolesAsked(config.value).includes(name));
  if (unknown.length > 0)
    return refuseUse(io, given, `--change names ${unknown.join(", ")}, which is none of ${rolesAsked(config.value).join(", ")}, all.`);
  return given.flags.has("apply") ? apply(api, planned.value, io, given) : show(planned.value, io, given);
};

async function plan(api: CloudStackApi, { memberRoles }: SetupConfig, given: Given) {
  const found = await findRolesAndAccounts(api, rolesAsked({ memberRoles }));
  if (!found.ok) return found;
  const named = changeOf(given);
  return ok(planSetup(found.value, { memberRoles, mayChange: (role) => named.includes(role) || named.includes("all") }));
}

function changeOf(given: Given): readonly string[] {
  return (given.values["change"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function printAll({ memberRoles }: SetupConfig, io: CliIo, given: Given): number {
  const needs = ["apply", "change", "keys"].find((name) => given.flags.has(name) || given.values[name] !== undefined);
  if (needs !== undefined)
    return refuse(
      io,
      `--${needs} needs the keys of a root administrator: set CLOUDSTACK_ADMIN_API_KEY and CLOUDSTACK_ADMIN_SECRET_KEY, or their …_FILE.`,
    );
  const { calls } = planSetup(null, { memberRoles, mayChange: () => false });
  if (given.flags.has("json")) tellJson(io, { calls: calls.map(shownCall), differences: [], notes: [] });
  else io.out(scriptOf(calls));
  return 0;
}

/** What would be done; nothing is. */
function show(setup: Setup, io: CliIo, given: Given): number {
  if (given.flags.has("json")) tellJson(io, { ...setup, calls: setup.calls.map(shownCall) });
  else {
    for (const call of setup.calls) io.out(`${lineOf(call)}\n`);
    tellRest(setup, io);
    io.out(setup.calls.length === 0 ? "No call is to be made.\n" : `${setup.calls.length} calls are to be made: --apply makes them.\n`);
  }
  return setup.differences.length > 0 ? 1 : 0;
}

async function apply(api: CloudStackApi, setup: Setup, io: CliIo, given: Given): Promise<number> {
  const file = given.values["keys"] ?? "twokey.keys";
  const makesKeys = setup.calls.some((call) => call.command === "registerUserKeys");
  // Keys that are there are written only where no file is: a second run changes nothing.
  const opened = makesKeys || !existsSync(file) ? await openKeysFile(file) : null;
  if (opened !== null && !opened.ok) return tellFailure(io, opened.error, 2);
  let count = 0;
  const onCall = (call: SetupCall): void => {
    count += 1;
    io.err(`${lineOf(call)}\n`);
  };
  const done = await carryOut(api, setup.calls, { newPassword: () => `Tk!1${io.newToken()}`, onCall });
  // Also after a failure: keys that were made by then are not lost, and CloudStack gives them again.
  const keys = opened === null ? null : await readFourKeys(api);
  if (opened !== null && keys !== null)
    await (keys.ok && keys.value.size > 0 && done.ok ? opened.value.write(keys.value) : opened.value.discard());
  if (!done.ok)
    return tellFailure(io, { ...done.error, remedy: `${count} of ${setup.calls.length} calls were made. Run it again to continue.` });
  if (keys?.ok === false) return tellFailure(io, keys.error);
  if (given.flags.has("json")) tellJson(io, { ...setup, calls: setup.calls.map(shownCall), keysFile: opened === null ? null : file });
  else {
    tellRest(setup, io);
    io.out(
      setup.calls.length === 0
        ? "Nothing was changed: every role, account and key is there.\n"
        : `${setup.calls.length} calls were made.\n`,
    );
    io.out(
      opened === null
        ? `${file} was not written again.\n`
        : `The keys are in ${file}, which only you can read: set -a; . ${file}; set +a\n`,
    );
  }
  return setup.differences.length > 0 ? 1 : 0;
}

function tellRest({ differences, notes }: Setup, io: CliIo): void {
  for (const note of notes) io.out(`Note: ${oneLine(note)}.\n`);
  for (const difference of differences) io.out(`Left as it is: ${oneLine(difference)}.\n`);
  if (differences.some((text) => text.startsWith("the role")))
    io.out("--change ROLE, or --change all, gives a role the rules that are wanted.\n");
}

/** A call as CloudMonkey takes it; what is not known yet is named. */
function lineOf(call: SetupCall): string {
  const { command, params } = shownCall(call);
  return oneLine(
    [command, ...Object.entries(params).map(([name, value]) => `${name}=${/[\s*'"]/.test(value) ? `'${value}'` : value}`)].join(" "),
  );
}

function shownCall({ command, params }: SetupCall): { readonly command: string; readonly params: Readonly<Record<string, string>> } {
  const shown = (value: CallValue): string =>
    typeof value === "string" ? value : value.of === "password" ? "<a new password>" : `<id of the ${value.of} ${value.name}>`;
  return {
    command,
    params: Object.fromEntries(
      Object.entries(params).map(([name, value]) => [
        name,
        [value]
          .flat()
          .map((v) => shown(v as CallValue))
          .join(","),
      ]),
    ),
  };
}
