import { Readable, Transform, type TransformCallback } from "node:stream";
import axios from "axios";
import { failure, type Failure } from "../../core/failure.ts";
import { outgoingAgents, PROXY_REMEDY, proxyAnswer, proxyTrouble } from "../../core/proxies.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { askBeforeCall } from "../api/http.ts";
import type { Settings } from "../api/options.ts";

/** An open download. */
export interface Download {
  readonly bytes: Readable;
  readonly offset: number;
  readonly totalBytes: number | null;
}

/**
 * Opens a link at an offset. Nothing of the link, its host included, gets into a message.
 *
 * Errors: `unavailable`, with `cloudstack.link_dead` for a link that no longer exists; `contract_broken` for the wrong bytes.
 */
export async function openLink(s: Settings, link: string, offset: number): Promise<Result<Download, Failure>> {
  const fence = await askBeforeCall(s, "download");
  if (!fence.ok) return fence;
  const start = s.now();
  const opened = await request(s, link, offset);
  const outcome = opened.ok ? "ok" : opened.error.code;
  s.onCall({ command: "download", page: null, ms: s.now() - start, outcome, serverTime: null, bytes: 0 });
  return opened;
}

async function request(s: Settings, link: string, offset: number): Promise<Result<Download, Failure>> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), s.timeoutMs);
  const stop = (): void => ending.abort();
  s.signal?.addEventListener("abort", stop, { once: true });
  try {
    const response = await axios.request<Readable>({
      ...outgoingAgents({ keepAlive: false }),
      method: "GET",
      url: link,
      headers: { "accept-encoding": "identity", ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
      responseType: "stream",
      decompress: false,
      validateStatus: () => true,
      maxRedirects: 0,
      proxy: false,
      signal: ending.signal,
    });
    const byProxy = proxyAnswer(response.status, link);
    if (byProxy !== null) {
      response.data.destroy();
      return err(notOpened(byProxy, PROXY_REMEDY, { offset }));
    }
    const header = (name: string): string | null => headerOf(response.headers, name);
    const answer = { status: response.status, range: header("content-range"), length: header("content-length") };
    const place = placeOf(answer, offset);
    if (!place.ok) {
      response.data.destroy();
      return place;
    }
    const { totalBytes } = place.value;
    if (place.value.isEmpty) {
      response.data.destroy();
      return ok({ bytes: Readable.from([]), offset, totalBytes });
    }
    return ok({ bytes: guarded(response.data, s, ending), offset: place.value.offset, totalBytes });
  } catch (thrown) {
    return err(causeOfError(thrown, link, offset));
  } finally {
    clearTimeout(timer);
    s.signal?.removeEventListener("abort", stop);
  }
}

function notOpened(why: string, remedy: string, details: NonNullable<Failure["details"]>): Failure {
  return failure("unavailable", "cloudstack.download_lost", `the download could not be opened: ${why}`, { remedy, details });
}

/** Why a link did not open. Of the error only the code is used: the rest names the link. */
function causeOfError(thrown: unknown, link: string, offset: number): Failure {
  const byProxy = proxyTrouble(thrown, link);
  if (byProxy !== null) return notOpened(byProxy, PROXY_REMEDY, { offset });
  const code = errorCodeOf(thrown);
  return notOpened(...causeOf(code), { offset, ...(code === "" ? {} : { cause: code }) });
}

const SEE = 'docs/cloudstack.md, "Downloads"';

function causeOf(code: string): readonly [why: string, remedy: string] {
  if (/CERT|ISSUER|SIGNATURE|TLS|SSL|EPROTO/.test(code))
    return [
      `the certificate of the secondary storage VM is not trusted (${code})`,
      `Give CloudStack a trusted one for secstorage.ssl.cert.domain, or this process your own authority by NODE_EXTRA_CA_CERTS (${SEE}).`,
    ];
  if (/^(?:ENOTFOUND|EAI_\w+)$/.test(code))
    return [
      `the host name of the secondary storage VM cannot be found (${code})`,
      `Make the names below secstorage.ssl.cert.domain known where Twokey runs (${SEE}).`,
    ];
  if (code === "ECONNREFUSED")
    return [`nothing answers at the secondary storage VM (${code})`, `See that the VM runs and serves downloads (${SEE}).`];
  return [
    `the secondary storage VM cannot be reached${code === "" ? "" : ` (${code})`}`,
    `Open the way from Twokey to its public address, ports 80 and 443 (${SEE}).`,
  ];
}

