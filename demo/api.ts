import { createHmac } from "node:crypto";

/** Calls a CloudStack API as a person with keys would; for the people of the demo, who own machines. */
export async function callCloudStack(
  url: string,
  keys: { readonly apiKey: string; readonly secretKey: string },
  params: Readonly<Record<string, string>>,
): Promise<unknown> {
  const all: Record<string, string> = { ...params, response: "json", apikey: keys.apiKey };
  const encode = (v: string): string => encodeURIComponent(v).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const canonical = Object.keys(all)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((k) => `${k}=${encode(all[k] ?? "")}`)
    .join("&")
    .toLowerCase();
  const signature = createHmac("sha1", keys.secretKey).update(canonical).digest("base64");
  const response = await fetch(url, { method: "POST", body: new URLSearchParams({ ...all, signature }) });
  return response.json();
}
