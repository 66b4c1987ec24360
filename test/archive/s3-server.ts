import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import S3rver from "s3rver";
import type { S3Options } from "../../src/archive/s3-store.ts";

/** What happens to one request: nothing (null), an answer of the server's, no answer at all, a line that breaks, or the bucket goes just before. */
export type Fault = { readonly status: number; readonly code: string } | "silence" | "cut" | "vanish" | null;

/** A bucket on a real S3 server. */
export interface TestBucket {
  readonly options: S3Options;
  /** Method, path and query of every request, without host. */
  readonly seen: readonly string[];
  /** Decides what happens to a request; `seen` holds it already. */
  fault: (request: string) => Fault;
  /** Names of whole objects in the bucket. */
  objects(): Promise<readonly string[]>;
  /** How many uploads are unfinished. */
  uploads(): Promise<number>;
  close(): Promise<void>;
}

interface Request {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly req: { readonly socket: { destroy(): void } };
  respond?: boolean;
  status: number;
  type: string;
  body: unknown;
}

/**
 * Starts s3rver: it knows its key ids, keeps parts on disk and puts them together.
 *
 * It lacks listing and aborting of uploads; those three calls are answered here, from the very files that s3rver keeps.
 */
export async function startS3Server(): Promise<TestBucket> {
  const directory = await mkdtemp(path.join(tmpdir(), "twokey-s3-"));
  const seen: string[] = [];
  const silent: { destroy(): void }[] = [];
  const server = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    allowMismatchedSignatures: false,
    configureBuckets: [{ name: "archive", configs: [] }],
  });
  const uploads = path.join(directory, "archive", "._S3rver_uploads");
  const bucket = { fault: (_request: string): Fault => null };
  const koa = server as unknown as { middleware: ((c: Request, next: () => Promise<void>) => Promise<void>)[] };
  koa.middleware.unshift(async (c, next) => {
    const request = `${c.method} ${decodeURIComponent(c.url)}`;
    seen.push(request);
    const fault = bucket.fault(request);
    if (fault === "silence" || fault === "cut") {
      c.respond = false;
      if (fault === "cut") c.req.socket.destroy();
      else silent.push(c.req.socket);
      return;
    }
    if (fault === "vanish") await rm(path.join(directory, "archive"), { recursive: true, force: true });
    else if (fault !== null) {
      c.status = fault.status;
      c.type = "application/xml";
      c.body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code}</Code><Message>no</Message></Error>`;
      return;
    }
    if (!(await answerUploads(c, uploads))) await next();
  });
  const { port } = await server.run();
  return Object.assign(bucket, {
    seen,
    options: {
      bucket: "archive",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
      prefix: "ci/",
      timeoutMs: 60_000,
    },
    objects: async () =>
      (await readdir(path.join(directory, "archive", "ci")).catch(() => []))
        .filter((name) => name.endsWith("_object"))
        .map((name) => name.replace("._S3rver_object", "")),
    uploads: async () => (await readdir(uploads).catch(() => [])).length,
    async close() {
      for (const socket of silent) socket.destroy();
      await server.close();
      await rm(directory, { recursive: true });
    },
  });
}

async function answerUploads(c: Request, folder: string): Promise<boolean> {
  const id = c.query["uploadId"];
  if (c.method === "GET" && "uploads" in c.query) {
    // A bucket that is gone is gone for this call too.
    if ((await stat(path.dirname(folder)).catch(() => null)) === null) return sayGone(c);
    c.type = "application/xml";
    c.body = `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${await listUploads(folder, c.query["prefix"] ?? "")}</ListMultipartUploadsResult>`;
    return true;
  }
  if (id === undefined || (c.method !== "GET" && c.method !== "DELETE")) return false;
  const upload = path.join(folder, id);
  if ((await stat(upload).catch(() => null)) === null) {
    c.status = 404;
    c.type = "application/xml";
    c.body = "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>";
    return true;
  }
  if (c.method === "DELETE") {
    await rm(upload, { recursive: true });
    c.status = 204;
    return true;
  }
  c.type = "application/xml";
  c.body = await listParts(upload, Number(c.query["part-number-marker"] ?? 0));
  return true;
}

function sayGone(c: Request): boolean {
  c.status = 404;
  c.type = "application/xml";
  c.body = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
  return true;
}

async function listUploads(folder: string, prefix: string): Promise<string> {
  const found: string[] = [];
  for (const id of await readdir(folder).catch(() => [])) {
    const key = await readFile(path.join(folder, id, "key"), "utf8");
    const begun = (await stat(path.join(folder, id, "key"))).mtime.toISOString();
    if (key.startsWith(prefix)) found.push(`<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`);
  }
  return found.join("");
}

/** Two parts a page, so that paging is used. */
async function listParts(upload: string, after: number): Promise<string> {
  const numbers = (await readdir(upload))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((n) => n > after)
    .toSorted((a, b) => a - b);
  const page = numbers.slice(0, 2);
  const parts = await Promise.all(
    page.map(async (n) => {
      const { size } = await stat(path.join(upload, String(n)));
      const md5 = await readFile(path.join(upload, `${n}.md5`), "utf8");
      return `<Part><PartNumber>${n}</PartNumber><ETag>"${md5}"</ETag><Size>${size}</Size></Part>`;
    }),
  );
  const more = numbers.length > page.length;
  return `<ListPartsResult><IsTruncated>${more}</IsTruncated>${more ? `<NextPartNumberMarker>${page.at(-1)}</NextPartNumberMarker>` : ""}${parts.join("")}</ListPartsResult>`;
}
