import { Slug, Instant, ExportId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { Failure } from "../core/failure.ts";
import type { Asker } from "../core/people.ts";
/** One template a person may export. */
export interface ExportableTemplate {
  readonly id: string;
  readonly name: string;
  readonly project: Slug;
  readonly bytes: number | null;
  readonly createdAt: Instant | null;
  readonly ready: boolean;
}

/** How an export stands; `link` is a link of ours, never CloudStack's. */
export interface ExportView {
  readonly id: ExportId;
  readonly template: string;
  readonly project: Slug;
  readonly state: "waiting" | "saving" | "ready" | "failed";
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly sha256: string | null;
  readonly link: string | null;
  readonly linkUntil: Instant | null;
  readonly problem: string | null;
}

/** Template exports, as commands use them. */
export interface ExportService {
  templates(asker: Asker, slug: Slug): Promise<Result<readonly ExportableTemplate[], Failure>>;
  /** Starts an export; `progress` is told of every change worth showing, the last one always. */
  start(asker: Asker, slug: Slug, templateId: string, progress: ExportListener): Promise<Result<ExportView, Failure>>;
}

/** Where an export shows its progress: survives a restart, so it is data, not a function. */
export interface ExportListener {
  readonly channel: string;
  readonly user: string;
}

/** How an export shows itself; implemented by the bot. */
export interface ExportAnnouncer {
  showExport(view: ExportView, listener: ExportListener): Promise<void>;
}
