import { z } from "zod";
import { ExportId, Instant, Slug } from "../core/ids.ts";
import { toJson, type Queryable } from "./db.ts";

const Row = z.object({
  id: ExportId,
  slug: Slug,
  template_id: z.string(),
  template_name: z.string(),
  asked_by: z.string(),
  listener: z.object({ channel: z.string(), user: z.string() }),
  state: z.enum(["waiting", "saving", "ready", "failed"]),
  done_bytes: z.number(),
  total_bytes: z.number().nullable(),
  token_sha256: z.string().nullable(),
  link_until: Instant.nullable(),
  problem: z.string().nullable(),
  asked_at: Instant,
});
/** One export of a template as it stands; of its link only a hash is kept. */
export type ExportRow = z.output<typeof Row>;

/** Stores a new export. */
export async function insertExport(
  q: Queryable,
  e: Pick<ExportRow, "id" | "slug" | "template_id" | "template_name" | "asked_by" | "listener" | "total_bytes" | "asked_at">,
): Promise<void> {
  await q.exec(
    "insert into export (id, slug, template_id, template_name, asked_by, listener, state, total_bytes, asked_at) values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8)",
    [e.id, e.slug, e.template_id, e.template_name, e.asked_by, toJson(e.listener), e.total_bytes, e.asked_at],
  );
}

/** Reads one export. */
export async function readExport(q: Queryable, id: string): Promise<ExportRow | null> {
  return q.maybe(Row, `select ${Object.keys(Row.shape).join(", ")} from export where id = $1`, [id]);
}

/** Changes an export's row. */
export async function updateExport(
  q: Queryable,
  id: string,
  change: Partial<Pick<ExportRow, "state" | "done_bytes" | "total_bytes" | "token_sha256" | "link_until" | "problem">>,
): Promise<void> {
  const entries = Object.entries(change);
  await q.exec(`update export set ${entries.map(([k], i) => `${k} = $${i + 2}`).join(", ")} where id = $1`, [
    id,
    ...entries.map(([, v]) => v),
  ]);
}
