import { createHmac } from "node:crypto";

/**
 * The signature the real server works out for a request: all parameters but `signature`, sorted by raw name, values encoded as
 * Java's `URLEncoder` does with `%20` for a space, the whole text lower-cased, HMAC-SHA1, Base64.
 * Source: facts/cloudstack.md §1.2.
 */
export function signatureOf(params: Readonly<Record<string, string>>, secretKey: string): string {
  let canonical = "";
  // Without a comparison of its own, `sort` goes by UTF-16 code units, as `<` does.
  for (const name of Object.keys(params).sort()) {
    if (name.length === 9 && name.toLowerCase() === "signature") continue;
    canonical += `${canonical === "" ? "" : "&"}${name}=${javaEncode(params[name] ?? "")}`;
  }
  return createHmac("sha1", secretKey).update(canonical.toLowerCase(), "utf8").digest("base64");
}

/** Whether a request carries the right signature. How long the comparison takes tells nobody anything: the keys are an emulator's. */
export function isSignedBy(params: Readonly<Record<string, string>>, signature: string, secretKey: string): boolean {
  return signatureOf(params, secretKey) === signature;
}

/**
 * Reads `expires`: an ISO time with `Z`, with `+hh:mm`, or with `+hhmm`.
 * Errors: `undefined` where it is no such time.
 */
export function parseExpires(text: string): number | undefined {
  const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})$/;
  if (!iso.test(text)) return undefined;
  const at = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  return Number.isNaN(at) ? undefined : at;
}

function javaEncode(value: string): string {
  if (/^[\w.*-]*$/.test(value)) return value;
  return encodeURIComponent(value).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
