import type { KnownBlock } from "@slack/types";
import { situations } from "../../core/adoption.ts";
import { counted } from "../../core/plural.ts";
import type { AdoptionView } from "../../sync/adoption/context.ts";
import { button, context, fields, header, joined, list, mrkdwn, safe, section, time, type Mrkdwn } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** How many lines a card shows; with more, the whole table must be in its thread before anybody can approve (ADR 0201). */
const LINES_MAX = 12;

/** Whether the card itself shows all that approving would do. */
export function fitsCard(v: Pick<AdoptionView, "lines" | "kind">): boolean {
  return v.kind !== "adopt" && v.lines.length <= LINES_MAX;
}

/** Renders a table of adoption in any state. Pure. `isReadable`: the whole of it can be read on the card or in its thread. */
export function renderAdoptionCard(v: AdoptionView, environment: string, isReadable: boolean): Rendering {
  const title = titleOf(v);
  const blocks: KnownBlock[] = [
    header(title),
    section(sentence(v)),
    ...(v.rest === null ? [] : [section(restText(v.rest))]),
    fields([
      ["Proposed by", safe(v.proposedBy)],
      [
        "Approvals",
        joined([mrkdwn`${v.approvals.length} of ${v.quorum}`, ...v.approvals.map((a) => mrkdwn`${safe(a.name)} ${time(a.at)}`)], "\n"),
      ],
    ]),
    ...list(listTitle(v), v.lines, LINES_MAX),
    ...(v.kind === "adopt" ? [section(allThere(v))] : []),
  ];
  if (v.state === "proposed") {
    if (!isReadable)
      blocks.push(section(mrkdwn`The whole table could not be shown in this thread yet, so nobody can approve. It is tried again.`));
    // A click says which table it is for, and the digest that was on the card.
    const value = `v1:${v.id}:${v.digest}`;
    const style = v.kind === "release" ? "danger" : "primary";
    const approve = button({ action: "adoption_approve", text: "Approve", value, style, label: `Approve: ${title}` });
    const reject = button({ action: "adoption_reject", text: "Reject…", value, label: `Reject: ${title}` });
    blocks.push({ type: "actions", block_id: "adoption", elements: isReadable ? [approve, reject] : [reject] });
  }
  const who = v.mayApprove.length > 0 ? mrkdwn` · may approve: ${safe(v.mayApprove.join(", "), 300)}` : "";
  blocks.push(context(mrkdwn`${safe(environment)} · proposed ${time(v.proposedAt)} · digest ${safe(v.digest.slice(0, 12))}${who}`));
  return { text: `${title} (${environment})`, blocks };
}

/** A table that was approved is done: what it would do is said of the others only. */
function listTitle({ kind, state }: AdoptionView): string {
  const isDone = state === "applied";
  return {
    adopt: isDone ? "Adopted" : "Would be managed",
    release: isDone ? "Left to the next pass" : "Would be done by the next pass",
    give_back: isDone ? "Given back" : "What follows",
  }[kind];
}

function restText({ domains, changes }: NonNullable<AdoptionView["rest"]>): Mrkdwn {
  const more = mrkdwn`${changes} more in ${safe(counted(domains, "further domain"))} ${changes === 1 ? mrkdwn`waits` : mrkdwn`wait`} for a later portion`;
  return mrkdwn`The limits of /ci-policy let so much through at once. ${more}: /ci-adopt release, once this one is made.`;
}

function titleOf(v: AdoptionView): string {
  const what = {
    adopt: `adopt ${v.domains > 0 ? `${counted(v.domains, "domain")} and ` : ""}${counted(v.accounts, "account")}`,
    give_back: `give ${counted(v.domains, "domain")} back`,
    release: `release the first plan of ${counted(v.domains, "adopted domain")}`,
  }[v.kind];
  const ends = {
    proposed: `Should Twokey ${what}?`,
    applied: `Approved: ${what}`,
    rejected: `Rejected: ${what}`,
    expired: `Expired: ${what}`,
    superseded: `Not decided, since a newer table was made: ${what}`,
    moved: `Not done, since something moved: ${what}`,
  };
  return ends[v.state];
}

function allThere(v: AdoptionView): Mrkdwn {
  const counts = situations.filter((s) => v.counts[s] > 0).map((s) => mrkdwn`${v.counts[s]} ${safe(s.replace("_", " "))}`);
  return mrkdwn`*All that is there:* ${counts.length === 0 ? mrkdwn`nothing` : joined(counts, ", ")}`;
}

const FOLLOWS: Readonly<Record<AdoptionView["kind"], Mrkdwn>> = {
  adopt: mrkdwn`From then on Twokey manages them. *Nothing is created, renamed, locked or deleted by it:* what differs is in the next plan, and what would restrict somebody waits for /ci-adopt release.`,
  give_back: mrkdwn`From then on Twokey leaves them alone. Nothing is created, renamed, locked or deleted by it.`,
  release: mrkdwn`*The next pass then locks, changes roles, lowers limits and asks about deletions in these domains as in all others*, within the limits of /ci-policy.`,
};

function sentence(v: AdoptionView): Mrkdwn {
  if (v.state === "applied")
    return v.kind === "adopt"
      ? mrkdwn`They are managed now. /ci-adopt give-back and a project's short name gives one back.`
      : FOLLOWS[v.kind];
  if (v.state !== "proposed")
    return mrkdwn`Nothing changes${v.endedBy === null ? "" : mrkdwn`; ended by ${safe(v.endedBy)}`}: ${safe(v.endedReason ?? "", 1200)}.`;
  const unknown = v.isFromTerminal
    ? mrkdwn` It was asked at a terminal, where anybody can have any login, so one approver more must agree.`
    : "";
  const n = v.quorum === 2 ? mrkdwn`Two` : mrkdwn`${v.quorum}`;
  return mrkdwn`${FOLLOWS[v.kind]} ${n} approvers must agree, and whoever proposed it has no vote.${unknown} It expires ${time(v.expiresAt)}.`;
}
