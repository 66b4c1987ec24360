import type { Readable } from "node:stream";
import { type Failure, failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { classify } from "../api/classify.ts";
import { openLink } from "./download.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { settingsOf, type CloudStackOptions, type Settings } from "../api/options.ts";
import { Extracted, fit } from "../api/wire.ts";

/** What can be extracted, and what CloudStack needs to know for it. */
export type Extractable = Pick<InventoryItem, "kind" | "id" | "zoneId">;

/**
 * Something that CloudStack has made ready for download. Its link opens without a password: it stays in here and is never printed.
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
/** What `extract` gives and `open` takes; nobody else can make one, or look into it. */
export type ExtractSource = Source;

/** Bytes on their way. */
export interface ExtractStream {
  readonly bytes: Readable;
  /** Where the bytes begin: 0 when the server would not go on in the middle, whatever was asked. */
  readonly offset: number;
  /** Size of the whole file; null when the server does not say. */
  readonly totalBytes: number | null;
  /** The source that served them; a new one when the link had died. */
  readonly source: ExtractSource;
}

/** Gets copies out of CloudStack; changes nothing in it. */
export interface CloudStackExporter {
  /** Asks CloudStack for a download link and waits until it is there; for a volume that can take hours. */
  extract(item: Extractable): Promise<Result<ExtractSource, Failure>>;
  /** Opens the download at an offset. A dead link is extracted again, once. Errors: `unavailable` when it stays dead. */
  open(source: ExtractSource, offset: number): Promise<Result<ExtractStream, Failure>>;
}

/** Makes the exporter, for the exporting key pair. Source: facts/cloudstack §5; recordings 05, 11. */
export function createCloudStackExporter(o: CloudStackOptions): CloudStackExporter {
  const s = settingsOf(o);
  const api = createApi(s);
  return {
    extract: (item) => extract(api, s, item),
    open: async (source, offset) => {
      const first = await openLink(s, Source.linkOf(source), offset);
      if (first.ok) return ok({ ...first.value, source });
      if (first.error.code !== "cloudstack.link_dead") return first;
      // CloudStack gives a known link again as it is, however old: it may have expired meanwhile (facts/cloudstack §5.1).
      const again = await extract(api, s, source);
      if (!again.ok) return again;
      const second = await openLink(s, Source.linkOf(again.value), offset);
      return second.ok ? ok({ ...second.value, source: again.value }) : second;
    },
  };
}

/** Command and the name of the object in its result, for each kind. */
const EXTRACTIONS = {
  template: ["extractTemplate", "template"],
  iso: ["extractIso", "iso"],
  volume: ["extractVolume", "volume"],
  snapshot: ["extractSnapshot", "snapshot"],
} as const;

async function extract(api: CloudStackApi, s: Settings, item: Extractable): Promise<Result<ExtractSource, Failure>> {
  const { kind, id, zoneId } = item;
  if (kind !== "template" && kind !== "iso" && kind !== "volume" && kind !== "snapshot") {
    return err(failure("invalid", "cloudstack.not_extractable", `a ${kind} cannot be extracted`));
  }
  const [command, key] = EXTRACTIONS[kind];
  const params = { id, ...(kind === "snapshot" ? {} : { mode: "HTTP_DOWNLOAD" }), ...(zoneId === null ? {} : { zoneid: zoneId }) };
  const ended = await runJob(api, s, command, params, s.newId() as JobId);
  if (!ended.ok) return ended.error.kind === "indeterminate" ? err({ ...ended.error, kind: "unavailable" }) : ended;
  const { [key]: found } = ended.value;
  const extracted = fit(Extracted, found);
  if (extracted.ok) return ok(new Source(item, extracted.value.url));
  return err(classify({ kind: "unknown_shape", what: extracted.what }, { command, effect: "read", page: null }));
}
