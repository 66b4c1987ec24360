/** Report mode: Twokey says what it would do, and does nothing of it; as a whole, or for a kind of change whose keys are left out. */
import { failure, type Failure } from "./failure.ts";

/** A kind of change that has a key pair of its own. */
export type ChangeKind = "write" | "export" | "delete";

/** The kinds that are only reported, each with why; a kind that is not in it is carried out. */
export type ReportOnly = Readonly<Partial<Record<ChangeKind, string>>>;

const whatIsReported: Readonly<Record<ChangeKind, string>> = {
  write: "changes of passes are only reported",
  export: "nothing is exported or saved",
  delete: "deletions are only reported",
};

/** Why nothing of this kind is carried out, in a sentence; null: it is. */
export function whyReported(kind: ChangeKind, only: ReportOnly): string | null {
  const why = only[kind];
  return why === undefined ? null : `${whatIsReported[kind]}: ${why}`;
}

/** Why no deletion is carried out; null: they are. What cannot be saved before is not deleted either. */
export function whyDeletionsReported(only: ReportOnly): string | null {
  return whyReported("delete", only) ?? (only.export === undefined ? null : `${whatIsReported.delete}: ${only.export}`);
}

/** Whether nothing at all is carried out. */
export function isAllReported(only: ReportOnly): boolean {
  return only.write !== undefined && only.export !== undefined && only.delete !== undefined;
}

/** Every kind that is only reported, as sentences. */
export function reportSentences(only: ReportOnly): readonly string[] {
  return (["write", "export", "delete"] as const).flatMap((kind) => whyReported(kind, only) ?? []);
}

/** The refusal of something that is only reported. */
export function onlyReported(sentence: string): Failure {
  const first = `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}`;
  return failure("refused", "cloudstack.report_only", first, { remedy: "docs/configuration.md says how to leave report mode." });
}
