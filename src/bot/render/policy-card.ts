import type { KnownBlock } from "@slack/types";
import type { PolicyChangeView } from "../../policy/ports.ts";
import { button, context, fields, header, joined, mrkdwn, type Mrkdwn, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** With longer values there is no Approve button, since an approver must read all of them (ADR 0201). */
const VALUE_MAX = 900;

/** Renders a change of policy in any state. Pure. */
export function renderPolicyCard(v: PolicyChangeView, environment: string): Rendering {
  const title = titles(v);
  const fits = v.before.length <= VALUE_MAX && v.after.length <= VALUE_MAX;
  const [before, after] = labels(v);
  const blocks: KnownBlock[] = [
    header(title),
    section(sentence(v)),
    fields([
      [before, safe(v.before, VALUE_MAX)],
      [after, safe(v.after, VALUE_MAX)],
      ["Why", mrkdwn`${safe(v.reason, 500)}\nproposed by ${safe(v.proposedBy)}`],
      ["Approvals", approvals(v)],
    ]),
  ];
  if (v.state === "proposed" && !fits)
    blocks.push(
      section(mrkdwn`It is longer than a card can show, so it cannot be approved here. Change less at a time, or use a user group.`),
    );
  if (v.state === "proposed") {
    // A click says which change it is for, and the digest that was on the card.
    const value = `v1:${v.id}:${v.digest}`;
    const approve = button({
      action: "policy_approve",
      text: "Approve",
      value,
      style: v.effect === "looser" ? "danger" : "primary",
      label: `Approve: ${v.title}`,
    });
    const reject = button({ action: "policy_reject", text: "Reject…", value, label: `Reject: ${v.title}` });
    blocks.push({ type: "actions", block_id: "policy", elements: fits ? [approve, reject] : [reject] });
  }
  const who = v.mayApprove.length > 0 ? mrkdwn` · may approve: ${safe(v.mayApprove.join(", "), 300)}` : "";
  blocks.push(context(mrkdwn`${safe(environment)} · proposed ${time(v.proposedAt)} · digest ${safe(v.digest.slice(0, 12))}${who}`));
  return { text: `${title} (${environment})`, blocks };
}

function titles(v: PolicyChangeView): string {
  return {
    proposed: `Change the policy? ${v.title}`,
    applied: `Policy changed: ${v.title}`,
    rejected: `Policy not changed (rejected): ${v.title}`,
    expired: `Policy not changed (expired): ${v.title}`,
    superseded: `Policy not changed (another change came first): ${v.title}`,
  }[v.state];
}

/** What the two values are by now: on a card that ended, the old one is not in force because it was once. */
function labels({ state }: PolicyChangeView): readonly [string, string] {
  if (state === "proposed") return ["Now", "Proposed"];
  return state === "applied" ? ["Before", "Changed to"] : ["When it was proposed", "Proposed"];
}

function sentence(v: PolicyChangeView): Mrkdwn {
  if (v.state === "applied")
    return mrkdwn`In force since ${v.endedAt === null ? mrkdwn`now` : time(v.endedAt)}. Deletions that were proposed before keep their limits; where a new limit is stricter, it counts for them too.`;
  if (v.state !== "proposed")
    return mrkdwn`Nothing changes${v.endedBy === null ? "" : mrkdwn`; closed by ${safe(v.endedBy)}`}: ${safe(v.endedReason ?? "", 500)}.`;
  const effect = {
    looser: mrkdwn`*This makes the policy looser:* a mistake can then destroy more.`,
    stricter: mrkdwn`This makes the policy stricter.`,
    neutral:
      v.setting === "scope"
        ? mrkdwn`*Until this is confirmed, passes only report* and no deletion continues.`
        : mrkdwn`This is neither looser nor stricter; read both values.`,
  }[v.effect];
  return mrkdwn`${effect} ${v.quorum === 2 ? mrkdwn`Two` : v.quorum} approvers must agree${v.proposedBy === "Twokey" ? "" : mrkdwn`, and whoever proposed it has no vote`}. Nothing happens without them; it expires ${time(v.expiresAt)}.`;
}

function approvals(v: PolicyChangeView): Mrkdwn {
  const who = v.approvals.map((a) => mrkdwn`${safe(a.name)} ${time(a.at)}`);
  return joined([mrkdwn`${v.approvals.length} of ${v.quorum}`, ...who], "\n");
}
