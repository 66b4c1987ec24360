import type { ArchiveStore } from "../ports.ts";
import type { Clock, NewId, Sleep } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath, Instant, ProjectId } from "../../core/ids.ts";
import type { Result } from "../../core/result.ts";
import type { Database } from "../../store/db.ts";
import type { ReimportItemRow, ReimportRow } from "../../store/reimports.ts";
import type { SavedCopy, Unsaved } from "../../store/reimport-sources.ts";
import type { ObservedSource } from "../../sync/execution/ports.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import type { ReimportLinks, TemplateRegistrar } from "./ports.ts";

/** What a re-import needs. `say` takes one line of progress at a time, and how many templates are done by then. */
export interface ReimportContext {
  readonly db: Database;
  readonly projects: () => Promise<Result<readonly Pick<DesiredProject, "id" | "slug">[], Failure>>;
  readonly observed: ObservedSource;
  readonly readInventory: (id: DomainId, path: DomainPath) => Promise<Result<Inventory, Failure>>;
  readonly registrar: TemplateRegistrar;
  readonly store: ArchiveStore;
  readonly links: ReimportLinks;
  /** The protected domains and the sentinel, as the list of protected domains writes them: nothing is put into them. */
  readonly excluded: () => Promise<readonly string[]>;
  readonly timing: ReimportTiming;
  readonly now: Clock;
  readonly newId: NewId;
  readonly newToken: () => string;
  readonly sleep: Sleep;
  readonly say: (line: string, at?: { readonly done: number; readonly total: number }) => void;
}

/** How long a re-import waits for what. Units: milliseconds. */
export interface ReimportTiming {
  /** After a call whose answer was lost, until it counts as never arrived. */
  readonly arriveMs: number;
  /** For a pass to end. */
  readonly passMs: number;
  /** Between two reads of a template's state. */
  readonly pollMs: number;
}

/** The arguments of a re-import. */
export interface ReimportAsk {
  /** A project's id, or a short name that it has or had. */
  readonly project: string;
  /** Copies saved by then count. */
  readonly from: Instant;
  /** The domain's UUID or path. */
  readonly to: string;
  /** The account that owns all templates; null: the accounts of the names that owned them before. */
  readonly account: string | null;
  /** Id or name of the zone for templates whose own zone no longer exists. */
  readonly zone: string | null;
  readonly dryRun: boolean;
}

/** A project with every short name that it is known to have had. */
export interface ReimportedProject {
  readonly id: ProjectId;
  readonly slugs: readonly string[];
}

/** The domain that templates are registered in. */
export interface ReimportTarget {
  readonly id: DomainId;
  readonly path: DomainPath;
}

/** The arguments, with the project and the domain that they name. */
export interface ReimportRequest {
  readonly ask: ReimportAsk;
  readonly project: ReimportedProject;
  readonly target: ReimportTarget;
}

/** A template to re-import, with its copy in the archive. */
export interface ReimportItem {
  readonly row: ReimportItemRow;
  readonly copy: SavedCopy;
}

/** A re-import in progress. */
export interface ReimportRun {
  readonly row: ReimportRow;
  readonly target: ReimportTarget;
  readonly signal: AbortSignal;
  /** Adapts a template to this installation. */
  readonly fit: (item: InventoryItem) => Result<InventoryItem, Failure>;
}

/** A template of the re-import as it stands at the end. */
export interface ReimportedTemplate {
  readonly copy: SavedCopy;
  readonly account: string;
  readonly state: ReimportItemRow["state"];
  readonly templateId: string | null;
  readonly problem: string | null;
}

/** The result of a re-import, and what no re-import brings back. */
export interface ReimportReport {
  readonly target: ReimportTarget;
  readonly from: Instant;
  readonly templates: readonly ReimportedTemplate[];
  /** Saved, and still in the archive, but not brought back. */
  readonly kept: readonly SavedCopy[];
  readonly unsaved: readonly Unsaved[];
  readonly machines: readonly MachineThen[];
  /** What else the last stored inventory names, by kind. */
  readonly others: readonly InventoryItem[];
  readonly notes: readonly string[];
}

/** A machine as our tables know it, with the disks that were attached to it. */
export interface MachineThen {
  readonly item: InventoryItem;
  readonly volumes: readonly InventoryItem[];
  readonly templateName: string | null;
}
