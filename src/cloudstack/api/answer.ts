import type { Trouble } from "./classify.ts";
import { err, ok, type Result } from "../../core/result.ts";

/** What is inside an answer's one wrapper key. */
export type Answer = Readonly<Record<string, unknown>>;

/**
 * Opens an answer: one wrapper key ending in `response`, inside it the fields or CloudStack's error.
 *
 * Source: facts/cloudstack §1.3. Some errors use `errorresponse`, so the one key is taken, whatever its name.
 */
export function openAnswer(status: number, bytes: Uint8Array): Result<Answer, Trouble> {
  const whole = parseJson(bytes);
  if (whole === undefined)
    return err(status === 200 && !looksLikeHtml(bytes) ? { kind: "malformed_json" } : { kind: "not_cloudstack", status });
  const inner = isRecord(whole) ? Object.entries(whole) : [];
  const [wrapper, body] = inner[0] ?? [];
  if (inner.length !== 1 || wrapper === undefined || !wrapper.endsWith("response") || !isRecord(body)) {
    return err(status === 200 ? { kind: "unknown_shape", what: "no single wrapper" } : { kind: "not_cloudstack", status });
  }
  const { errorcode, cserrorcode, errortext } = body;
  if (typeof errorcode === "number") {
    const csStatus = typeof cserrorcode === "number" ? cserrorcode : null;
    return err({ kind: "refused", status: errorcode, csStatus, text: typeof errortext === "string" ? errortext : "no text" });
  }
  return status === 200 ? ok(body) : err({ kind: "not_cloudstack", status });
}

/** Whether a value is a JSON object. */
function isRecord(value: unknown): value is Readonly<Record<"errorcode" | "cserrorcode" | "errortext" | (string & {}), unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // JSON has no undefined, so it stands for: this is no JSON.
    return undefined;
  }
}

function looksLikeHtml(bytes: Uint8Array): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 200)).trimStart();
  return start === "" || start.startsWith("<");
}
