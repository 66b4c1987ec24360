import { serveExport } from "../archive/export-service.ts";
import type { ArchiveStore } from "../archive/ports.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { PortTaken, startHttpServer, type HttpServer } from "../app/http.ts";
import type { ReimportLinks } from "../archive/reimport/ports.ts";
import { serveReimport } from "../archive/reimport/links.ts";
import type { Database } from "../store/db.ts";

/** How long our own server may take to say that it has a template; a bucket is asked meanwhile. */
const REACH_MS = 30_000;

/**
 * Serves the links of a restore, from the first that is needed until `work` ends: on the bot's own port, or, where the bot listens there
 * already, through the bot, which finds the links in the database that it shares with us. Either way `reach` proves it before CloudStack
 * is told of a link.
 */
export async function withRestoreLinks<T>(
  config: Pick<Config, "http">,
  c: { readonly db: Database; readonly store: ArchiveStore; readonly now: Clock },
  work: (links: ReimportLinks) => Promise<T>,
): Promise<T> {
  const { host, port, publicUrl } = config.http;
  const own: { server: HttpServer | null } = { server: null };
  const links: ReimportLinks = {
    publicUrl: publicUrl?.replace(/\/+$/, "") ?? null,
    reach: async (path, bytes) => {
      // Who listened there before may have gone: another restore ends before ours.
      own.server ??= await listen(host, port, c);
      return reachAt(own.server?.url ?? `http://${host}:${port}`, path, bytes);
    },
  };
  try {
    return await work(links);
  } finally {
    await own.server?.close();
  }
}

/** Null: somebody else listens on that port. */
async function listen(
  host: string,
  port: number,
  c: { readonly db: Database; readonly store: ArchiveStore; readonly now: Clock },
): Promise<HttpServer | null> {
  const routes = {
    isReady: () => Promise.resolve(true),
    serveExport: (path: string) => serveExport(path, c),
    serveReimport: (path: string) => serveReimport(path, c),
  };
  try {
    // The path of a request is a secret, and an error may hold it.
    return await startHttpServer({ host, port, routes, onError: () => undefined });
  } catch (thrown) {
    if (thrown instanceof PortTaken) return null;
    throw thrown;
  }
}

async function reachAt(url: string, path: string, bytes: number): Promise<Result<void, Failure>> {
  const here = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//:::", "//[::1]:");
  const asked = { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(REACH_MS) } as const;
  const answer = await fetch(`${here}${path}`, asked).catch(() => null);
  if (answer?.status === 200 && answer.headers.get("content-length") === String(bytes)) return ok(undefined);
  const sentence = `What listens on TWOKEY_HTTP_PORT does not serve the templates (${answer?.status ?? "no answer"})`;
  return err(
    failure("unavailable", "restore.not_served", sentence, {
      remedy: "Run this with the environment of the bot, archive and database included, or stop what uses that port. Nothing was sent.",
    }),
  );
}
