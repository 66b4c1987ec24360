import { fail, failure, type Failure } from "../core/failure.ts";
import type { TeamPolicy } from "../core/policy.ts";
import { readProtected, writeProtected } from "../core/protected.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { PolicyContext } from "./context.ts";

/**
 * Resolves the protected domains that are new in a policy: what was typed becomes the path and the id of the domain that it means now.
 *
 * Errors: `refused` for what names no domain, since it would protect nothing; what `findDomain` says when CloudStack cannot be asked.
 */
export async function resolveProtected(
  wanted: TeamPolicy,
  base: TeamPolicy,
  c: Pick<PolicyContext, "findDomain">,
): Promise<Result<TeamPolicy, Failure>> {
  const resolved: string[] = [];
  for (const word of wanted.protectedDomains) {
    if (base.protectedDomains.includes(word)) {
      resolved.push(word);
      continue;
    }
    const found = await findTyped(word, c);
    if (!found.ok) return found;
    resolved.push(found.value);
  }
  return ok({ ...wanted, protectedDomains: [...new Set(resolved)].toSorted() });
}

async function findTyped(word: string, c: Pick<PolicyContext, "findDomain">): Promise<Result<string, Failure>> {
  const entry = readProtected(word);
  const found = entry === null ? ok(null) : await c.findDomain(entry.id ?? entry.path ?? "");
  if (!found.ok) {
    const sentence = `CloudStack could not be asked which domain ${word} is: ${found.error.message}`;
    return err(failure("unavailable", "policy.domain_unread", sentence, { remedy: "Propose it again when CloudStack answers." }));
  }
  if (found.value !== null) return ok(writeProtected(found.value));
  return fail("refused", "policy.no_domain", `CloudStack has no domain ${word}, so naming it would protect nothing`, {
    remedy: "Write a UUID or a whole path such as ROOT/ci/aurora, of a domain that exists; what lies below it is protected too.",
  });
}
