import type { WebClient } from "@slack/web-api";
import { createIdentity, groupMembers, type Person } from "../../bot/identity.ts";
import type { Config } from "../../config.ts";
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Result } from "../../core/result.ts";
import { APPROVERS_MIN } from "../../core/votes.ts";
import { isAbsent } from "../../bot/slack.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "./report.ts";

const { ok, warning, failed, refused } = checksOf("slack");

/** What the Slack checks need. */
export interface SlackInspection {
  readonly slack: Config["slack"];
  readonly now: Clock;
  readonly listPeople: () => Promise<Result<readonly Person[], Failure>>;
}

/** Checks who may approve, each mapped to one person, and who is the team. */
export async function examinePeople(
  client: WebClient,
  o: SlackInspection,
  place: { readonly channel: string; readonly teamId: string; readonly botUserId: string },
): Promise<readonly Check[]> {
  const { approverGroup, approverIds, teamGroup } = o.slack;
  const inGroup = approverGroup === null ? null : await groupMembers(client, approverGroup);
  const checks: Check[] = [];
  if (inGroup !== null && !inGroup.ok) {
    const fallsBack = isAbsent(inGroup.error) && approverIds.length > 0;
    const remedy = "Check SLACK_APPROVER_GROUP, or list people in SLACK_APPROVERS instead.";
    if (!fallsBack) return [refused(inGroup.error, remedy)];
    checks.push(
      warning(`${inGroup.error.message}, so SLACK_APPROVERS is used`, "Unset SLACK_APPROVER_GROUP, or give the token usergroups:read."),
    );
  }
  const group = inGroup?.ok === true ? approverGroup : null;
  const ids = inGroup?.ok === true ? inGroup.value : approverIds;
  const from = group === null ? "SLACK_APPROVERS" : `the group ${group}`;
  const identity = createIdentity({
    client,
    ...place,
    approvers: async () => ({ group, ids: approverIds }),
    teamGroup,
    listPeople: o.listPeople,
    now: o.now,
  });
  const persons = new Map<string, string[]>();
  for (const id of ids) {
    const found = await identity.identify(id);
    if (!found.ok) {
      checks.push(
        found.error.kind === "refused"
          ? warning(`${id} of ${from} does not count: ${found.error.message}`, found.error.remedy ?? "Remove them from it.")
          : refused({ ...found.error, message: `${id} of ${from}: ${found.error.message}` }, "Check the scopes of the token."),
      );
      continue;
    }
    const { operator } = found.value;
    persons.set(operator.id, [...(persons.get(operator.id) ?? []), operator.name]);
    if (operator.ciUserId === null)
      checks.push(
        warning(
          `${operator.name} (${id}) is not in the CI database`,
          "Set the user's slack_id or e-mail there; approving works without it.",
        ),
      );
  }
  for (const names of persons.values())
    if (names.length > 1) checks.push(warning(`${listed(names)} are one person and count once`, `Remove one from ${from}.`));
  const named = listed([...persons.values()].map(([name]) => name ?? ""));
  checks.push(
    persons.size >= APPROVERS_MIN
      ? ok(`${persons.size} approvers in ${from}: ${named}`)
      : failed(
          `${persons.size} valid approver(s) in ${from}, at least ${APPROVERS_MIN} are needed`,
          "Add full, active members of this workspace; bots, guests and external people do not count.",
        ),
  );
  return [...checks, await teamCheck(client, teamGroup)];
}

async function teamCheck(client: WebClient, teamGroup: string | null): Promise<Check> {
  if (teamGroup === null) return ok("the team is everybody in the channel");
  const team = await groupMembers(client, teamGroup);
  if (!team.ok) return refused(team.error, "Check SLACK_TEAM_GROUP.");
  return team.value.length > 0
    ? ok(`the team is the ${team.value.length} members of the group ${teamGroup}`)
    : failed(`the group ${teamGroup} has no members`, "Add the CI team to it, or unset SLACK_TEAM_GROUP.");
}
