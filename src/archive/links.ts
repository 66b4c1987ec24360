import { createHash, timingSafeEqual } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../core/clock.ts";
import { DAY_MS } from "../core/units.ts";
import type { Queryable } from "../store/db.ts";
import type { ArchiveStore } from "./ports.ts";

/** One answer of our HTTP server: status, headers, and a text or a stream. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
}

/** What serving a link needs. */
export interface LinkContext {
  readonly db: Queryable;
  readonly store: Pick<ArchiveStore, "open">;
  readonly now: Clock;
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

/** An answer in plain text. */
export function textAnswer(status: number, body: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" }, body };
}
