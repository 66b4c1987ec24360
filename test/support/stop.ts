import type { OperatorId } from "../../src/core/ids.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { Queryable } from "../../src/store/db.ts";
import { readStop, recordStop } from "../../src/store/stop-switch.ts";
import { resumeQuestion } from "../../src/sync/execution/resume.ts";
import { at } from "./deletions.ts";

/** Ends the present stop as two people would, at a moment. */
export async function resumeByTwo(q: Queryable, when: number): Promise<void> {
  const question = resumeQuestion(await readStop(q));
  if (!question.ok) throw new Error(question.error.message);
  for (const voter of ["ci:ada", "ci:ben"] as OperatorId[])
    await recordVote(q, question.value.ref, {
      voter,
      voterName: voter,
      account: null,
      verdict: "approve",
      digest: question.value.digest,
      reason: null,
      at: at(Math.max(when, question.value.openedAt)),
    });
  await recordStop(q, { at: when, kind: "resume", byOperator: "ci:ada and ci:ben", reason: "over" });
}
