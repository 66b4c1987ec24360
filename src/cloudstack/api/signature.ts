import { createHmac } from "node:crypto";

/** Parameters of one command; names in lower case, each once. */
export type Params = Readonly<Record<string, string>>;

/** How long a signed request stays valid: it can be replayed until then, and CloudStack allows at most 15 minutes. Units: ms. */
export const VALID_MS = 10 * 60_000;

/**
 * The body of a signed request: form-encoded parameters with key, expiry and signature.
 *
 * Source: facts/cloudstack §1.2 (ApiServer.verifyRequest), signature version 3.
 */
export function signedForm(command: string, params: Params, keys: { apiKey: string; secretKey: string }, now: number): string {
  const all: Params = {
    ...params,
    command,
    apikey: keys.apiKey,
    response: "json",
    signatureversion: "3",
    expires: `${new Date(now + VALID_MS).toISOString().slice(0, 19)}+0000`,
  };
  let form = "";
  for (const [name, value] of Object.entries(all)) form += `${encode(name)}=${encode(value)}&`;
  return `${form}signature=${encodeURIComponent(signatureOf(all, keys.secretKey))}`;
}

/**
 * The signature of a set of parameters: names sorted as UTF-16 and not encoded, values encoded as Java does, all in lower case.
 *
 * Source: facts/cloudstack §1.2, with test vectors.
 */
export function signatureOf(params: Params, secretKey: string): string {
  let canonical = "";
  for (const name of Object.keys(params).sort()) canonical += `${canonical === "" ? "" : "&"}${name}=${encodeAsJava(params[name] ?? "")}`;
  return createHmac("sha1", secretKey).update(canonical.toLowerCase(), "utf8").digest("base64");
}

/** What every encoding leaves as it is: most names and values; a pass sends thousands of them. */
const PLAIN = /^[\w.*-]*$/;

function encode(value: string): string {
  return PLAIN.test(value) ? value : encodeURIComponent(value);
}

/** `encodeURIComponent` leaves `! ' ( ) ~` alone; Java's URLEncoder does not. */
function encodeAsJava(value: string): string {
  if (PLAIN.test(value)) return value;
  return encodeURIComponent(value).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
