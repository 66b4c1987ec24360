import type { LinkContext } from "../archive/links.ts";
import type { Config } from "../config/config.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { startHttpServer, type HttpServer } from "../app/http.ts";
import { PortTaken } from "../core/port-taken.ts";
import type { ReimportLinks } from "../archive/reimport/ports.ts";

/** How long our own server may take to answer for a template; a bucket is asked meanwhile. */
const REACH_MS = 30_000;

/**
 * Serves the links of a re-import, from the first that is needed until `work` ends: on the bot's own port, or, where the bot listens
 * there already, through the bot, which finds the links in the database. Either way `reach` proves it before CloudStack gets a link.
 */
export async function withReimportLinks<T>(
  { http }: Pick<Config, "http">,
  c: LinkContext,
  work: (links: ReimportLinks) => Promise<T>,
): Promise<T> {
  let own: HttpServer | null = null;
  try {
    return await work({
      publicUrl: http.publicUrl,
      reach: async (path, bytes) => {
        // Whoever listened there before may have stopped: another re-import that ended before this one.
        own ??= await listen(http, c);
        return reachAt(own?.url ?? `http://${http.host}:${http.port}`, path, bytes);
      },
    });
  } finally {
    await (own as HttpServer | null)?.close();
  }
}

/** Null: something else listens on that port. */
async function listen(http: Config["http"], c: LinkContext): Promise<HttpServer | null> {
  try {
    return await startHttpServer({ ...http, onError: () => undefined }, c);
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
  const remedy = "Run this with the environment of the bot, archive and database included, or stop what uses that port. Nothing was sent.";
  return err(failure("unavailable", "restore.not_served", sentence, { remedy }));
}
