import type { AuditHead, Mark } from "../../core/claims.ts";
import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { unknownShape } from "../api/classify.ts";
import { createApi } from "../api/http.ts";
import type { CloudStackOptions } from "../api/options.ts";
import { AnnotationRow, fit } from "../api/wire.ts";
import { markOf, markText } from "../read/marks.ts";
import { createFence } from "./fence.ts";

/** The marks at the managed root. It changes nothing else, and a stop does not hold it: people's decisions must be known there. */
export interface CloudStackMarker {
  /** Sets an installation's mark, with the head of its audit log. A lost answer leaves a mark that the next read finds. */
  addMark(installation: string, head: Pick<AuditHead, "seq" | "hash"> | null): Promise<Result<Mark, Failure>>;
  /**
   * Removes a mark that a newer one of the same installation has replaced. CloudStack lets only its author, or a root administrator.
   *
   * Source: `isCallingUserAllowedToRemoveAnnotation` in CloudStack's AnnotationManagerImpl.
   */
  removeMark(mark: Mark): Promise<Result<void, Failure>>;
}

/** Makes the marker, for the writing key pair. */
export function createCloudStackMarker(o: CloudStackOptions): CloudStackMarker {
  const api = createApi(o);
  const fence = createFence(api);
  return {
    async addMark(installation, head) {
      const root = await fence.root();
      if (!root.ok) return root;
      const annotation = markText(installation, head);
      const sent = await api.change("addAnnotation", { entitytype: "DOMAIN", entityid: root.value, annotation });
      if (!sent.ok) return sent;
      const row = fit(AnnotationRow, sent.value["annotation"]);
      const mark = row.ok ? markOf(row.value) : null;
      return mark === null ? err(unknownShape(row.ok ? "an annotation that is no mark" : row.what, "addAnnotation")) : ok(mark);
    },
    async removeMark({ id }) {
      const sent = await api.change("removeAnnotation", { id });
      return sent.ok ? ok(undefined) : sent;
    },
  };
}