/** The code of what was thrown, such as ENOTFOUND; empty where there is none that may be shown. */
function errorCodeOf(thrown: unknown): string {
  const { code, cause } = thrown as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } };
  const found = [cause?.code, code].find((c) => typeof c === "string" && /^(?!ERR_(?:CANCELED|NETWORK)$)[A-Z][A-Z0-9_]{2,60}$/.test(c));
  return typeof found === "string" ? found : "";
}

interface Place {
  readonly offset: number;
  readonly totalBytes: number | null;
  readonly isEmpty: boolean;
}

/** Where an answer's bytes belong in the file, by its status and headers. Source: RFC 9110 §14. */
export function placeOf(answer: { status: number; range: string | null; length: string | null }, asked: number): Result<Place, Failure> {
  const { status } = answer;
  if (status === 200) return ok({ offset: 0, totalBytes: wholeNumber(answer.length), isEmpty: false });
  const [, from, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(answer.range ?? "") ?? [];
  const totalBytes = wholeNumber(total ?? null);
  if (status === 206 && wholeNumber(from ?? null) === asked) return ok({ offset: asked, totalBytes, isEmpty: false });
  if (status === 416 && totalBytes === asked) return ok({ offset: asked, totalBytes, isEmpty: true });
  const details = { status, offset: asked };
  if (status === 206 || status === 416)
    return err(failure("contract_broken", "cloudstack.wrong_range", "other bytes came than were asked for", { details }));
  if (status === 403 || status === 404 || status === 410) {
    const remedy = "CloudStack may return the dead link until its next clean-up (extract.url.cleanup.interval): try later.";
    return err(failure("unavailable", "cloudstack.link_dead", `the download link is dead (HTTP ${status})`, { remedy, details }));
  }
  if (status >= 300 && status < 400) {
    const remedy = `Links are not followed to other addresses: see secstorage.encrypt.copy and secstorage.ssl.cert.domain (${SEE}).`;
    const said = `the download is sent on to another address (HTTP ${status})`;
    return err(failure("unavailable", "cloudstack.download_refused", said, { remedy, details }));
  }
  return err(failure("unavailable", "cloudstack.download_refused", `the download was answered with HTTP ${status}`, { details }));
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function headerOf(headers: object, name: string): string | null {
  const value: unknown = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return typeof value === "string" ? value : null;
}

/** Passes bytes on; ends with an error when none come for as long as a call may take, or when the bot stops. */
function guarded(source: Readable, s: Settings, ending: AbortController): Readable {
  const guard = new IdleGuard(s.timeoutMs);
  const stop = (): void => {
    guard.destroy(new Error("the bot is stopping"));
  };
  s.signal?.addEventListener("abort", stop, { once: true });
  // The error of the source names the link's host; the guard's own does not.
  source.on("error", () => guard.destroy(new Error("the download broke off")));
  source.once("aborted", () => guard.destroy(new Error("the download broke off")));
  // Whoever reads it has a listener of its own; an error that nobody listens to would end the process.
  guard.on("error", () => undefined);
  guard.once("close", () => {
    s.signal?.removeEventListener("abort", stop);
    ending.abort();
    source.destroy();
  });
  return source.pipe(guard);
}

class IdleGuard extends Transform {
  readonly #idleMs: number;
  #timer: NodeJS.Timeout;
  constructor(idleMs: number) {
    super({ highWaterMark: 512 * 1024 });
    this.#idleMs = idleMs;
    this.#timer = this.#arm();
  }
  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
    done(null, chunk);
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }
  #arm(): NodeJS.Timeout {
    return setTimeout(() => this.destroy(new Error("the download has stalled")), this.#idleMs);
  }
}
