import type { AdoptionService } from "../sync/adoption/service.ts";
import type { SyncService } from "../sync/execution/service.ts";
import type { ProjectService } from "./projects.ts";
import type { PolicyService } from "../policy/service.ts";
import type { ExportService } from "../archive/export-service.ts";
import type { TemplateService } from "../archive/from-machines/service.ts";
import type { DeletionService } from "../deletion/service.ts";
import type { BackupService } from "../archive/backups/service.ts";
/** The services behind the commands. */
export interface Services {
  readonly deletions: DeletionService;
  readonly sync: SyncService;
  readonly projects: ProjectService;
  readonly exports: ExportService;
  readonly backups: BackupService;
  readonly policy: PolicyService;
  readonly adoption: AdoptionService;
  readonly templates: TemplateService;
}
