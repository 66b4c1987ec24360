import { createHash, createHmac } from "node:crypto";

/** By whom, where and for how long an address is signed. Units: UTC epoch milliseconds, seconds. */
interface Signing {
  readonly method: "GET" | "HEAD";
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string | undefined };
  readonly at: number;
  readonly seconds: number;
}

/**
 * Signs an address of a bucket, so that whoever has it can read that one object for a while.
 *
 * Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)"; its example is a test.
 */
export function signUrl(url: URL, s: Signing): string {
  const stamp = new Date(s.at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${stamp.slice(0, 8)}/${s.region}/s3/aws4_request`;
  const token = s.credentials.sessionToken;
  const query = [
    ...url.searchParams,
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${s.credentials.accessKeyId}/${scope}`],
    ["X-Amz-Date", stamp],
    ["X-Amz-Expires", String(s.seconds)],
    ["X-Amz-SignedHeaders", "host"],
    ...(token === undefined ? [] : [["X-Amz-Security-Token", token]]),
  ]
    .map(([name = "", value = ""]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join("&");
  const path = url.pathname
    .split("/")
    .map((part) => encoded(decodeURIComponent(part)))
    .join("/");
  const request = [s.method, path, query, `host:${url.host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const text = ["AWS4-HMAC-SHA256", stamp, scope, createHash("sha256").update(request).digest("hex")].join("\n");
  const key = scope.split("/").reduce<Buffer | string>((k, part) => hmac(k, part), `AWS4${s.credentials.secretAccessKey}`);
  return `${url.origin}${path}?${query}&X-Amz-Signature=${hmac(key, text).toString("hex")}`;
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** As RFC 3986 has it: nothing but letters, digits and `-._~` stays. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
