import type { Readable } from "node:stream";
import { type Failure, failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { unknownShape } from "../api/classify.ts";
import { openLink } from "./download.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { exportCommands } from "../api/needs.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { Extracted, fit } from "../api/wire.ts";

/** What can be extracted, and what CloudStack needs to know for it. */
export type Extractable = Pick<InventoryItem, "kind" | "id" | "zoneId">;

/**
 * Something that CloudStack has made ready for download. Its link opens without a password: only this file knows it, and it is not printed.
 */
class Source {
  readonly kind: Extractable["kind"];
  readonly id: string;
  readonly zoneId: string | null;
  readonly #link: string;
  constructor(item: Extractable, link: string) {
    this.kind = item.kind;
    this.id = item.id;
    this.zoneId = item.zoneId;
    this.#link = link;
  }
  static linkOf(source: Source): string {
    return source.#link;
  }
}
/** What `extract` gives and `open` takes; nothing else can make one, or read its link. */
export type ExtractSource = Source;

/** A download that is open. */
export interface ExtractStream {
  readonly bytes: Readable;
  /** Where the bytes begin: 0 when the server sends the whole file, whatever was asked. */
  readonly offset: number;
  /** Size of the whole file; null when the server does not say. */
  readonly totalBytes: number | null;
  /** The source that served them; a new one when the link was dead. */
  readonly source: ExtractSource;
}

/** Downloads copies from CloudStack; changes nothing in it. */
export interface CloudStackExporter {
  /** Asks CloudStack for a download link and waits for it; for a volume that can take hours. */
  extract(item: Extractable): Promise<Result<ExtractSource, Failure>>;
  /** Opens the download at an offset. A dead link is extracted again, once. Errors: `unavailable` when it stays dead. */
  open(source: ExtractSource, offset: number): Promise<Result<ExtractStream, Failure>>;
}

/** Makes the exporter, for the exporting key pair. Source: facts/cloudstack §5; recordings 05, 11. */
export function createCloudStackExporter(o: CloudStackOptions): CloudStackExporter {
  const api = createApi(o);
  return {
    extract: (item) => extract(api, item),
    open: async (source, offset) => {
      const first = await openLink(api.settings, Source.linkOf(source), offset);
      if (first.ok) return ok({ ...first.value, source });
      if (first.error.code !== "cloudstack.link_dead") return first;
      // CloudStack returns a known link unchanged, however old: it may have expired (facts/cloudstack §5.1).
      const again = await extract(api, source);
      if (!again.ok) return again;
      const second = await openLink(api.settings, Source.linkOf(again.value), offset);
      return second.ok ? ok({ ...second.value, source: again.value }) : second;
    },
  };
}

async function extract(api: CloudStackApi, item: Extractable): Promise<Result<ExtractSource, Failure>> {
  const { kind, id, zoneId } = item;
  if (!isExtractable(kind)) return err(failure("invalid", "cloudstack.not_extractable", `a ${kind} cannot be extracted`));
  const command = exportCommands[kind];
  const params = { id, ...(kind === "snapshot" ? {} : { mode: "HTTP_DOWNLOAD" }), ...(zoneId === null ? {} : { zoneid: zoneId }) };
  const ended = await runJob(api, command, params, api.settings.newId() as JobId);
  if (!ended.ok) return ended.error.kind === "indeterminate" ? err({ ...ended.error, kind: "unavailable" }) : ended;
  // The result has one object, under the kind's name.
  const extracted = fit(Extracted, ended.value[kind]);
  if (extracted.ok) return ok(new Source(item, extracted.value.url));
  return err(unknownShape(extracted.what, command));
}

function isExtractable(kind: Extractable["kind"]): kind is keyof typeof exportCommands {
  return Object.hasOwn(exportCommands, kind);
}
