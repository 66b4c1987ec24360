/**
 * Cuts a long text into parts by its content: where one thing of it changes, only the parts around it are others. So what two texts have in
 * common is stored once, wherever it stands in them.
 *
 * Source: "FastCDC" (Xia et al., USENIX ATC 2016): a rolling hash over the last 32 bytes, which says where a part ends.
 */
import { createHash } from "node:crypto";

/** No part but the last is shorter, none is longer. Units: bytes. */
const LENGTH = { min: 8 * 1024, max: 128 * 1024 } as const;
/** A part ends where these bits of the hash are 0: on average 16 KiB after its shortest end. The upper bits know all 32 bytes. */
const MASK = 0xfffc0000;
/** A random number for each byte, always the same: another table would cut what is stored already elsewhere. */
const GEAR = Int32Array.from({ length: 256 }, (_, n) => createHash("sha256").update(`twokey part ${n}`).digest().readInt32BE(0));

/** Cuts the bytes into parts; joined they are the same bytes. */
export function cutIntoParts(bytes: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = endOfPart(bytes, from);
    parts.push(bytes.subarray(from, to));
    from = to;
  }
  return parts;
}

function endOfPart(bytes: Buffer, from: number): number {
  const last = Math.min(bytes.length, from + LENGTH.max);
  let hash = 0;
  // What stands before the shortest end counts for nothing, but for the bytes that the hash covers.
  for (let at = from + LENGTH.min - 32; at < last; at += 1) {
    hash = ((hash << 1) + (GEAR[bytes[at] ?? 0] ?? 0)) | 0;
    if (at >= from + LENGTH.min && (hash & MASK) === 0) return at + 1;
  }
  return last;
}
