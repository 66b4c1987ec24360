import { startExport } from "../commands/export-template.ts";
import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import { exportKinds, type ExportKind } from "../core/archive-kinds.ts";
import { failure } from "../core/failure.ts";
import { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { assessMessage, forgedClick, type Click, type ClickContext } from "./click.ts";

const revokeShape = /^v1:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Whether a click is a choice of what to export, or on the message of an export. */
export function isExportClick(action: string): boolean {
  return action === "export_revoke" || exportKindOf(action) !== null;
}

/** What a menu offers; null: it offers nothing to export. */
export function exportKindOf(action: string): ExportKind | null {
  return exportKinds.find((kind) => action === `choose_${kind}`) ?? null;
}

/** Starts what was chosen, or takes a link back. */
export async function answerExportClick(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  const kind = exportKindOf(click.action);
  if (kind === null) return revoke(click, by, c);
  const [slug = "", id = ""] = click.value.split(" ");
  if (slug === "-") return shortReply("The list was not there yet", "Give the command again in a moment.");
  const parsed = Slug.safeParse(slug);
  if (!parsed.success) return replyOfFailure(failure("invalid", "click.choice", "There is no such choice"));
  return startExport(by, parsed.data, id, c.services, { channel: click.channel, user: click.user }, kind);
}

/** Null: the message shows it. Every refusal is recorded. */
async function revoke(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  const [, id] = revokeShape.exec(click.value) ?? [];
  const refusal = id === undefined ? forgedClick() : await assessMessage(click, `export:${id}`, "export", c.db);
  const done = refusal === null ? await c.services.exports.revoke(id ?? "", by, click.user) : { ok: false as const, error: refusal };
  if (!done.ok) await c.services.deletions.recordRefusal(by.operator.id, click.action, done.error.message);
  return replyOf(done, () => null);
}
