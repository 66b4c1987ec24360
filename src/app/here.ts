/** The first pass of a process, and the message "I am here, this is what I watch". */
import { digestOf } from "../core/digest.ts";
import type { TeamPolicy } from "../core/policy.ts";
import type { Failure } from "../core/failure.ts";
import type { Result } from "../core/result.ts";
import { APPROVALS_MIN } from "../core/votes.ts";
import type { HereView } from "../bot/render/here.ts";
import { readLastSizes } from "../store/managed.ts";
import { readPolicy } from "../store/policies.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import type { Parts } from "./parts.ts";

type HereContext = Pick<Parts, "config" | "db" | "now" | "events" | "slack">;

/** What is shown besides what it reads itself. */
export interface HereOptions {
  readonly version: string;
  readonly startedAt: number;
  /** What is only reported. */
  readonly reported: HereView["reported"];
  /** What an operator should correct. */
  readonly problems: readonly string[];
  readonly runPass: () => Promise<Result<PlanRecord, Failure>>;
}

/** Runs the first pass and says what is watched. Nothing waits for it, and nothing of it keeps the bot from working. */
export async function beginWatching(c: HereContext, o: HereOptions): Promise<void> {
  const first = await o.runPass();
  if (!first.ok && first.error.code === "sync.stopping") return;
  // Another replica runs one.
  if (!first.ok && first.error.code !== "sync.running") c.events.failed("pass", first.error);
  const view = await hereView(c, o, first);
  const listed = (await readPolicy(c.db))?.body.approvers ?? null;
  await c.slack.announcers.here.showHere(keyOf(view, listed), view);
}

async function hereView(c: HereContext, o: HereOptions, first: Result<PlanRecord, Failure>): Promise<HereView> {
  const approvers = await c.slack.approvers.approversNow();
  const { config } = c;
  return {
    ...{ environment: config.environment, version: o.version, reported: o.reported, startedAt: o.startedAt, problems: o.problems },
    root: config.cloudstack.rootPath,
    sizes: await readLastSizes(c.db),
    approvers: approvers.ok ? approvers.value.map((a) => a.name).toSorted() : null,
    need: APPROVALS_MIN,
    everyMs: config.sync.everySeconds * 1000,
    firstPass: first.ok ? endOf(first.value) : first.error.code === "sync.running" ? null : first.error.message,
  };
}

function endOf({ state, outcomes }: PlanRecord): string {
  const made = outcomes.filter((o) => o.outcome === "done").length;
  const words: Record<PlanRecord["state"], string> = {
    applying: "still running",
    applied: `${made} of ${outcomes.length} changes made`,
    held: "held; its plan says why",
    stopped: "stopped; its plan says why",
    unchanged: "nothing to change",
    reported: `${outcomes.length} changes would be made, and none is`,
  };
  return words[state];
}

/**
 * One message for one way of watching: a restart updates it, and so does another replica; another root, mode, version or list of approvers
 * is news.
 */
function keyOf({ environment, root, reported, version }: HereView, listed: TeamPolicy["approvers"] | null): string {
  return `here:${digestOf({ environment, root, reported, version, listed }).slice(0, 16)}`;
}
