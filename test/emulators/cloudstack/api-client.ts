import { signatureOf } from "../../../emulators/cloudstack/signature.ts";
import type { Keys } from "../../../emulators/cloudstack/server.ts";

/** An answer as a client sees it; `body` is `undefined` where the text is no JSON. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown> | undefined;
}

/** How a call deviates from an ordinary one. */
export interface Deviation {
  readonly unsigned?: boolean;
  readonly wrongSignature?: boolean;
  readonly unknownKey?: boolean;
  readonly expires?: string;
  readonly get?: boolean;
}

/** Calls the emulator as the bot does: POST, signature version 3. */
export async function callApi(
  url: string,
  keys: Keys,
  now: number,
  command: string,
  params: Readonly<Record<string, string>> = {},
  deviation: Deviation = {},
): Promise<Reply> {
  const expires = deviation.expires ?? new Date(now + 600_000).toISOString();
  const plain = { ...params, command, response: "json" };
  const apikey = deviation.unknownKey === true ? "nobody-has-this-key" : keys.apiKey;
  const signed = { ...plain, apikey, signatureversion: "3", expires };
  const signature = deviation.wrongSignature === true ? "bm90IHRoZSBzaWduYXR1cmU=" : signatureOf(signed, keys.secretKey);
  const form = new URLSearchParams(deviation.unsigned === true ? plain : { ...signed, signature });
  const response = deviation.get === true ? await fetch(`${url}?${form.toString()}`) : await fetch(url, { method: "POST", body: form });
  const text = await response.text();
  return { status: response.status, text, body: parse(text) };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Some recorded answers are no JSON, which is the point of them.
    return undefined;
  }
}
