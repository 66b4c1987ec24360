/** How far a plan is that works for long, shown in place of its message. */
import type { Clock } from "../../core/clock.ts";
import type { ChangeOutcome, PlanAnnouncer, PlanRecord } from "./record.ts";

/** The pause between two updates: Slack takes about one a second in a channel, and people read slower. Units: milliseconds. */
const UPDATE_MS = 4000;

/** Makes what is told of each change as it ends; of `total` changes the last one shows nothing: the whole plan is shown after it. */
export function createProgress(
  record: PlanRecord,
  total: number,
  c: { readonly now: Clock; readonly announcer: PlanAnnouncer },
): (ended: ChangeOutcome) => void {
  const startedAt = c.now();
  let shownAt: number = startedAt;
  const ended = new Map<ChangeOutcome["change"], ChangeOutcome>();
  return (one) => {
    ended.set(one.change, one);
    const at = c.now();
    if (at - shownAt < UPDATE_MS || ended.size >= total) return;
    shownAt = at;
    const outcomes = record.outcomes.map((o) => ended.get(o.change) ?? o);
    // Nobody waits for it, and a message that could not be updated is corrected by the next one.
    void c.announcer.showPlan({ ...record, outcomes, progress: { startedAt, at, total, ended: ended.size } }).catch(() => undefined);
  };
}

/** `412 of 1,201 made, 3 refused, about 40 s left`; null where nothing is under way. */
export function progressText({ progress, outcomes }: Pick<PlanRecord, "progress" | "outcomes">): string | null {
  if (progress === undefined || progress.ended === 0) return null;
  const made = outcomes.filter((o) => o.outcome === "done").length;
  const refused = outcomes.filter((o) => o.outcome === "refused" || o.outcome === "indeterminate").length;
  const leftMs = ((progress.at - progress.startedAt) / progress.ended) * (progress.total - progress.ended);
  const number = (n: number): string => n.toLocaleString("en-US");
  return `${number(made)} of ${number(progress.total)} made, ${refused === 0 ? "" : `${number(refused)} refused, `}about ${timeText(leftMs)} left`;
}

function timeText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return "10 s";
  return seconds < 95 ? `${Math.round(seconds / 10) * 10} s` : `${Math.round(seconds / 60)} min`;
}
