import type { ArchiveStore } from "../archive/ports.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import { err, ok } from "../core/result.ts";
import { PortTaken, startHttpServer } from "../http-server.ts";
import type { RestoreLinks } from "../recovery/ports.ts";
import { serveRestore } from "../recovery/restore-links.ts";
import type { Database } from "../store/db.ts";

/** How long our own server may take to say that it has a template; a bucket is asked meanwhile. */
const REACH_MS = 30_000;

/**
 * Serves the links of a restore while `work` runs: on the bot's own port, or, where the bot listens there already, through the bot, which
 * finds the links in the database that it shares with us. Either way `reach` proves it before CloudStack is told of a link.
 */
export async function withRestoreLinks<T>(
  config: Pick<Config, "http">,
  c: { readonly db: Database; readonly store: ArchiveStore; readonly now: Clock },
  work: (links: RestoreLinks) => Promise<T>,
): Promise<T> {
  const { host, port, publicUrl } = config.http;
  const nothing = { status: 404, headers: { "content-type": "text/plain; charset=utf-8" }, body: "Nothing is served here.\n" };
  const server = await startHttpServer({
    host,
    port,
    // The request's path is a secret, and an error may hold it.
    onError: () => undefined,
    routes: {
      isReady: () => Promise.resolve(true),
      serveExport: () => Promise.resolve(nothing),
      serveRestore: (path) => serveRestore(path, c),
    },
  }).catch((thrown: unknown) => {
    if (thrown instanceof PortTaken) return null;
    throw thrown;
  });
  try {
    return await work(linksAt(server?.url ?? `http://${host}:${port}`, publicUrl));
  } finally {
    await server?.close();
  }
}

function linksAt(localUrl: string, publicUrl: string | null): RestoreLinks {
  const here = localUrl.replace("//0.0.0.0:", "//127.0.0.1:").replace("//:::", "//[::1]:");
  return {
    publicUrl: publicUrl?.replace(/\/+$/, "") ?? null,
    reach: async (path, bytes) => {
      const answer = await fetch(`${here}${path}`, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(REACH_MS) }).catch(
        () => null,
      );
      if (answer?.status === 200 && answer.headers.get("content-length") === String(bytes)) return ok(undefined);
      return err(
        failure(
          "unavailable",
          "restore.not_served",
          `What listens on TWOKEY_HTTP_PORT does not serve the templates (${answer?.status ?? "no answer"})`,
          {
            mending:
              "Run this with the environment of the bot, archive and database included, or stop what uses that port. Nothing was sent.",
          },
        ),
      );
    },
  };
}
