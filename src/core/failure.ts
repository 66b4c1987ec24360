import { err, type Result } from "./result.ts";

/**
 * Failures by what the caller may do next, not by where they came from.
 *
 * | kind            | effect on the world | next |
 * | invalid         | none     | show the person how to write it |
 * | refused         | none     | say which rule and who can lift it |
 * | stale           | none     | plan again |
 * | contract_broken | none     | stop the pass, page, never guess |
 * | unavailable     | none     | retry, a limited number of times |
 * | rejected        | none     | the other system clearly refused: do not retry, show |
 * | indeterminate   | unknown  | look it up, then decide; never just repeat |
 * | stuck           | partial  | a person, with the runbook |
 */
export type FailureKind = "invalid" | "refused" | "stale" | "contract_broken" | "unavailable" | "rejected" | "indeterminate" | "stuck";

/** One expected failure. `message` is one sentence for a person, without secrets; `code` is stable, `room.what`. */
export interface Failure {
  readonly kind: FailureKind;
  readonly code: string;
  readonly message: string;
  /** What to do about it, one sentence, when there is something to do. */
  readonly remedy?: string;
  /** Ids and numbers that help to find the cause; never secrets, never URLs with tokens. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Builds a failure. `code` is stored and never changes; `message` is a sentence for people, without its full stop. */
export function failure(kind: FailureKind, code: string, message: string, more: Pick<Failure, "remedy" | "details"> = {}): Failure {
  return { kind, code, message, ...more };
}

/** A failure in words, with what to do about it. */
export function sentenceOf({ message, remedy }: Failure): string {
  return remedy === undefined ? message : `${message}. ${remedy}`;
}

/** Thrown for what cannot happen: a bug of Twokey. The pass crashes; a deletion stops where it is. */
class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** Asserts what must hold. Errors: throws `InvariantViolation` with the sentence. */
export function invariant(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new InvariantViolation(sentence);
}

/** Builds a failure and returns it as a result. */
export function fail(...of: Parameters<typeof failure>): Result<never, Failure> {
  return err(failure(...of));
}
