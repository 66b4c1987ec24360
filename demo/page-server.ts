import { createReadStream, existsSync } from "node:fs";
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import path from "node:path";
import { isForeign, readJsonObject } from "../emulators/slack/http-io.ts";
import type { DemoState } from "./demo-state.ts";

/** What the page's server is given. */
export interface PageServerOptions {
  readonly port?: number;
  /** The address to listen on, 127.0.0.1 by default; the page is asked for by the names of this machine only, in any case. */
  readonly host?: string;
  /** Answers one act of the page with a sentence. */
  readonly act: (action: string, body: Readonly<Record<string, string>>) => Promise<string>;
  readonly state: () => Promise<DemoState>;
  /** Where `/emulator/…` and `/files/…` are passed on to. */
  readonly slackUrl: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** Serves the demo's page on 127.0.0.1: its files, its state, its acts; the Slack emulator is passed through. */
export async function startPageServer(o: PageServerOptions): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    serve(o, request, response).catch((thrown: unknown) => {
      if (!response.headersSent) response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ sentence: thrown instanceof Error ? thrown.message : String(thrown) }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(o.port ?? 0, o.host ?? "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(o: PageServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (isForeign(request) || isOtherHost(request)) {
    response.writeHead(403, { "content-type": "text/plain" }).end("Only the demo's own page may ask here.\n");
    return;
  }
  const [pathname = "/", query] = (request.url ?? "/").split("?");
  const search = query === undefined ? "" : `?${query}`;
  if (pathname.startsWith("/emulator/") || pathname.startsWith("/files/")) return passOn(o.slackUrl, pathname + search, request, response);
  if (pathname === "/demo/where") return sendJson(response, { pid: process.pid });
  if (pathname === "/demo/state") return sendJson(response, await o.state());
  if (pathname === "/demo/act" && request.method === "POST") {
    const body = (await readJsonObject(request)) as Record<string, string> | null;
    if (body === null) {
      response.writeHead(400, { "content-type": "text/plain" }).end("That is no JSON object, or it is too long.\n");
      return;
    }
    return sendJson(response, { sentence: await o.act(body["action"] ?? "", body) });
  }
  const file = fileFor(pathname);
  if (file === null) {
    response.writeHead(404, { "content-type": "text/plain" }).end("Nothing is here.\n");
    return;
  }
  response.writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream", "cache-control": "no-store" });
  createReadStream(file).pipe(response);
}

/** Is another name than this machine's own in the request? A name server can make any page's name lead here. */
function isOtherHost(request: IncomingMessage): boolean {
  return !/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/.test(request.headers.host ?? "");
}

/** Files of the page: the compiled scripts and what was copied beside them; nothing else can be named. */
function fileFor(pathname: string): string | null {
  if (pathname === "/preact.js") return preactFile();
  const folder = path.join(import.meta.dirname, "page");
  const name = pathname === "/" ? "index.html" : pathname.replace(/^\/(?:demo\/page\/)?/, "");
  if (!/^[a-z0-9-]+\.(?:html|css|js)$/.test(name)) return null;
  const file = path.join(folder, name);
  return existsSync(file) ? file : null;
}

/** The library that draws the page, as its package has it for browsers. */
function preactFile(): string {
  return path.join(path.dirname(createRequire(import.meta.url).resolve("preact")), "preact.module.js");
}

function passOn(base: string, target: string, request: IncomingMessage, response: ServerResponse): void {
  const outgoing = forward(
    new URL(target, base),
    { method: request.method ?? "GET", headers: { ...request.headers, host: new URL(base).host } },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  outgoing.on("error", () => response.destroy());
  response.on("close", () => outgoing.destroy());
  request.pipe(outgoing);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" }).end(JSON.stringify(body));
}
