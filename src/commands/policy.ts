import type { Asker } from "../core/people.ts";
import type { PolicyService, PolicyReport } from "../policy/service.ts";
import { replyOfFailure, type Reply } from "./reply.ts";

/** `/ci-policy`: the limits in force, open changes, and a way to propose one. */
export async function answerPolicy(
  asker: Asker,
  wish: { readonly setting: string; readonly text: string; readonly reason: string } | null,
  policy: PolicyService,
): Promise<Reply> {
  if (wish !== null) {
    const made = await policy.propose(asker, wish);
    return made.ok
      ? {
          title: `Proposed: ${made.value.title}`,
          parts: [{ kind: "text", text: "Its card is in the team's channel. Two approvers besides you must agree." }],
        }
      : replyOfFailure(made.error);
  }
  if (!asker.isTeam)
    return {
      title: "Only members of the CI team may see the policy",
      parts: [{ kind: "text", text: "/ci-status tells about your own project." }],
    };
  const report = await policy.report(asker);
  return report.ok ? policyReply(report.value) : replyOfFailure(report.error);
}

function policyReply(r: PolicyReport): Reply {
  const who =
    r.approvers === null ? "Slack could not be asked who may approve" : `${r.approvers.length} may approve now: ${r.approvers.join(", ")}`;
  return {
    title: `The policy in force is version ${r.version}`,
    parts: [
      { kind: "text", text: `In force since ${dayText(r.since)}. ${who}.` },
      { kind: "list", title: "Settings", lines: r.rows.map((row) => `${row.title}: ${row.value}`) },
      {
        kind: "list",
        title: "Open changes, each with a card in the team's channel",
        lines: r.open.map((c) => `${c.title}: ${c.before} → ${c.after}, by ${c.proposedBy}`),
      },
      {
        kind: "list",
        title: "Changes so far",
        lines: r.past.map(
          (c) =>
            `${dayText(c.endedAt ?? c.proposedAt)} ${c.title}: ${c.before} → ${c.after}, by ${c.proposedBy}, approved by ${c.approvals.map((a) => a.name).join(" and ")}`,
        ),
      },
      { kind: "list", title: "The environment says otherwise, which counts only at the first start", lines: r.elsewhere },
      {
        kind: "choice",
        action: "choose_setting",
        label: "Propose a change…",
        options: r.mayPropose ? r.rows.map((row) => ({ value: row.name, label: row.title })) : [],
      },
      {
        kind: "note",
        text: "Each deletion keeps the limits under which it was asked; where a limit has become stricter since, the stricter one counts.",
      },
    ],
  };
}

function dayText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
