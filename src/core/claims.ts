import type { DomainPath } from "./ids.ts";
import { listed } from "./shown-text.ts";

/** An installation's mark at the managed root. */
export interface Mark {
  /** CloudStack's id of the annotation. */
  readonly id: string;
  readonly installation: string;
  /** By CloudStack's clock, in whole seconds. Units: UTC epoch ms. */
  readonly createdAt: number;
  /** The row of the audit log that was its head when the mark was set; marks of Twokey 0.1.0 name none. */
  readonly head?: Pick<AuditHead, "seq" | "hash"> | null;
}

/** The newest row of the audit log. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
}

/**
 * Something that says that this database is older than what it manages, or is another installation's.
 *
 * | mark         | another installation's mark is the newest one |
 * | mark_removed | our mark is gone |
 * | domain       | a domain with an id that only Twokey derives, which this database does not know |
 * | account      | the same of an account |
 * | older        | the archive, or our mark, knows a later row of the audit log |
 * | copy_lost    | the archive no longer has the copy of the audit log's head |
 */
export interface Claim {
  readonly kind: "mark" | "mark_removed" | "domain" | "account" | "older" | "copy_lost";
  /** What two people accept: the same claim about another subject is asked again. */
  readonly subject: string;
  /** One sentence; for a domain or an account its path. */
  readonly sentence: string;
}

const NAMED = 5;

/** Says what was found and what to do, for people. */
export function describeClaims(claims: readonly Claim[]): string {
  const isThing = (c: Claim): boolean => c.kind === "domain" || c.kind === "account";
  const things = claims.filter(isThing);
  const sentencesOf = (some: readonly Claim[]): readonly string[] => some.map((c) => c.sentence);
  const found = `${things.length} domains or accounts have ids that only Twokey derives, and this database does not know them: ${listed(sentencesOf(things), NAMED)}`;
  const sentences = sentencesOf(claims.filter((c) => !isThing(c)));
  const all = [...sentences, ...(things.length === 0 ? [] : [found])].join(". ");
  return `${all}. This database is older than what it manages, or another installation manages it. To adopt all this, two approvers send /ci-resume; to leave it, stop this process (docs/restore-own-database.md)`;
}

/** Finds out whose the managed root is: the newest mark decides; of two in one second, another's. */
export function claimsOfMarks(
  us: { readonly id: string; readonly mark: string | null; readonly markRoot: string | null },
  marks: readonly Mark[],
  root: DomainPath,
): { readonly claims: readonly Claim[]; readonly ours: Mark | null } {
  const [newest] = marks.toSorted(
    (a, b) =>
      b.createdAt - a.createdAt ||
      Number(a.installation === us.id) - Number(b.installation === us.id) ||
      (b.head?.seq ?? 0) - (a.head?.seq ?? 0),
  );
  if (newest === undefined) {
    const sentence = `The mark of this installation at ${root} is gone: somebody removed it, or CloudStack was restored or set up again`;
    return { claims: us.mark === null || us.markRoot !== root ? [] : [{ kind: "mark_removed", subject: us.mark, sentence }], ours: null };
  }
  if (newest.installation === us.id) return { claims: [], ours: newest };
  const sentence = `Another installation of Twokey (${newest.installation}) set its mark at ${root} on ${timeText(newest.createdAt)}; this one is ${us.id}`;
  return { claims: [{ kind: "mark", subject: newest.id, sentence }], ours: null };
}

/** The newest head of the audit log that our marks name, at the time of its mark; null: they name none. */
export function markedHead(us: { readonly id: string }, marks: readonly Mark[]): AuditHead | null {
  const heads = marks.flatMap((m) => (m.installation === us.id && m.head ? [{ ...m.head, at: m.createdAt }] : []));
  return heads.toSorted((a, b) => b.at - a.at || b.seq - a.seq)[0] ?? null;
}

/**
 * Finds out whether the database is as new as what `witness` knows of its audit log's head; `present` is its row of the same number.
 */
export function claimOfAge(copy: AuditHead, present: AuditHead | null, head: AuditHead | null, witness: string): Claim | null {
  if (present?.hash === copy.hash) return null;
  const known = `row ${copy.seq} of ${timeText(copy.at)}`;
  const ends = head === null ? "is empty" : `ends with row ${head.seq} of ${timeText(head.at)}`;
  const lost = head === null ? copy.seq : copy.seq - head.seq;
  const sentence =
    lost > 0
      ? `Twokey's database is older than it was: its audit log ${ends}, but ${witness} knows ${known}; ${lost} rows are missing${head === null ? "" : `, ${spanText(copy.at - head.at)}`}`
      : `Twokey's database is not the one that it was: ${witness} knows ${known} of its audit log, and this database has another one there`;
  return { kind: "older", subject: copy.hash, sentence };
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function spanText(ms: number): string {
  const hours = Math.round(Math.max(0, ms) / 3600_000);
  if (hours === 0) return "less than an hour";
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
