import type { ExportKind } from "../core/archive-kinds.ts";
import type { Clock, NewId } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { DomainId, ProjectId, Slug } from "../core/ids.ts";
import type { InventoryItem, ItemKind } from "../core/inventory.ts";
import type { ProjectDomain } from "../core/managed.ts";
import type { Result } from "../core/result.ts";
import type { Transaction } from "../store/db.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { Downloads } from "./downloads.ts";
import type { SaveContext } from "./entry.ts";
import type { ExportAnnouncer } from "./export-view.ts";
import type { ReachContext } from "./reach.ts";

/** What exports need. `newToken` makes the secret part of a link. */
export interface ExportContext extends SaveContext, Omit<ReachContext, "db"> {
  /** The project as it is when the export runs: it may have waited. */
  readonly projectNow: (slug: Slug) => Promise<Result<DesiredProject | null, Failure>>;
  readonly domainOf: (project: Pick<DesiredProject, "id" | "slug">) => Promise<ProjectDomain | null>;
  /** The domains of these projects that have one, by the project's id. */
  readonly domainsOf: (projects: readonly Pick<DesiredProject, "id" | "slug">[]) => Promise<ReadonlyMap<ProjectId, ProjectDomain>>;
  readonly readItems: (domain: ProjectDomain, kinds: readonly ItemKind[]) => Promise<Result<readonly InventoryItem[], Failure>>;
  /** The same for many domains by a list over all of them. */
  readonly readItemsOf: (
    domains: readonly ProjectDomain[],
    kinds: readonly ItemKind[],
  ) => Promise<Result<ReadonlyMap<DomainId, readonly InventoryItem[]>, Failure>>;
  /** Null: the domain has no such thing. */
  readonly readItem: (domain: ProjectDomain, kind: ItemKind, id: string) => Promise<Result<InventoryItem | null, Failure>>;
  /** The kinds besides templates that the policy in force lets people export. */
  readonly allowedKinds: () => Promise<readonly ExportKind[]>;
  /** The largest thing that people may export, in bytes; null: whatever there is room for. */
  readonly maxBytes: number | null;
  readonly announcer: ExportAnnouncer;
  /** Runs the exports of a thing. */
  readonly enqueue: (template: string, tx: Transaction) => Promise<void>;
  /** Where people reach our links; null: nowhere, as far as this process knows. */
  readonly publicUrl: () => string | null;
  /** What is being sent just now. */
  readonly downloads: Downloads;
  /** Whether our links pass people on to addresses that the bucket signed. */
  readonly signsLinks: boolean;
  /** Why nothing is exported, in a sentence; null: it is. */
  readonly reported: string | null;
  readonly newId: NewId;
  readonly newToken: () => string;
  readonly now: Clock;
}
