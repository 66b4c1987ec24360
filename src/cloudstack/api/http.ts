import axios from "axios";
import { failure, type Failure } from "../../core/failure.ts";
import { outgoingAgents, proxyAnswer, proxyTrouble } from "../../core/proxies.ts";
import { err, type Result } from "../../core/result.ts";
import { openAnswer, type Answer } from "./answer.ts";
import { classify, refusal, type CallInfo, type Trouble } from "./classify.ts";
import { settingsOf, type CallReport, type CloudStackOptions, type Settings } from "./options.ts";
import { signedForm, type Params } from "./signature.ts";

/** Sends commands, for one key pair. Nothing else in the bot calls CloudStack's API. */
export interface CloudStackApi {
  readonly settings: Settings;
  /** Sends a command that changes nothing; sends it again, a few times, when the server was not available. */
  read(command: string, params: Params, page?: number): Promise<Result<Answer, Failure>>;
  /** Sends a command that changes something, once. Errors: `indeterminate` when its outcome is not known. */
  change(command: string, params: Params): Promise<Result<Answer, Failure>>;
  /** The same sender with another question before every call. */
  asking(beforeCall: Settings["beforeCall"]): CloudStackApi;
}

/** Far more than a list page of 500 rows; a larger answer is not from CloudStack. Units: bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Waits before a read is sent again: short, since a whole pass waits with it. Units: ms. */
const READ_AGAIN_MS = [250, 1_000] as const;
/** Failures after which a read is sent again. */
const PASSING = new Set(
  ["unreachable", "lost_answer", "timeout", "throttled", "maintenance", "not_cloudstack"].map((c) => `cloudstack.${c}`),
);

/** Makes the sender for one key pair. */
export function createApi(o: CloudStackOptions): CloudStackApi {
  const settings = settingsOf(o);
  return senderOf(settings, outgoingAgents({ keepAlive: true, onlyTo: settings.url }));
}

function senderOf(settings: Settings, kept: Agents): CloudStackApi {
  // A change never uses an idle connection: the server may just be closing it, and the outcome would be unknown.
  const fresh = outgoingAgents({ keepAlive: false, onlyTo: settings.url });
  return {
    settings,
    read: async (command, params, page) => {
      const call: CallInfo = { command, effect: "read", page: page ?? null };
      for (const wait of [...READ_AGAIN_MS, null]) {
        const answer = await sendOne(settings, kept, call, params);
        if (answer.ok || wait === null || answer.error.kind !== "unavailable" || !PASSING.has(answer.error.code)) return answer;
        if (await interrupted(settings, wait)) return answer;
      }
      return err(classify({ kind: "aborted" }, call));
    },
    change: (command, params) => sendOne(settings, fresh, { command, effect: "change", page: null }, params),
    asking: (beforeCall) => senderOf({ ...settings, beforeCall }, kept),
  };
}

type Agents = ReturnType<typeof outgoingAgents>;

/** Waits; true: the client is being ended meanwhile. */
export async function interrupted(settings: Settings, ms: number): Promise<boolean> {
  try {
    await settings.sleep(ms, settings.signal ?? undefined);
    return false;
  } catch {
    // Only the client's own abort signal ends a sleep early.
    return true;
  }
}

async function sendOne(settings: Settings, over: Agents, call: CallInfo, params: Params): Promise<Result<Answer, Failure>> {
  const unsendable = findUnsendable(call, params);
  if (unsendable !== null) return err(unsendable);
  const fence = await askBeforeCall(settings, call.command);
  if (!fence.ok) return fence;
  const start = settings.now();
  const seen: Seen = { serverTime: null, bytes: 0 };
  const answer = await exchange(settings, over, signedForm(call.command, params, settings, start), seen);
  const result = answer.ok ? answer : err(classify(answer.error, call));
  const outcome = result.ok ? "ok" : result.error.code;
  settings.onCall({ command: call.command, page: call.page, ms: settings.now() - start, outcome, ...seen });
  return result;
}

/** Asks whether a call may be sent now. When that cannot be answered, it may not. */
export async function askBeforeCall(settings: Settings, command: string): Promise<Result<void, Failure>> {
  try {
    return await settings.beforeCall(command);
  } catch {
    return err(failure("unavailable", "cloudstack.fence_unasked", `${command}: it is not known whether it may be sent, so it is not sent`));
  }
}

/** What a call learns of its answer besides what is in it. */
type Seen = { -readonly [Name in "serverTime" | "bytes"]: CallReport[Name] };

async function exchange(settings: Settings, over: Agents, form: string, seen: Seen): Promise<Result<Answer, Trouble>> {
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, settings.timeoutMs);
  settings.signal?.addEventListener("abort", stop, { once: true });
  try {
    if (settings.signal?.aborted === true) return err({ kind: "aborted" });
    const response = await axios.request<AsyncIterable<Uint8Array>>({
      ...over,
      method: "POST",
      url: settings.url,
      data: form,
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      responseType: "stream",
      validateStatus: () => true,
      maxRedirects: 0,
      proxy: false,
      signal: ending.signal,
    });
    const date = Date.parse(String(response.headers["date"] ?? ""));
    seen.serverTime = Number.isNaN(date) ? null : date;
    const byProxy = proxyAnswer(response.status, settings.url);
    if (byProxy !== null) return err({ kind: "no_connection", code: "407", byProxy });
    const bytes = await readAll(response.data);
    seen.bytes = bytes?.byteLength ?? 0;
    return bytes === null ? err({ kind: "too_large", limit: ANSWER_BYTES_MAX }) : openAnswer(response.status, bytes);
  } catch (thrown) {
    if (isLate) return err({ kind: "timeout", ms: settings.timeoutMs });
    if (settings.signal?.aborted === true) return err({ kind: "aborted" });
    return err(troubleOf(thrown, settings.url));
  } finally {
    clearTimeout(timer);
    settings.signal?.removeEventListener("abort", stop);
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    // Leaving the loop destroys the stream.
    if (size > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** Beginnings of network and TLS error codes after which the request was never sent. */
const NEVER_SENT =
  /^(E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|ADDRNOTAVAIL)|ERR_(INVALID|TLS_CERT)|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

function troubleOf(thrown: unknown, url: string): Trouble {
  const byProxy = proxyTrouble(thrown, url);
  if (byProxy !== null) return { kind: "no_connection", code: "EPROXY", byProxy };
  const code = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "unknown";
  return { kind: NEVER_SENT.test(code) ? "no_connection" : "lost", code };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Finds a parameter that must not be sent: an id that is no UUID (CloudStack would take it for an internal number, or drop the filter), or
 * a text that CloudStack cannot give back (recording 03).
 *
 * Source: facts/cloudstack §1.5.
 */
function findUnsendable(call: CallInfo, params: Params): Failure | null {
  for (const [name, value] of Object.entries(params)) {
    const details = { command: call.command, parameter: name };
    if (name.endsWith("id") && !UUID.test(value) && !(name === "projectid" && value === "-1")) {
      return refusal("not_a_uuid", `${call.command}: ${name} is not a UUID, so it is not sent`, { details });
    }
    // CloudStack itself ends the details of a template with a line feed, such as SSH.PublicKey, and takes it (recording 27).
    const text = name.startsWith("details[") ? value.replaceAll("\n", "") : value;
    if (/[\p{Cc}\p{Surrogate}]/u.test(text) || (call.effect === "change" && value.includes("\\"))) {
      return refusal("unsendable_text", `${call.command}: ${name} holds a character that CloudStack would garble`, {
        remedy: "Remove backslashes and control characters from the name.",
        details,
      });
    }
  }
  return null;
}
