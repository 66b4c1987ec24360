import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { invariant } from "./failure.ts";
import type { Digest } from "./ids.ts";

/** Writes a plain value as canonical JSON: same value, same bytes. Source: RFC 8785. Errors: throws on what JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  invariant(text !== undefined, "only plain JSON values can be written canonically");
  return text;
}

/** SHA-256 over the canonical JSON of a plain value. */
export function digestOf(value: unknown): Digest {
  return createHash("sha256").update(canonicalJson(value), "utf8").digest("hex") as Digest;
}
