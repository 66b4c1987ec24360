import type { Instant, Slug } from "../../core/ids.ts";
import type { MadeTemplate } from "../../store/made-templates.ts";

/** A template that is made of a machine, as people see it. */
export interface TemplateView {
  readonly id: string;
  readonly machine: string;
  readonly project: Slug;
  readonly state: MadeTemplate["state"];
  /** The template's name. */
  readonly name: string;
  /** The snapshot it is made of; null: there is none yet. */
  readonly snapshot: string | null;
  /** Why there is no template, with what to do. */
  readonly problem: string | null;
  readonly askedAt: Instant;
}

/** Shows it to who asked for it; implemented by the bot. */
export interface TemplateAnnouncer {
  /** Progress in place, the end in a message of its own; false: Slack did not take the end yet. */
  showTemplate(view: TemplateView, channel: string): Promise<boolean>;
}

/** What is stored, as people see it. */
export function viewOf(row: MadeTemplate): TemplateView {
  return {
    id: row.id,
    machine: row.machineName,
    project: row.slug,
    state: row.state,
    name: row.name,
    snapshot: row.snapshotId === null ? null : row.snapshotName,
    problem: row.problem,
    askedAt: row.askedAt,
  };
}
