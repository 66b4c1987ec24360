import { APPROVALS_MIN, type QuestionRef } from "../../core/votes.ts";
import { readVotes } from "../../store/ballots.ts";
import type { Queryable } from "../../store/db.ts";
import { callsOnTheirWay } from "../../store/intents.ts";
import { readLastStop, readStop, type LastStop } from "../../store/stop-switch.ts";

/** The newest stop, as it is shown: who said it and why, who wants to resume, and whether everything stands still. */
export interface StopView extends LastStop {
  /** Those whose votes to resume are recorded; a further stop voids them. */
  readonly votes: readonly string[];
  readonly need: number;
  /** Calls that were sent before the stop and whose outcome is not known yet; none: everything stands still. */
  readonly onTheirWay: readonly string[];
}

/** Shows stops to people. Implemented by the bot; idempotent by the stop's id, and never waited for: a stop must not wait for Slack. */
export interface StopAnnouncer {
  showStop(view: StopView): void;
}

/** Reads the newest stop as it is shown; null when nothing was ever stopped. */
export async function readStopView(q: Queryable, now: number): Promise<StopView | null> {
  const last = await readLastStop(q);
  if (last === null) return null;
  const present = await readStop(q);
  const isOver = last.resumed !== null || !present.stopped || present.seq === null;
  const ref: QuestionRef | null = isOver ? null : { kind: "resume", id: String(present.seq) };
  const votes = ref === null ? [] : (await readVotes(q, ref)).map((v) => v.voterName);
  return { ...last, votes, need: APPROVALS_MIN, onTheirWay: isOver ? [] : await callsOnTheirWay(q, now) };
}

/** Whoever stops shows it: a look so soon after it could post the message a second time. Units: milliseconds. */
const SHOWN_BY_ITSELF_MS = 5000;
/** How long a stop that is over is still shown, in case of a crash between the resume and its message. Units: milliseconds. */
const SHOWN_MS = 3600_000;

/** Shows the newest stop as it is now, while it lasts and for an hour after: one from a terminal, and that everything stands still. */
export async function sweepStop(q: Queryable, announcer: StopAnnouncer, now: number): Promise<void> {
  const view = await readStopView(q, now);
  const [first] = view?.stops ?? [];
  if (view === null || first === undefined || now - first.at < SHOWN_BY_ITSELF_MS) return;
  if (view.resumed === null || now - view.resumed.at < SHOWN_MS) announcer.showStop(view);
}

/** Whether everything stands still, in one sentence. */
export function stillness(view: Pick<StopView, "onTheirWay">): string {
  const [first, ...more] = view.onTheirWay;
  if (first === undefined) return "Everything stands still: no call to CloudStack is on its way any more.";
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  return `Nothing more is sent; not yet known to have ended: ${first}${others}.`;
}
