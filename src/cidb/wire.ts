import { z } from "zod";

/** A raw row of the projects view; nothing is believed yet. */
export const ProjectRow = z.object({
  id: z.string().nullable(),
  slug: z.string().nullable(),
  name: z.string().nullable(),
  state: z.string().nullable(),
  closed_at: z.number().nullable(),
  closed_by: z.string().nullable(),
  limits: z.unknown(),
});
/** A raw row of the projects view. */
export type ProjectRow = z.output<typeof ProjectRow>;

/** A raw row of the users view. */
export const UserRow = z.object({
  id: z.string().nullable(),
  username: z.string().nullable(),
  email: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  enabled: z.boolean().nullable(),
  slack_id: z.string().nullable(),
});
/** A raw row of the users view. */
export type UserRow = z.output<typeof UserRow>;

/** A raw row of the memberships view. */
export const MembershipRow = z.object({ project_id: z.string().nullable(), user_id: z.string().nullable(), role: z.string().nullable() });
/** A raw row of the memberships view. */
export type MembershipRow = z.output<typeof MembershipRow>;
