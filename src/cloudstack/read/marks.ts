import type { AuditHead, Mark } from "../../core/claims.ts";
import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { AnnotationRow } from "../api/wire.ts";
import { findManagedRoot } from "./managed-root.ts";

/**
 * Makes the reader of the installations' marks: annotations of the managed root, one call once the root's id is known.
 *
 * A domain cannot have tags; a domain administrator needs a rule of its own for annotations. Source: recording 05; facts/cloudstack §8.
 */
export function createMarkReader(api: CloudStackApi): () => Promise<Result<readonly Mark[], Failure>> {
  let rootId: string | null = null;
  return async () => {
    if (rootId === null) {
      const tree = await findManagedRoot(api);
      if (!tree.ok) return tree;
      rootId = tree.value.root.id;
    }
    const params = { entitytype: "DOMAIN", entityid: rootId };
    const rows = await readList(api, listOf("listAnnotations", "annotation", AnnotationRow, params));
    return rows.ok ? ok(rows.value.flatMap((row) => markOf(row) ?? [])) : err(rows.error);
  };
}

/** The mark that an annotation is; null: it is a person's. */
export function markOf(row: AnnotationRow): Mark | null {
  const installation = /^Twokey installation ([0-9a-f-]{36})\b/.exec(row.annotation)?.[1];
  if (installation === undefined) return null;
  const [, seq, hash] = /\bAudit row (\d{1,15}) ([0-9a-f]{64})$/.exec(row.annotation) ?? [];
  const head = seq === undefined || hash === undefined ? null : { seq: Number(seq), hash };
  return { id: row.id, installation, createdAt: row.created, head };
}

/** The text of a mark. Units: at most 255 characters. */
export function markText(installation: string, head: Pick<AuditHead, "seq" | "hash"> | null): string {
  const text = `Twokey installation ${installation} manages the domains below. Do not remove this: Twokey stops without it.`;
  return head === null ? text : `${text} Audit row ${head.seq} ${head.hash}`;
}
