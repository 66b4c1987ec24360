import { v5 as uuidV5 } from "uuid";
import type { AccountId, CiUserId, DomainId, JobId, ProjectId, UserId } from "./ids.ts";

/** Twokey's namespace for derived UUIDs. Never change it: no existing domain would be recognised. */
const NAMESPACE = "6f0d0c5e-7a0b-5d53-9a51-3c1f3f2f7a11";

/**
 * The UUID of a project's domain, from project id and generation.
 *
 * CloudStack refuses the UUID of a deleted domain, so a project that is reopened gets the next generation.
 * Source: recordings 13-uuid-again, fact 16.
 */
export function domainIdFor(project: ProjectId, generation: number): DomainId {
  return uuidV5(`domain:${generation}:${project}`, NAMESPACE) as DomainId;
}

/** The UUID of a member's account in a project's domain. Source: recordings 13, fact 17. */
export function accountIdFor(project: ProjectId, generation: number, user: CiUserId): AccountId {
  return uuidV5(`account:${generation}:${project}:${user}`, NAMESPACE) as AccountId;
}

/** The UUID of the one user in a member's account. */
export function userIdFor(project: ProjectId, generation: number, user: CiUserId): UserId {
  return uuidV5(`user:${generation}:${project}:${user}`, NAMESPACE) as UserId;
}

/** The job id of an intent: CloudStack refuses the same call sent twice instead of doing it twice (fact 4). */
export function jobIdFor(intentId: string): JobId {
  return uuidV5(`job:${intentId}`, NAMESPACE) as JobId;
}
