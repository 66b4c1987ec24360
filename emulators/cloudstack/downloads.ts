import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DownloadOptions, Settings } from "./options.ts";
import type { Template } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/** The end of time, for a template that waits for its bytes. */
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Fetches the bytes of registered templates, as the secondary storage VM of a real server does: nothing is unpacked, a checksum is
 * compared with the file as it came. Source: CloudStack's HttpTemplateDownloader and DownloadManagerImpl (checkOrCreateTheChecksum).
 */
export class Downloads {
  readonly #world: World;
  readonly #settings: Settings;
  readonly #options: DownloadOptions;
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(world: World, settings: Settings, options: DownloadOptions) {
    this.#world = world;
    this.#settings = settings;
    this.#options = options;
    mkdirSync(options.folder, { recursive: true });
  }

  /** Begins to fetch; the template is not ready until it has ended. `checksum` is as it was sent, with its algorithm. */
  begin(template: Template, checksum: string | undefined): void {
    const { url = "" } = template;
    this.#world.templates.update(template, (t) => {
      t.readyAt = NEVER;
      t.percent = 0;
      delete t.size;
      delete t.physicalSize;
    });
    const running = this.#fetch(template, url, checksum)
      .catch((thrown: unknown) => this.#fail(template, thrown instanceof Error ? thrown.message : String(thrown)))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends what still runs. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#running);
  }

  async #fetch(template: Template, url: string, checksum: string | undefined): Promise<void> {
    const response = await this.#ask(new URL(url));
    if (response.statusCode !== 200) {
      response.destroy();
      return this.#fail(template, ` HTTP Server returned ${response.statusCode} (expected 200 OK) `);
    }
    const announced = Number(response.headers["content-length"]);
    if (!Number.isInteger(announced)) {
      response.destroy();
      return this.#fail(template, " Failed to receive length of download ");
    }
    const { algorithm, digest } = parseChecksum(checksum);
    const hash = createHash(algorithm);
    let bytes = 0;
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, next) => {
        hash.update(chunk);
        bytes += chunk.length;
        template.percent = Math.floor((100 * bytes) / announced);
        next(null, chunk);
      },
    });
    const file = path.join(this.#options.folder, template.id);
    await pipeline(response, counted, createWriteStream(file, { mode: 0o600 }), { signal: this.#ending.signal }).catch(
      (thrown: unknown) => {
        rmSync(file, { force: true });
        throw thrown;
      },
    );
    const found = hash.digest("hex");
    const name = algorithm === "md5" ? "MD5" : algorithm.replace("sha", "SHA-");
    if (digest !== undefined && digest !== found) {
      rmSync(file, { force: true });
      const text = `checksum "{${name}}${found}" didn't match the given value, "{${name}}${digest}"`;
      return this.#fail(template, `Failed post download script: ${text}`);
    }
    this.#world.templates.update(template, (t) => {
      t.readyAt = this.#settings.now();
      t.size = t.physicalSize = t.bytes = bytes;
      t.checksum = found;
      t.file = file;
      delete t.percent;
    });
  }

  #ask(url: URL): Promise<IncomingMessage> {
    const [host = "", port = ""] = (this.#options.hosts[url.hostname] ?? url.host).split(":");
    return new Promise((resolve, reject) => {
      const o = { host, port: port === "" ? 80 : Number(port), path: url.pathname, agent: false, signal: this.#ending.signal } as const;
      get({ ...o, headers: { host: url.host } }, resolve).once("error", reject);
    });
  }

  #fail(template: Template, text: string): void {
    this.#world.templates.update(template, (t) => {
      t.failure = text;
      delete t.percent;
    });
  }
}

/** `{SHA-256}…`, or without an algorithm one that its length tells; MD5 where nothing was given. */
function parseChecksum(text: string | undefined): { readonly algorithm: string; readonly digest: string | undefined } {
  const parts = /^(?:\{([^}]*)\})?([0-9a-f]+)$/i.exec(text ?? "");
  const digest = parts?.[2]?.toLowerCase();
  const byLength: Readonly<Record<number, string>> = { 32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512" };
  const algorithm = parts?.[1]?.toLowerCase().replace("-", "") ?? byLength[digest?.length ?? 0] ?? "md5";
  return { algorithm, digest };
}
