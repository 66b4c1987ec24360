import type { TeamPolicy } from "../../src/core/policy.ts";
import { configOf } from "../support/bot.ts";

/** The policy of the tests. */
export const teamPolicy: TeamPolicy = {
  quorum: 2,
  approvers: { group: "@ci-approvers", ids: [] },
  approvalMs: 86_400_000,
  coolOffMs: 1_800_000,
  graceMs: 14 * 86_400_000,
  deletionsPerDay: 1,
  deletionsPerWeek: 3,
  proposalsPerPass: 10,
  restrictionsPerPass: 10,
  restrictionsPerDay: 20,
  restrictionsPerWeek: 60,
  emptiedPerPass: 0,
  changesPerPass: 500,
  shrinkMinShare: 0.8,
  absenceReads: 20,
  absenceMs: 7 * 86_400_000,
  protectedDomains: ["ROOT/ci/keep"],
  scope: {
    root: "ROOT/ci",
    server: "https://cloud.example.org/client/api",
    database: "ci-db/ci",
    views: { projects: "twokey_projects", users: "twokey_users", memberships: "twokey_memberships" },
    roles: configOf().cloudstack.roles,
  },
};
