import type { ExportKind } from "../core/archive-kinds.ts";
import type { ExportId, Instant, Slug } from "../core/ids.ts";
import type { ExportRow } from "../store/exports.ts";

/** What an export is at while it is saved. */
export type ExportStep = "asking" | "copying" | "checking";

/** The state of an export; `link` is a link of ours, never CloudStack's. */
export interface ExportView {
  readonly id: ExportId;
  readonly kind: ExportKind;
  /** The thing's name. */
  readonly name: string;
  readonly project: Slug;
  readonly state: "waiting" | "saving" | "ready" | "failed" | "revoked";
  readonly step: ExportStep | null;
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly sha256: string | null;
  /** Under which the link gives it. */
  readonly fileName: string | null;
  readonly link: string | null;
  readonly linkUntil: Instant | null;
  /** Whether an address to which the link led can be used for a while after it was revoked. */
  readonly isSigned: boolean;
  /** The link is an address of the bucket's own: Twokey can neither revoke it nor end it with a membership. */
  readonly isDirect: boolean;
  readonly problem: string | null;
  /** Since when the archive has the copy, where nothing was downloaded for this export. */
  readonly copiedAt: Instant | null;
  /** Only the archive has it: CloudStack does not list it any more. */
  readonly isGone: boolean;
  /** How many others wait for the same download. */
  readonly others: number;
  readonly revoked: { readonly at: Instant; readonly by: string } | null;
}

/** Where an export shows its progress: survives a restart, so it is data, not a function. */
export interface ExportListener {
  readonly channel: string;
  readonly user: string;
}

/** Shows an export; implemented by the bot. False: Slack did not take its end now. */
export interface ExportAnnouncer {
  showExport(view: ExportView, listener: ExportListener): Promise<boolean>;
}

/** A stored export as people see it, with `more` that is known just now. */
export function viewOf(row: ExportRow, more: Partial<ExportView> = {}): ExportView {
  const { revoked_at: at, revoked_by: by } = row;
  return {
    id: row.id,
    kind: row.item_kind,
    name: row.template_name,
    project: row.slug,
    state: at === null ? row.state : "revoked",
    step: null,
    doneBytes: row.done_bytes,
    totalBytes: row.total_bytes,
    ...{ sha256: null, fileName: null, link: null, isSigned: false, isDirect: false, copiedAt: null, isGone: false, others: 0 },
    linkUntil: row.link_until,
    problem: row.problem,
    revoked: at === null || by === null ? null : { at, by },
    ...more,
  };
}
