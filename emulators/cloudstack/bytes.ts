import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

const CHUNK = 65_536;
const BLOCK = 16;

/** Where a file's format shows: these bytes at this offset; a negative offset counts from the end. */
const MARKS: Readonly<Record<string, readonly (readonly [offset: number, bytes: Buffer])[]>> = {
  qcow2: [[0, Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3])]],
  vhd: [
    [0, Buffer.from("conectix")],
    [-512, Buffer.from("conectix")],
  ],
  ova: [[257, Buffer.from("ustar")]],
  vmdk: [[0, Buffer.from("KDMV")]],
};

/** A file that exists only as its name and size: always the same bytes, which do not compress. */
export interface VirtualFile {
  readonly id: string;
  readonly size: number;
  readonly format: string;
  /** Where the bytes lie, when they were fetched from somewhere and not made from the id. */
  readonly path?: string | undefined;
}

/** The bytes from `start` up to and including `end`, as a stream made on the fly. */
export function streamOf(file: VirtualFile, start: number, end: number): Readable {
  if (file.path !== undefined) return createReadStream(file.path, { start, end });
  let at = start;
  return new Readable({
    highWaterMark: CHUNK,
    read() {
      if (at > end) {
        this.push(null);
        return;
      }
      const length = Math.min(CHUNK, end - at + 1);
      const chunk = bytesOf(file, at, length);
      at += length;
      this.push(chunk);
    },
  });
}

/** Some bytes of a file. */
export function bytesOf(file: VirtualFile, offset: number, length: number): Buffer {
  const key = createHash("sha256").update(file.id).digest();
  const firstBlock = Math.floor(offset / BLOCK);
  const counter = Buffer.alloc(BLOCK);
  counter.writeBigUInt64BE(BigInt(firstBlock), 8);
  const skip = offset - firstBlock * BLOCK;
  const cipher = createCipheriv("aes-128-ctr", key.subarray(0, BLOCK), counter);
  const bytes = cipher.update(Buffer.alloc(skip + length)).subarray(skip);
  for (const [markOffset, mark] of MARKS[file.format.toLowerCase()] ?? []) {
    const markAt = markOffset < 0 ? file.size + markOffset : markOffset;
    if (markAt < 0 || markAt + mark.length > file.size) continue;
    for (const [i, byte] of mark.entries()) {
      const position = markAt + i - offset;
      if (position >= 0 && position < length) bytes[position] = byte;
    }
  }
  return bytes;
}
