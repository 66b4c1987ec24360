import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { serveExport } from "../archive/export-link.ts";
import { LINK_ID, textAnswer as text, type HttpAnswer, type LinkContext } from "../archive/links.ts";
import { serveReimport } from "../archive/reimport/links.ts";
import type { Clock } from "../core/clock.ts";
import { listenError } from "../core/port-taken.ts";
import type { Events } from "../events.ts";
import { readDatabaseHealth, type Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/** A running server. */
export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Where a server listens, and what it serves besides links. */
export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  /** The variable of the port. */
  readonly variable?: string;
  /** Gets what was thrown while a request was answered; it may contain the path of a link, which is a secret. */
  readonly onError: (thrown: unknown) => void;
  /** What `/readyz` says; left out: the database alone, as during a re-import without the bot. */
  readonly health?: () => Promise<Health>;
  /** What `/metrics` serves; left out: nothing. */
  readonly metrics?: Pick<Metrics, "render" | "contentType">;
  /** Where each request is logged. */
  readonly log?: { readonly events: Events; readonly now: Clock };
}

/**
 * Starts the server for links of exports and re-imports, `/healthz`, `/readyz` and `/metrics`: in the bot, and beside it during a
 * re-import. Without `c` it serves no links.
 *
 * Errors: rejects with `PortTaken` when the port is taken.
 */
export async function startHttpServer(o: HttpOptions, c: LinkContext | null): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const done = logged(request, response, o);
    answer(request, o, c)
      .then((a) => send(a, request, response))
      .catch(async (thrown: unknown) => {
        // Whoever downloads may break off, and go on later.
        if ((thrown as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") o.onError(thrown);
        if (response.headersSent) response.destroy();
        else await send(text(500, "Something went wrong here; the log says what.\n"), request, response);
      })
      .finally(done);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (e) => reject(listenError(e, o.port, o.variable ?? "TWOKEY_HTTP_PORT")));
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

/** Asked every few seconds by machines. */
const ASKED_BY_MACHINES = ["/healthz", "/readyz", "/metrics"];

/** Logs a request once it is answered: never its path, which may be a link's secret. */
function logged(request: IncomingMessage, response: ServerResponse, { log }: HttpOptions): () => void {
  if (log === undefined) return () => undefined;
  const began = log.now();
  return () => {
    const [path = ""] = (request.url ?? "/").split("?");
    const route = [...ASKED_BY_MACHINES, "/exports", "/restores"].find((one) => path === one || path.startsWith(`${one}/`)) ?? "other";
    const subject = new RegExp(`^/\\w+/(${LINK_ID})/`).exec(path)?.[1];
    const wasWhole = response.writableFinished;
    const details = { route, subject, method: request.method, status: response.statusCode, ms: log.now() - began, wasWhole };
    log.events[ASKED_BY_MACHINES.includes(route) ? "debug" : "info"]("http.request", details);
  };
}

async function answer(request: IncomingMessage, o: HttpOptions, c: LinkContext | null): Promise<HttpAnswer> {
  const [path = ""] = (request.url ?? "/").split("?");
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "Only GET is served here.\n");
  if (path === "/healthz") return text(200, "ok\n");
  if (path === "/readyz") return readyAnswer(await (o.health?.() ?? databaseOnly(c)));
  if (path === "/metrics" && o.metrics !== undefined) return metricsAnswer(o.metrics);
  if (path.startsWith("/exports/") && c !== null) return serveExport(path, request.headers, c, request.method);
  if (path.startsWith("/restores/") && c !== null) return serveReimport(path, request.headers, c);
  return text(404, "Nothing is served here.\n");
}

function readyAnswer(health: Partial<Health>): HttpAnswer {
  const ready = Object.values(health).every((said) => said === "ok");
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  return { status: ready ? 200 : 503, headers, body: `${JSON.stringify({ ready, ...health })}\n` };
}

/** Without the bot there is neither Slack nor the engine. */
async function databaseOnly(c: LinkContext | null): Promise<Partial<Health>> {
  return c === null ? {} : { database: await readDatabaseHealth(c.db) };
}

async function metricsAnswer({ render, contentType }: NonNullable<HttpOptions["metrics"]>): Promise<HttpAnswer> {
  return { status: 200, headers: { "content-type": contentType, "cache-control": "no-store" }, body: await render() };
}

async function send(a: HttpAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(a.status, a.headers);
  if (typeof a.body !== "string" && request.method !== "HEAD") return pipeline(a.body, response);
  if (typeof a.body !== "string") a.body.destroy();
  response.end(request.method === "HEAD" ? undefined : a.body);
}
