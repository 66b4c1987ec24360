import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListParts,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Failure } from "../core/failure.ts";
import { outgoingAgents } from "../core/proxies.ts";
import { ok, type Result } from "../core/result.ts";
import { attempt, type ArchiveStore, type ByteRange } from "./ports.ts";
import { s3Failure } from "./s3-failure.ts";
import { signUrl } from "./s3-sign.ts";

/** The bucket and our account there. `credentials` null: the SDK's own chain (a role of the machine). Units: milliseconds. */
export interface S3Options {
  readonly bucket: string;
  /** Null: Amazon's own, by region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null;
  /** Put before every key; empty or ending with a slash. */
  readonly prefix: string;
  /** How long one call, or a silence in a download, may take. */
  readonly timeoutMs: number;
  /** Given: people may get objects from the bucket itself, by addresses that are signed by this clock. */
  readonly signingClock?: () => number;
}

const keyShape = /^[0-9a-f-]{8,80}$/;
const MIB = 1024 * 1024;
/** Tails kept in memory, one for each unfinished object; an object whose tail was dropped starts over. */
const TAILS = 4;
const PARTS = 10_000;
/** How long a signed address is good where nothing else is asked for. Units: seconds. */
const SIGNED_SECONDS = 300;

/** How large the nth part is: small ones first, so that the 10,000 that S3 allows hold 293 GiB. Units: bytes. */
export function partBytes(n: number): number {
  return 8 * MIB * 2 ** Math.floor((n - 1) / 2500);
}

interface Part {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
}

interface Upload {
  readonly id: string;
  readonly parts: readonly Part[];
}

function createS3Client(o: S3Options): S3Client {
  return new S3Client({
    region: o.region,
    ...(o.endpoint === null ? {} : { endpoint: o.endpoint, forcePathStyle: true }),
    ...(o.credentials === null ? {} : { credentials: o.credentials }),
    // Checksums that only Amazon understands are left out: what counts is our own read-back.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      ...outgoingAgents({ keepAlive: true }),
      connectionTimeout: o.timeoutMs,
      requestTimeout: o.timeoutMs,
      socketTimeout: o.timeoutMs,
      throwOnRequestTimeout: true,
    },
  });
}

/**
 * Stores archived bytes in an S3-compatible bucket, each object one multipart upload until it is complete.
 *
 * Complete parts survive a restart of the process; what is less than a part waits in memory, since S3 accepts no short part
 * but the last. Errors: `rejected` when the bucket refuses, `unavailable` when it is slow or unreachable, `archive.full`.
 *
 * `sizeOf`: how large the nth part is, in bytes; other sizes are for servers without S3's least part.
 */
export function createS3Store(o: S3Options, sizeOf = partBytes): ArchiveStore {
  const client = createS3Client(o);
  const bucket = createBucket(client, o, sizeOf);
  const failureOf = failuresAt(o);
  const tails = new Map<string, Buffer>();
  return {
    // A bucket has no end.
    requireRoom: async () => ok(undefined),
    async append(key, offset, bytes) {
      const stored = await attempt(async () => {
        const held = tails.get(key) ?? Buffer.alloc(0);
        const upload = offset === 0 ? await bucket.beginAnew(key) : await bucket.find(key);
        const start = offset === 0 ? Buffer.alloc(0) : held;
        tails.delete(key);
        if (upload === null || sum(upload.parts) + start.length !== offset) throw new Error("the upload is not where it was left");
        const send = (n: number, body: Buffer): Promise<Part> => bucket.put(key, upload.id, n, body);
        const filled = await fillParts(bytes, { first: upload.parts.length + 1, sizeOf }, start, send);
        keepTail(tails, key, filled.tail);
        return sum(upload.parts) + filled.bytes + filled.tail.length;
      }, failureOf);
      if (!stored.ok) bytes.destroy();
      return stored;
    },
    unfinishedBytes: async (key) => {
      const upload = await bucket.find(key).catch(() => null);
      return upload === null ? 0 : sum(upload.parts) + (tails.get(key)?.length ?? 0);
    },
    finish: (key) =>
      attempt(async () => {
        const upload = await bucket.find(key);
        if (upload === null) throw new Error("there is no upload to finish");
        const tail = tails.get(key);
        const last = tail === undefined || tail.length === 0 ? [] : [await bucket.put(key, upload.id, upload.parts.length + 1, tail)];
        await bucket.complete(key, { id: upload.id, parts: [...upload.parts, ...last] });
        tails.delete(key);
      }, failureOf),
    open: (key, range) => attempt(() => bucket.read(key, range), failureOf),
    remove: (key) =>
      attempt(async () => {
        tails.delete(key);
        await bucket.remove(key);
      }, failureOf),
    ...signingOf(bucket, o.signingClock, failureOf),
  };
}

function signingOf(
  bucket: ReturnType<typeof createBucket>,
  clock: S3Options["signingClock"],
  failureOf: (thrown: unknown) => Failure,
): Pick<ArchiveStore, "sign"> {
  if (clock === undefined) return {};
  return {
    sign: (key, method, disposition, seconds = SIGNED_SECONDS) =>
      attempt(() => bucket.sign(key, method, disposition, { at: clock(), seconds }), failureOf),
  };
}

function failuresAt({ endpoint, region }: S3Options): (thrown: unknown) => Failure {
  return (thrown) => s3Failure(thrown, endpoint ?? `https://s3.${region}.amazonaws.com`);
}

/** Asks the bucket for at most one unfinished upload: a call that changes nothing, and that the account needs anyway. */
export function inspectBucket(o: S3Options): Promise<Result<void, Failure>> {
  const client = createS3Client(o);
  const listed = async (): Promise<void> => {
    await client.send(new ListMultipartUploadsCommand({ Bucket: o.bucket, Prefix: o.prefix, MaxUploads: 1 }));
  };
  return attempt(listed, failuresAt(o)).finally(() => client.destroy());
}

