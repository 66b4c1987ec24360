import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { keyUses, type KeyUse } from "../api/needs.ts";
import { unknownShape } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { awaitJob } from "../api/jobs.ts";
import type { Params } from "../api/signature.ts";
import { fit, Made, Started } from "../api/wire.ts";
import type { CallValue, SetupCall } from "./calls.ts";
import { findRolesAndAccounts, readKeys } from "./found.ts";

/** A key pair. */
export interface Keys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/**
 * Makes the calls, one after the other, and ends at the first that fails: what was made until then is there, and a second run continues.
 *
 * `newPassword` gives an account's password, which nobody needs: it is not kept. `onCall` gets each call that succeeded.
 */
export async function carryOut(
  api: CloudStackApi,
  calls: readonly SetupCall[],
  o: { readonly newPassword: () => string; readonly onCall: (call: SetupCall) => void },
): Promise<Result<void, Failure>> {
  const made = new Map<string, string>();
  const valueOf = (value: CallValue): string => {
    if (typeof value === "string") return value;
    return value.of === "password" ? o.newPassword() : (made.get(`${value.of} ${value.name}`) ?? "");
  };
  for (const call of calls) {
    const pairs = Object.entries(call.params).map(([name, value]) => [
      name,
      [value]
        .flat()
        .map((v) => valueOf(v as CallValue))
        .join(","),
    ]);
    const sent = await send(api, call, Object.fromEntries(pairs) as Params);
    if (!sent.ok) return sent;
    if (call.makes !== null) made.set(`${call.makes.of} ${call.makes.name}`, sent.value);
    o.onCall(call);
  }
  return ok(undefined);
}

/** Sends one call; the id of what it made, or an empty text. A newer CloudStack registers keys by a job. */
async function send(api: CloudStackApi, { command, makes }: SetupCall, params: Params): Promise<Result<string, Failure>> {
  const sent = await api.change(command, params);
  if (!sent.ok) return sent;
  const job = command === "registerUserKeys" ? fit(Started, sent.value) : null;
  if (job?.ok === true) {
    const ended = await awaitJob(api, command, job.value.jobid);
    if (!ended.ok) return ended;
  }
  if (makes === null) return ok("");
  const answer = fit(Made, sent.value);
  const { role, rolepermission, account } = answer.ok ? answer.value : {};
  const id = role?.id ?? rolepermission?.id ?? account?.user[0]?.id;
  return id === undefined ? err(unknownShape(answer.ok ? "no id" : answer.what, command, "change")) : ok(id);
}

/** The key pairs of the four accounts, as CloudStack has them; an account without one is left out. */
export async function readFourKeys(api: CloudStackApi): Promise<Result<ReadonlyMap<KeyUse, Keys>, Failure>> {
  const found = await findRolesAndAccounts(api, []);
  if (!found.ok) return found;
  const pairs = new Map<KeyUse, Keys>();
  for (const use of keyUses) {
    const account = found.value.accounts.get(use);
    const keys = account === undefined ? ok(null) : await readKeys(api, account.userId);
    if (!keys.ok) return keys;
    if (keys.value !== null) pairs.set(use, keys.value);
  }
  return ok(pairs);
}
