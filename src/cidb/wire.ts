import { z } from "zod";

const text = z.string().nullable();

/** A raw row of the projects view; nothing of it is verified yet. */
export const ProjectRow = z.object({
  id: text,
  slug: text,
  name: text,
  state: text,
  /** Also what is no point in time, such as 'infinity': one row must not stop the read of all. Units: milliseconds since 1970. */
  closed_at: z.custom<number>((at) => typeof at === "number").nullable(),
  closed_by: text,
  limits: z.unknown(),
});
export type ProjectRow = z.output<typeof ProjectRow>;

/** A raw row of the users view. */
export const UserRow = z.object({
  id: text,
  username: text,
  email: text,
  first_name: text,
  last_name: text,
  enabled: z.boolean().nullable(),
  slack_id: text,
});
export type UserRow = z.output<typeof UserRow>;

/** A raw row of the memberships view. */
export const MembershipRow = z.object({ project_id: text, user_id: text, role: text });
export type MembershipRow = z.output<typeof MembershipRow>;
