import type { Failure } from "../core/failure.ts";
import type { DomainId } from "../core/ids.ts";
import type { Result } from "../core/result.ts";

/**
 * What CloudStack knows of a domain's id.
 *
 * | listed | the domain is there |
 * | hidden | it is there but Inactive: being deleted, or left so by a deletion that failed |
 * | spent  | it belongs to a removed domain, and is refused for ever |
 * | free   | it was never used |
 */
export type IdState = "listed" | "hidden" | "spent" | "free";

/** Tells whether a domain's id can be used. */
export interface DomainIds {
  readIdState(id: DomainId): Promise<Result<IdState, Failure>>;
}
