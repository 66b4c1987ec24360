import type { CallValue, SetupCall } from "../../cloudstack/setup/calls.ts";
import { keyVariablesOf, wantedAccounts } from "../../cloudstack/api/wanted-roles.ts";

const HEAD = `#!/usr/bin/env bash
# Every call that makes the roles, accounts and keys of Twokey, as \`npx twokey roles\` printed it. Run it once, where CloudMonkey (cmk 6)
# is set up with the keys of a root administrator, with the UUID of the managed root, such as that of ROOT/ci:
#
#     cmk -o json listDomains name=ci listall=true     # shows that UUID
#     bash roles.sh UUID > twokey.keys                 # readable by you only
#
# It changes nothing that is there; a role or account of the same name ends it. \`npx twokey roles --apply\` does the same by itself.
set -euo pipefail
umask 077
managed=\${1:?give the UUID of the managed root, such as that of ROOT/ci}

call() { cmk -o json "$@"; }
# The first value of a name in JSON that cmk prints.
value() { sed -n "/^ *\\"$1\\": \\"/{s/^ *\\"$1\\": \\"\\(.*\\)\\",\\{0,1\\}\\$/\\1/p;q;}"; }
password() { echo "Tk!1$(od -An -N24 -tx1 /dev/urandom | tr -d ' \\n')"; }

made=$(call listDomains level=0 listall=true)
root=$(value id <<<"$made")
`;

/** The calls as a shell script that ends with the variables of the keys; nothing of it is known to anybody but who runs it. */
export function scriptOf(calls: readonly SetupCall[]): string {
  return `${HEAD}${calls.map(lineOf).join("\n")}\n`;
}

function lineOf({ command, params, makes }: SetupCall): string {
  const words = Object.entries(params).map(
    ([name, value]) =>
      `${name}=${[value]
        .flat()
        .map((v) => wordOf(v as CallValue))
        .join(",")}`,
  );
  const call = `call ${command} ${words.join(" ")}`;
  if (command === "registerUserKeys") return `keys=$(${call})\n${variableLines(params["id"] as CallValue).join("\n")}`;
  if (command === "createAccount") {
    const { account, domainid } = params as Record<string, CallValue>;
    const found = `call listUsers username=${wordOf(account ?? "")} domainid=${wordOf(domainid ?? "")} listall=true`;
    return `${call} >/dev/null\nmade=$(${found})\n${nameOf(makes)}=$(value id <<<"$made")`;
  }
  return makes?.of === "role" ? `\nmade=$(${call})\n${nameOf(makes)}=$(value id <<<"$made")` : `${call} >/dev/null`;
}

function variableLines(user: CallValue): readonly string[] {
  const account = wantedAccounts.find((a) => typeof user !== "string" && a.name === user.name);
  const [apiKey, secretKey] = account === undefined ? ["", ""] : keyVariablesOf(account.use);
  return [`echo "${apiKey}=$(value apikey <<<"$keys")"`, `echo "${secretKey}=$(value secretkey <<<"$keys")"`];
}

function wordOf(value: CallValue): string {
  if (typeof value === "string") return /^[\w@.-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`;
  if (value.of === "password") return '"$(password)"';
  return value.of === "domain" ? `"$${value.name}"` : `"$${nameOf(value)}"`;
}

function nameOf(made: Exclude<CallValue, string> | null): string {
  return made === null ? "made" : `${made.of}_${made.name.toLowerCase().replace(/[^a-z0-9]+/g, "_")}`;
}
