import type { Asker } from "../core/people.ts";
import { APPROVALS_MIN } from "../core/votes.ts";
import type { PolicyService, PolicyReport } from "../policy/service.ts";
import { replyOf, shortReply, teamOnlyReply, type Reply, type Words } from "./reply.ts";

/** `/ci-policy`: the limits in force, the open changes, and a menu to propose one. */
export async function answerPolicy(
  asker: Asker,
  wish: { readonly setting: string; readonly text: string; readonly reason: string } | null,
  policy: PolicyService,
): Promise<Reply> {
  if (wish !== null)
    return replyOf(await policy.propose(asker, wish), (made) =>
      shortReply(
        `Proposed: ${made.title}`,
        `Its card is in the team's channel. At least ${APPROVALS_MIN} approvers besides you must agree.`,
      ),
    );
  return asker.isTeam ? replyOf(await policy.report(asker), policyReply) : teamOnlyReply("the policy");
}

function policyReply(r: PolicyReport): Reply {
  const who =
    r.approvers === null ? "Slack did not say who may approve" : `${r.approvers.length} may approve now: ${r.approvers.join(", ")}`;
  return {
    title: `The policy in force is version ${r.version}`,
    parts: [
      { kind: "text", text: ["In force since ", { at: r.since }, `. ${who}.`] },
      { kind: "list", title: "Settings", lines: r.rows.map((row) => `${row.title}: ${row.value}`) },
      {
        kind: "list",
        title: "Open changes, each with a card in the team's channel",
        lines: r.open.map((c) => `${c.title}: ${c.before} → ${c.after}, by ${c.proposedBy}`),
      },
      {
        kind: "list",
        title: "Changes so far",
        lines: r.past.map((c): Words => [
          { at: c.endedAt ?? c.proposedAt },
          ` ${c.title}: ${c.before} → ${c.after}, by ${c.proposedBy}, approved by ${c.approvals.map((a) => a.name).join(" and ")}`,
        ]),
      },
      { kind: "list", title: "The environment differs (it counts at the first start only)", lines: r.elsewhere },
      {
        kind: "choice",
        action: "choose_setting",
        label: "Propose a change…",
        options: r.mayPropose ? r.rows.map((row) => ({ value: row.name, label: row.title })) : [],
      },
      {
        kind: "note",
        text: "Each deletion keeps the limits under which it was proposed; where a limit has become stricter since, the stricter one counts.",
      },
    ],
  };
}
