import type { Failure } from "../core/failure.ts";
import type { ProjectId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";
import type { Transaction } from "../store/db.ts";

/** Durable work, as a deletion uses it. */
export interface Work {
  enqueue(name: "deletion", id: string, o?: { readonly delayMs?: number; readonly tx?: Transaction }): Promise<void>;
}

/** The CI database's word on one project, now. */
export interface EvidenceSource {
  readProjectState(id: ProjectId): Promise<Result<"active" | "closed" | "absent", Failure>>;
}
