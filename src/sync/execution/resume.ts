import { createHash } from "node:crypto";
import { decide, type BallotContext, type Question } from "../../approvals/ballot.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { Digest, Instant } from "../../core/ids.ts";
import { teamOnly, type Asker } from "../../core/people.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { APPROVALS_MIN } from "../../core/votes.ts";
import { lockStop, readStop, recordStop, type Stopped } from "../../store/stop-switch.ts";

/** The outcome of one vote to resume. */
export interface ResumeOutcome {
  readonly resumed: boolean;
  readonly have: number;
  readonly need: number;
  /** Why everything is stopped: what two people accept. */
  readonly reason: string;
  /** Those whose votes count. */
  readonly names: readonly string[];
}

interface ResumeQuestion extends Question {
  readonly stop: Stopped;
}

/**
 * Records one approver's vote to resume; the second approver's ends the stop. A new stop voids the votes before it.
 *
 * Errors: nothing is stopped; the ballot's refusals. Invariant: INV-3.
 */
export async function resume(by: Asker, c: BallotContext): Promise<Result<ResumeOutcome, Failure>> {
  if (!by.isTeam) return err(teamOnly("resume"));
  const asked = resumeQuestion(await readStop(c.db));
  return decide<ResumeQuestion, ResumeOutcome>(
    {
      act: { kind: "resume", subject: "everything" },
      click: { by, digest: asked.ok ? asked.value.digest : null },
      ref: { kind: "resume", id: asked.ok ? asked.value.ref.id : "" },
      async open(q) {
        await lockStop(q);
        return resumeQuestion(await readStop(q));
      },
      async follow({ stop }, { decided, have, need, voters, approvers, at }, q) {
        const names = voters.map((id) => approvers.find((a) => a.id === id)?.name ?? id);
        const [byOperator, byName] = [voters.join(" and "), names.join(" and ")];
        if (decided)
          await recordStop(q, { at: Math.max(at, (stop.since ?? 0) + 1), kind: "resume", byOperator, byName, reason: "two people agreed" });
        return { value: { resumed: decided, have, need, names, reason: stop.reason }, data: { have, resumed: decided } };
      },
    },
    c,
  );
}

/** The present stop as a question of the ballot. Errors: nothing is stopped, or the store cannot say. */
export function resumeQuestion(stop: Awaited<ReturnType<typeof readStop>>): Result<ResumeQuestion, Failure> {
  if (!stop.stopped) return err(failure("refused", "sync.not_stopped", "Nothing is stopped."));
  if (stop.seq === null) return err(failure("unavailable", "sync.stop_unknown", stop.reason, { remedy: "Try again in a minute." }));
  return ok({
    ref: { kind: "resume", id: String(stop.seq) },
    // As PostgreSQL computes it: migrations/0030_ballot.sql, question_of.
    digest: createHash("sha256").update(`resume ${stop.seq}`).digest("hex") as Digest,
    requesters: [],
    withoutAccount: [],
    quorum: APPROVALS_MIN,
    // The number of the stop and the digest say which stop is meant: a clock that was wrong at the stop must not keep it forever.
    openedAt: 0 as Instant,
    expiresAt: Number.MAX_SAFE_INTEGER as Instant,
    settlesScope: false,
    askedBy: "",
    stop,
  });
}