/** The calls of one bucket; each throws what the SDK throws. */
function createBucket(client: S3Client, o: S3Options, sizeOf: (n: number) => number) {
  const placeOf = (key: string) => {
    if (!keyShape.test(key)) throw new Error("an archive key is made of hexadecimal digits and hyphens");
    return { Bucket: o.bucket, Key: `${o.prefix}${key}` };
  };
  const uploadsOf = async (key: string): Promise<readonly string[]> => {
    const { Bucket, Key } = placeOf(key);
    const listed = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
    return (listed.Uploads ?? [])
      .filter((u) => u.Key === Key)
      .toSorted((a, b) => (b.Initiated?.getTime() ?? 0) - (a.Initiated?.getTime() ?? 0))
      .flatMap((u) => (u.UploadId === undefined ? [] : [u.UploadId]));
  };
  const abortAll = async (key: string): Promise<void> => {
    for (const UploadId of await uploadsOf(key)) await client.send(new AbortMultipartUploadCommand({ ...placeOf(key), UploadId }));
  };
  return {
    async beginAnew(key: string): Promise<Upload> {
      await abortAll(key);
      const begun = await client.send(new CreateMultipartUploadCommand({ ...placeOf(key), ContentType: "application/octet-stream" }));
      return { id: begun.UploadId ?? "", parts: [] };
    },
    /** The newest upload, with its parts up to the first one that is missing. */
    async find(key: string): Promise<Upload | null> {
      const [id] = await uploadsOf(key);
      if (id === undefined) return null;
      const listed: Part[] = [];
      for await (const page of paginateListParts({ client }, { ...placeOf(key), UploadId: id }))
        listed.push(...(page.Parts ?? []).map((p) => ({ number: p.PartNumber ?? 0, etag: p.ETag ?? "", bytes: p.Size ?? 0 })));
      const sorted = listed.toSorted((a, b) => a.number - b.number);
      const gap = sorted.findIndex((p, i) => p.number !== i + 1 || p.bytes !== sizeOf(p.number));
      return { id, parts: gap < 0 ? sorted : sorted.slice(0, gap) };
    },
    async put(key: string, id: string, number: number, body: Buffer): Promise<Part> {
      if (number > PARTS) throw new Error("more bytes than an upload can hold");
      const put = await client.send(
        new UploadPartCommand({ ...placeOf(key), UploadId: id, PartNumber: number, Body: body, ContentLength: body.length }),
      );
      return { number, etag: put.ETag ?? "", bytes: body.length };
    },
    async complete(key: string, upload: Upload): Promise<void> {
      const Parts = upload.parts.map((p) => ({ PartNumber: p.number, ETag: p.etag }));
      await client.send(new CompleteMultipartUploadCommand({ ...placeOf(key), UploadId: upload.id, MultipartUpload: { Parts } }));
    },
    async read(key: string, range?: ByteRange): Promise<Readable> {
      const part = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` };
      const got = await client.send(new GetObjectCommand({ ...placeOf(key), ...part }));
      if (!(got.Body instanceof Readable)) throw new Error("the object came without bytes");
      return got.Body;
    },
    async sign(key: string, method: "GET" | "HEAD", disposition: string, when: { at: number; seconds: number }): Promise<string> {
      const { Bucket, Key } = placeOf(key);
      const url = new URL(o.endpoint ?? `https://${Bucket}.s3.${o.region}.amazonaws.com`);
      url.pathname = `${o.endpoint === null ? "" : `${url.pathname.replace(/\/$/, "")}/${Bucket}`}/${Key}`;
      url.searchParams.set("response-content-disposition", disposition);
      return signUrl(url, { method, region: o.region, credentials: await client.config.credentials(), ...when });
    },
    async remove(key: string): Promise<void> {
      await abortAll(key);
      await client.send(new DeleteObjectCommand(placeOf(key)));
    },
  };
}

/** Fills part after part and sends each while the next is filled; what is less than a part is returned. Two buffers, no more. */
async function fillParts(
  bytes: Readable,
  { first, sizeOf }: { readonly first: number; readonly sizeOf: (n: number) => number },
  start: Buffer,
  send: (n: number, body: Buffer) => Promise<Part>,
): Promise<{ readonly bytes: number; readonly tail: Buffer }> {
  let n = first;
  let part = Buffer.allocUnsafe(sizeOf(n));
  let used = start.copy(part);
  let sent = 0;
  let sending: { readonly body: Buffer<ArrayBuffer>; readonly done: Promise<unknown> } | null = null;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      for (let taken = 0; taken < chunk.length;) {
        const copied = chunk.copy(part, used, taken);
        used += copied;
        taken += copied;
        if (used < part.length) continue;
        await sending?.done;
        const free = sending?.body;
        const done = send(n, part);
        // Awaited before the next part is sent; until then nobody else may report it.
        done.catch(() => undefined);
        sending = { body: part, done };
        sent += part.length;
        n += 1;
        part = free?.length === sizeOf(n) ? free : Buffer.allocUnsafe(sizeOf(n));
        used = 0;
      }
    }
  } finally {
    await sending?.done;
  }
  return { bytes: sent, tail: Buffer.from(part.subarray(0, used)) };
}

function keepTail(tails: Map<string, Buffer>, key: string, tail: Buffer): void {
  tails.set(key, tail);
  for (const oldest of tails.keys()) if (tails.size > TAILS) tails.delete(oldest);
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((n, p) => n + p.bytes, 0);
}
