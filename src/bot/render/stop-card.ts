import { stillness, type StopView } from "../../sync/execution/stop-view.ts";
import { context, header, joined, list, mrkdwn, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** Renders a stop in any state. Pure. */
export function renderStop(v: StopView, environment: string): Rendering {
  const reasons = v.stops.map((s) => `${s.name}: ${s.reason}`);
  const why = v.stops.map((s) => mrkdwn`• ${safe(s.name, 80)}, ${time(s.at)}: ${safe(s.reason)}`);
  const shown = why.length > LINES_MAX ? [...why.slice(0, LINES_MAX), mrkdwn`… and ${why.length - LINES_MAX} more`] : why;
  const title = v.resumed === null ? "Everything is stopped" : "Resumed: passes and deletions go on";
  const state =
    v.resumed === null
      ? mrkdwn`${safe(stillness(v))}\n*To resume:* ${v.votes.length} of ${v.need}${v.votes.length === 0 ? "" : mrkdwn` (${safe(v.votes.join(", "))})`}; two approvers write /ci-resume.`
      : mrkdwn`By ${safe(v.resumed.names)}, ${time(v.resumed.at)}.`;
  return {
    text: `${title}: ${reasons.join("; ").slice(0, TEXT_MAX)} (${environment})`,
    blocks: [
      header(title),
      section(mrkdwn`*Stopped by*\n${joined(shown, "\n")}`),
      section(state),
      ...list("Not yet known to have ended", v.onTheirWay),
      context(safe(environment)),
    ],
  };
}

const LINES_MAX = 10;
const TEXT_MAX = 1000;
