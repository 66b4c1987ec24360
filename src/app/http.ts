import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { textAnswer as text, type HttpAnswer } from "../archive/links.ts";

/** What the server calls for each path. */
export interface HttpRoutes {
  /** Whether the bot can work now: database reachable, Slack connected. */
  isReady(): Promise<boolean>;
  /** Serves a saved template by a link of ours. Errors: answers 404 for any link that is not valid, without saying why. */
  serveExport(path: string): Promise<HttpAnswer>;
  /** Serves a saved template to CloudStack during a re-import. Errors: as for `serveExport`. */
  serveReimport(path: string): Promise<HttpAnswer>;
}

/** Another process listens on the port; the message names the variable to change. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";
}

/** A running server. */
export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the server for links of exports and re-imports, `/healthz` and `/readyz`.
 *
 * Errors: rejects with `PortTaken` when the port is taken.
 */
export async function startHttpServer(o: {
  readonly host: string;
  readonly port: number;
  readonly routes: HttpRoutes;
  readonly onError: (thrown: unknown) => void;
}): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(o.routes, request)
      .then((a) => send(a, request, response))
      .catch((thrown: unknown) => {
        o.onError(thrown);
        if (response.headersSent) response.destroy();
        else void send(text(500, "Something went wrong here; the log says what.\n"), request, response);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (e: NodeJS.ErrnoException) =>
      reject(e.code === "EADDRINUSE" ? new PortTaken(`Port ${o.port} is taken: set TWOKEY_HTTP_PORT to another one, or 0 for any.`) : e),
    );
    server.listen(o.port, o.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${o.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(routes: HttpRoutes, request: IncomingMessage): Promise<HttpAnswer> {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "Only GET is served here.\n");
  if (path === "/healthz") return text(200, "ok\n");
  if (path === "/readyz") return (await routes.isReady()) ? text(200, "ready\n") : text(503, "not ready\n");
  if (path.startsWith("/exports/")) return routes.serveExport(path);
  if (path.startsWith("/restores/")) return routes.serveReimport(path);
  return text(404, "Nothing is served here.\n");
}

async function send(a: HttpAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(a.status, a.headers);
  if (typeof a.body !== "string" && request.method !== "HEAD") return pipeline(a.body, response);
  if (typeof a.body !== "string") a.body.destroy();
  response.end(request.method === "HEAD" ? undefined : a.body);
}
