import type { Mark } from "../../core/claims.ts";
import type { Failure } from "../../core/failure.ts";
import { err, type Result, ok } from "../../core/result.ts";
import { unknownShape } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { AnnotationRow, fit } from "../api/wire.ts";
import { markOf, markText } from "../read/marks.ts";
import type { TreeFence } from "./fence.ts";

/** Sets an installation's mark at the managed root. A lost answer leaves a mark that the next read finds. */
export async function addMark(api: CloudStackApi, fence: TreeFence, installation: string): Promise<Result<Mark, Failure>> {
  const root = await fence.root();
  if (!root.ok) return root;
  const sent = await api.change("addAnnotation", { entitytype: "DOMAIN", entityid: root.value, annotation: markText(installation) });
  if (!sent.ok) return sent;
  const row = fit(AnnotationRow, sent.value["annotation"]);
  const mark = row.ok ? markOf(row.value) : null;
  return mark === null ? err(unknownShape(row.ok ? "an annotation that is no mark" : row.what, "addAnnotation")) : ok(mark);
}
