import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { streamOf, type VirtualFile } from "./bytes.ts";
import type { Settings } from "./options.ts";
import type { World } from "./world/world.ts";

/** Sizes above this are cut for disks and snapshots, so that an export of a simulated disk ends. Units: bytes. */
const DISK_FILE_BYTES = 1_048_576;

/** The file behind a download link, while the link lives. */
export function findFile(world: World, settings: Settings, path: string): VirtualFile | undefined {
  const now = settings.now();
  const lives = (link: { path: string; created: number } | undefined): boolean =>
    link?.path === path && now < link.created + settings.extractUrlExpirationMs;
  const template = world.templates.all().find((row) => lives(row.link));
  if (template !== undefined) return { id: template.id, size: template.bytes, format: template.format, path: template.file };
  const disk = world.volumes.all().find((row) => lives(row.link)) ?? world.snapshots.all().find((row) => lives(row.link));
  return disk === undefined ? undefined : { id: disk.id, size: DISK_FILE_BYTES, format: "RAW" };
}

/** Sends a file, or the part that a `Range` asks for; with `cut`, half of it and then nothing more. */
export function sendFile(request: IncomingMessage, response: ServerResponse, file: VirtualFile, cut: boolean): number {
  const range = parseRange(request.headers.range, file.size);
  if (range === "unsatisfiable") {
    response.writeHead(416, { "content-range": `bytes */${file.size}` }).end();
    return 416;
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  const status = range === undefined ? 200 : 206;
  response.writeHead(status, {
    "content-type": "application/octet-stream",
    "content-length": end - start + 1,
    "accept-ranges": "bytes",
    etag: `"${file.id}"`,
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end}/${file.size}` }),
  });
  if (request.method === "HEAD") {
    response.end();
    return status;
  }
  const last = cut ? start + Math.floor((end - start) / 2) : end;
  if (cut) {
    const half = streamOf(file, start, last);
    half.on("end", () => response.destroy());
    half.pipe(response, { end: false });
  } else {
    // A client that goes away in the middle is its own business; the stream is destroyed with the connection.
    pipeline(streamOf(file, start, last), response, () => undefined);
  }
  return status;
}

function parseRange(header: string | undefined, size: number): { start: number; end: number } | "unsatisfiable" | undefined {
  const parts = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (parts === null || (parts[1] === "" && parts[2] === "")) return undefined;
  const [, from = "", to = ""] = parts;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return start > end || start >= size ? "unsatisfiable" : { start, end };
}
