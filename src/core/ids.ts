import { z } from "zod";

/** A CloudStack domain's UUID; checked before it is ever sent, since CloudStack also accepts internal numbers (facts/cloudstack §1.5). */
export const DomainId = z.guid().toLowerCase().brand<"DomainId">();
export type DomainId = z.infer<typeof DomainId>;

/** UUIDs of a CloudStack account and of a user. */
export const AccountId = z.guid().toLowerCase().brand<"AccountId">();
export type AccountId = z.infer<typeof AccountId>;
export const UserId = z.guid().toLowerCase().brand<"UserId">();
export type UserId = z.infer<typeof UserId>;

/** UUID of any other CloudStack resource: machine, volume, snapshot, template, network, address. */
export const ResourceId = z.guid().toLowerCase().brand<"ResourceId">();
export type ResourceId = z.infer<typeof ResourceId>;

/** UUID of a CloudStack asynchronous job; Twokey chooses it (`customjobid`). */
export const JobId = z.guid().toLowerCase().brand<"JobId">();
export type JobId = z.infer<typeof JobId>;

/** `ROOT/ci/slug`, built from the names of the parent domains; CloudStack's own `path` can be wrong after a rename. */
export const DomainPath = z.string().min(1).brand<"DomainPath">();
export type DomainPath = z.infer<typeof DomainPath>;

/**
 * A project's id in the CI database; never reused, never shown as a name: 1 to 200 characters, as `is_project_id` in PostgreSQL says too
 * (NUL and half a surrogate pair no text of it can hold).
 */
export const ProjectId = z
  .string()
  .regex(/^[^\0\p{Cs}]{1,200}$/u)
  .brand<"ProjectId">();
export type ProjectId = z.infer<typeof ProjectId>;
/** The same as a row of our own holds it: an older version may have stored what would be refused now, and each row can be read. */
export const StoredProjectId = z.string().transform((id) => id as ProjectId);

/** A project's short name, which names its domain: lower-case letters, digits and inner hyphens, at most 63. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
  .brand<"Slug">();
export type Slug = z.infer<typeof Slug>;

/** A user's id in the CI database: as a project's, and in one line, so that `ci:<id>` is an `OperatorId`. */
export const CiUserId = z
  .string()
  .regex(/^[^\0\n\r\u2028\u2029\p{Cs}]{1,200}$/u)
  .brand<"CiUserId">();
export type CiUserId = z.infer<typeof CiUserId>;
/** As `StoredProjectId`, of a user. */
export const StoredCiUserId = z.string().transform((id) => id as CiUserId);

/**
 * One person who may act: `ci:<user id>` when mapped to a CI user, else `slack:<user id>`, or `terminal:<login>`, who may only stop and give back.
 */
export const OperatorId = z
  .string()
  .regex(/^(?:ci|slack|terminal):.+$/)
  .brand<"OperatorId">();
export type OperatorId = z.infer<typeof OperatorId>;

/** UUIDs in Twokey's own tables. */
export const PassId = z.guid().brand<"PassId">();
export type PassId = z.infer<typeof PassId>;
export const PlanId = z.guid().brand<"PlanId">();
export type PlanId = z.infer<typeof PlanId>;
export const DeletionId = z.guid().brand<"DeletionId">();
export type DeletionId = z.infer<typeof DeletionId>;
export const ExportId = z.guid().brand<"ExportId">();
export type ExportId = z.infer<typeof ExportId>;

/** SHA-256 in lower-case hex of canonical JSON (RFC 8785): of what approvers were shown, and what must still be there. */
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<"Digest">();
export type Digest = z.infer<typeof Digest>;

/** UTC epoch milliseconds. */
export const Instant = z.number().int().brand<"Instant">();
export type Instant = z.infer<typeof Instant>;
