import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { serveExport } from "../archive/export-link.ts";
import { textAnswer as text, type HttpAnswer, type LinkContext } from "../archive/links.ts";
import { serveReimport } from "../archive/reimport/links.ts";
import { listenError } from "../core/port-taken.ts";

/** A running server. */
export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the server for links of exports and re-imports, `/healthz` and `/readyz`: in the bot, and beside it during a re-import.
 *
 * `onError` gets what was thrown while a request was answered; it may contain the path of a link, which is a secret.
 * Errors: rejects with `PortTaken` when the port is taken.
 */
export async function startHttpServer(
  o: { readonly host: string; readonly port: number; readonly onError: (thrown: unknown) => void },
  c: LinkContext,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(request, c)
      .then((a) => send(a, request, response))
      .catch((thrown: unknown) => {
        // Whoever downloads may break off, and go on later.
        if ((thrown as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") o.onError(thrown);
        if (response.headersSent) response.destroy();
        else void send(text(500, "Something went wrong here; the log says what.\n"), request, response);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (e) => reject(listenError(e, o.port, "TWOKEY_HTTP_PORT")));
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

async function answer(request: IncomingMessage, c: LinkContext): Promise<HttpAnswer> {
  const [path = ""] = (request.url ?? "/").split("?");
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "Only GET is served here.\n");
  if (path === "/healthz") return text(200, "ok\n");
  if (path === "/readyz") return (await isReady(c)) ? text(200, "ready\n") : text(503, "not ready\n");
  if (path.startsWith("/exports/")) return serveExport(path, request.headers, c);
  if (path.startsWith("/restores/")) return serveReimport(path, request.headers, c);
  return text(404, "Nothing is served here.\n");
}

/** Whether the database answers: without it nothing works. */
function isReady({ db }: LinkContext): Promise<boolean> {
  return db.exec("select 1").then(
    () => true,
    () => false,
  );
}

async function send(a: HttpAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(a.status, a.headers);
  if (typeof a.body !== "string" && request.method !== "HEAD") return pipeline(a.body, response);
  if (typeof a.body !== "string") a.body.destroy();
  response.end(request.method === "HEAD" ? undefined : a.body);
}
