/** Claim: what was not made for this app, in our workspace or organisation, is refused, whatever kind of payload it is. */
import { expect, test } from "vitest";
import type { Workspace } from "../../src/bot/accounts.ts";
import { assessOrigin } from "../../src/bot/payload.ts";

const plain: Workspace = { teamId: "T1", enterpriseId: null, appId: "A1", botUserId: "B" };
const grid: Workspace = { ...plain, enterpriseId: "E1" };
const isOurs = (payload: unknown, here: Workspace): boolean => assessOrigin(payload, here).ok;

test.each<[string, unknown, Workspace]>([
  ["a click", { team: { id: "T1" }, api_app_id: "A1", enterprise: null, is_enterprise_install: false }, plain],
  ["a command", { team_id: "T1", api_app_id: "A1" }, plain],
  ["an event", { team_id: "T1", api_app_id: "A1", context_enterprise_id: null }, plain],
  ["a window without an app id", { team: { id: "T1", domain: "t" } }, plain],
  ["a click in our workspace on Grid", { team: { id: "T1", enterprise_id: "E1" }, enterprise: { id: "E1" }, api_app_id: "A1" }, grid],
  ["a click in another workspace of our organisation", { team: { id: "T9" }, enterprise: { id: "E1" }, api_app_id: "A1" }, grid],
  ["a click of an installation for the organisation", { team: null, enterprise: { id: "E1" }, is_enterprise_install: true }, grid],
  ["a command that names the organisation as its team", { team_id: "E1", enterprise_id: "E1" }, grid],
])("%s of ours is taken", (_, payload, here) => expect(isOurs(payload, here)).toBe(true));

test.each<[string, unknown, Workspace]>([
  ["another workspace", { team: { id: "TEVIL" }, api_app_id: "A1" }, plain],
  ["another workspace, by a command", { team_id: "TEVIL", api_app_id: "A1" }, plain],
  ["two workspaces", { team: { id: "T1" }, team_id: "TEVIL" }, plain],
  ["our workspace in somebody's organisation", { team: { id: "T1" }, enterprise: { id: "E9" } }, plain],
  ["our workspace in another organisation", { team: { id: "T1" }, enterprise: { id: "E9" } }, grid],
  [
    "our workspace, whose own field names another organisation",
    { team: { id: "T1", enterprise_id: "E9" }, enterprise: { id: "E1" } },
    grid,
  ],
  ["another workspace of no organisation", { team_id: "T9" }, grid],
  ["an organisation, where we have none", { team: null, enterprise: { id: "E1" }, is_enterprise_install: true }, plain],
  ["another app", { team: { id: "T1" }, api_app_id: "AEVIL" }, plain],
  ["nothing at all", {}, plain],
  ["an empty workspace", { team: { id: "" }, team_id: "" }, plain],
  ["no payload", null, plain],
])("%s is refused", (_, payload, here) => expect(isOurs(payload, here)).toBe(false));
