import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";

/** How a change is proved by looking: what is there now, and whether it is what was wanted. */
export interface Proof<T> {
  readonly what: string;
  /** Null: not there. */
  readonly look: () => Promise<Result<T | null, Failure>>;
  readonly isWanted: (found: T) => boolean;
}

/**
 * Says what a change came to, by looking instead of believing: an accepted create may have gone elsewhere (a dropped `domainid` means
 * ROOT), a refused one may have been done before, a lost answer may have had its effect.
 *
 * Errors: `stuck` when CloudStack accepted and something else is there; the change's own failure when it is not there.
 * Source: facts/cloudstack §1.5; recordings 03, 13.
 */
export async function confirm<T>(sent: Result<unknown, Failure>, proof: Proof<T>): Promise<Result<void, Failure>> {
  if (!sent.ok && !LEAVES_DOUBT.has(sent.error.code) && sent.error.kind !== "indeterminate") return sent;
  const found = await proof.look();
  if (!found.ok) return sent.ok ? err(unseen(proof.what, found.error)) : sent;
  if (found.value !== null && proof.isWanted(found.value)) return ok(undefined);
  if (!sent.ok) return sent;
  const seen = found.value === null ? "it is not there" : "something else is there";
  return err(
    failure("stuck", "cloudstack.not_as_wanted", `CloudStack accepted ${proof.what}, but ${seen}`, {
      remedy: "Look for it in CloudStack, also directly below ROOT.",
    }),
  );
}

/** Refusals that CloudStack also gives when the very same thing was done before. */
const LEAVES_DOUBT = new Set(["cloudstack.internal", "cloudstack.parameter", "cloudstack.job_cut_off"]);

function unseen(what: string, f: Failure): Failure {
  return failure("indeterminate", "cloudstack.unconfirmed", `CloudStack accepted ${what}, but it could not be looked at: ${f.message}`);
}
