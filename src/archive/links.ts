import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import type { Queryable } from "../store/db.ts";
import type { Downloads } from "./downloads.ts";
import type { ArchiveStore, ByteRange } from "./ports.ts";

/** One answer of our HTTP server: status, headers, and a text or a stream. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
}

/** What serving a link needs. */
export interface LinkContext {
  readonly db: Queryable;
  readonly store: Pick<ArchiveStore, "open" | "sign">;
  readonly now: Clock;
  readonly downloads: Downloads;
  /** Whether a person may still see what they exported. Errors: `unavailable` while Slack or the CI database does not say. */
  readonly mayDownload: (e: { readonly projectId: ProjectId | null; readonly slackUser: string }) => Promise<Result<boolean, Failure>>;
}

/** The shape of an id in a link: PostgreSQL refuses any other. */
export const LINK_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** How long a link is good at most: longer than any template takes. Units: milliseconds. */
export const LINK_MS = DAY_MS;

/** What is kept of a link's secret. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Whether a token is the one that a hash was made of; takes the same time for every token. */
export function isTokenOf(hash: string, token: string): boolean {
  return timingSafeEqual(Buffer.from(hash), Buffer.from(tokenHash(token)));
}

/** Addresses that lead whoever opens them to their own machine, or to none. */
const LOCAL = /^(?:127\.|localhost$|\[::1?\]$|0\.0\.0\.0$|169\.254\.)/;

/** Whether a link to this address opens on this machine only. */
export function isLocal(url: string): boolean {
  return LOCAL.test(new URL(url).hostname);
}

/** What is served of the archive. Units: bytes. */
export interface ServedCopy {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Serves a copy, or the part of it that is asked for, so that a download that broke off goes on; null: the archive does not have it.
 *
 * Source: RFC 9110 §13 and §14. Several ranges, and ranges of another version of the file, are answered with the whole.
 */
export async function serveCopy(
  copy: ServedCopy,
  asked: IncomingHttpHeaders,
  c: { readonly store: Pick<ArchiveStore, "open"> },
  more: HttpAnswer["headers"] = {},
): Promise<HttpAnswer | null> {
  const etag = `"${copy.sha256}"`;
  const always = { "accept-ranges": "bytes", etag, "cache-control": "no-store" };
  const ifRange = asked["if-range"];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(asked.range ?? "", copy.bytes) : null;
  if (range === "none") return { status: 416, headers: { ...always, "content-range": `bytes */${copy.bytes}` }, body: "" };
  const opened = await c.store.open(copy.key, range ?? undefined);
  if (!opened.ok) return null;
  const { start, end } = range ?? { start: 0, end: copy.bytes - 1 };
  const headers = {
    ...always,
    ...more,
    "content-type": "application/octet-stream",
    "content-length": String(end - start + 1),
    "x-checksum-sha256": copy.sha256,
    ...(range === null ? {} : { "content-range": `bytes ${start}-${end}/${copy.bytes}` }),
  };
  return { status: range === null ? 200 : 206, headers, body: opened.value };
}

/** The one range that a header asks for; null: the whole file; none: beyond its end. */
function rangeOf(header: string, size: number): ByteRange | "none" | null {
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (from === "" && to === "") return null;
  if (from === "") return Number(to) === 0 || size === 0 ? "none" : { start: Math.max(0, size - Number(to)), end: size - 1 };
  if (to !== "" && Number(to) < Number(from)) return null;
  if (Number(from) >= size) return "none";
  return { start: Number(from), end: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

/** An answer in plain text that no cache keeps. */
export function textAnswer(status: number, body: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" }, body };
}
