import { counted } from "../../core/plural.ts";
import type { WebClient } from "@slack/web-api";
import type { Person, Workspace } from "../../bot/accounts.ts";
import { createIdentity } from "../../bot/identity.ts";
import { groupMembers, teamMembers } from "../../bot/members.ts";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Result } from "../../core/result.ts";
import { APPROVERS_MIN } from "../../core/votes.ts";
import { isAbsent } from "../../bot/slack.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, skipped, warning, failed, refused } = checksOf("slack");

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
  place: { readonly channel: string | null; readonly here: Workspace },
): Promise<readonly Check[]> {
  const { approverGroup, teamGroup } = o.slack;
  const handles = o.slack.approverIds.filter((id) => !USER_ID.test(id));
  const approverIds = o.slack.approverIds.filter((id) => USER_ID.test(id));
  const team = await teamCheck(client, place.channel, teamGroup);
  const people = await o.listPeople();
  if (!people.ok) return [...checksOfHandles(handles), skipped("not checked, since the CI database cannot be read: who may approve"), team];
  const inGroup = approverGroup === null ? null : await groupMembers(client, approverGroup);
  const checks: Check[] = [...checksOfHandles(handles)];
  if (inGroup !== null && !inGroup.ok) {
    const fallsBack = isAbsent(inGroup.error) && approverIds.length > 0;
    const remedy = "Check SLACK_APPROVER_GROUP, or list people in SLACK_APPROVERS instead.";
    if (!fallsBack) return [...checks, refused(inGroup.error, remedy), team];
    checks.push(
      warning(`${inGroup.error.message}, so SLACK_APPROVERS is used`, "Unset SLACK_APPROVER_GROUP, or give the token usergroups:read."),
    );
  }
  const group = inGroup?.ok === true ? approverGroup : null;
  const ids = inGroup?.ok === true ? inGroup.value : approverIds;
  const from = group === null ? "SLACK_APPROVERS" : `the group ${group}`;
  const identity = createIdentity({
    client,
    patient: client,
    here: place.here,
    channel: place.channel ?? o.slack.channel,
    remember: async () => undefined,
    onLeftOut: () => undefined,
    approvers: async () => ({ group, ids: approverIds }),
    teamGroup,
    listPeople: o.listPeople,
    now: o.now,
    sleep: async () => undefined,
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
    if (operator.ciUserId === null && !approverIds.includes(id)) {
      const remedy = "Set the user's slack_id or e-mail there, or name this id in SLACK_APPROVERS (later: /ci-policy set approvers).";
      checks.push(warning(`${id} of ${from} does not count: ${operator.name}`, remedy));
      continue;
    }
    persons.set(operator.id, [...(persons.get(operator.id) ?? []), operator.name]);
    if (operator.ciUserId === null)
      checks.push(
        warning(
          `${operator.name} (${id}) counts only because SLACK_APPROVERS names this id`,
          "Set the user's slack_id or e-mail in the CI database.",
        ),
      );
  }
  return [...checks, ...countChecks(persons, from, handles.length), team];
}

/** Whether enough people may approve. Where those who are named by a handle would be enough, that is told already. */
function countChecks(persons: ReadonlyMap<string, readonly string[]>, from: string, handles: number): readonly Check[] {
  const twice = [...persons.values()].filter((names) => names.length > 1);
  const checks = twice.map((names) => warning(`${listed(names)} are one person and count once`, `Remove one from ${from}.`));
  const named = listed([...persons.values()].map(([name]) => name ?? ""));
  if (persons.size >= APPROVERS_MIN) return [...checks, ok(`${persons.size} approvers in ${from}: ${named}`)];
  if (persons.size + handles >= APPROVERS_MIN) return checks;
  const remedy = "Add full, active members of this workspace; bots, guests and external people do not count.";
  return [...checks, failed(`${counted(persons.size, "valid approver")} in ${from}, at least ${APPROVERS_MIN} are needed`, remedy)];
}

/** Slack's ids of people; a handle or a name can be given to somebody else. */
const USER_ID = /^[UW][A-Z0-9]{2,}$/;

function checksOfHandles(handles: readonly string[]): readonly Check[] {
  return handles.map((handle) =>
    failed(
      `SLACK_APPROVERS names ${handle}, which is no id: Slack's ids of people begin with U or W, and a handle can pass to somebody else`,
      "Copy it in Slack: the person's profile, ⋮, Copy member ID.",
    ),
  );
}

async function teamCheck(client: WebClient, channel: string | null, teamGroup: string | null): Promise<Check> {
  if (channel === null && teamGroup === null) return skipped("not checked, since the channel was not found: who is the team");
  const team = await teamMembers(client, channel ?? "", teamGroup);
  const whose = teamGroup === null ? "the private channel" : `the group ${teamGroup}`;
  if (!team.ok)
    return refused(team.error, teamGroup === null ? "Set SLACK_TEAM_GROUP to the CI team's user group." : "Check SLACK_TEAM_GROUP.");
  return team.value.length > 0
    ? ok(`the team is the ${team.value.length} members of ${whose}`)
    : failed(`${whose} has no members`, "Add the CI team to it, or set SLACK_TEAM_GROUP.");
}
