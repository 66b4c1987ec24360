/** Claim: Twokey starts in one workspace, on Enterprise Grid too; the token of an installation for a whole organisation is refused with what to do. */
import { expect, test } from "vitest";
import { findWorkspace } from "../../src/bot/workspace.ts";

const of = (said: object) => {
  const client = { auth: { test: async () => ({ ok: true, user_id: "U0BOT", app_id: "A1", ...said }) } };
  return findWorkspace(client as never, { mode: "http" });
};

test.each([
  ["a workspace", { team_id: "T1", is_enterprise_install: false }, { teamId: "T1", enterpriseId: null }],
  ["a workspace, by a server that does not say how it was installed", { team_id: "T1" }, { teamId: "T1", enterpriseId: null }],
  ["a workspace of an organisation", { team_id: "T1", enterprise_id: "E1" }, { teamId: "T1", enterpriseId: "E1" }],
])("%s is where the bot is", async (_what, said, value) => {
  expect(await of(said)).toMatchObject({ ok: true, value: { ...value, appId: "A1", botUserId: "U0BOT" } });
});

test.each([
  ["which Slack says of the token", { team_id: "T1", enterprise_id: "E1", is_enterprise_install: true }],
  ["whose team is the organisation", { team_id: "E1", enterprise_id: "E1" }],
  ["that has no team", { team_id: null, enterprise_id: "E1" }],
  ["that leaves the team out", { enterprise_id: "E1" }],
])("an installation for a whole organisation, %s, is refused", async (_what, said) => {
  const found = await of(said);
  expect(found).toMatchObject({ ok: false, error: { kind: "refused", code: "slack.org_wide" } });
  expect(found.ok ? "" : found.error.remedy).toContain("Install to Workspace");
});

test("a token of which Slack says nothing is refused", async () => {
  expect(await of({})).toMatchObject({ ok: false, error: { code: "slack.no_team" } });
});
