import type { JobState } from "../../deletion/cloud.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { classify, isUnknownId, statusOf, unknownShape } from "./classify.ts";
import type { CloudStackApi } from "./http.ts";
import type { Params } from "./signature.ts";
import { fit, JobAnswer, JobError, Started } from "./wire.ts";

/** What a job's end gives: the object in `jobresult`. */
export type JobResult = Readonly<Record<string, unknown>>;

/** The wait before a job is first read, and the longest between two reads. Units: ms. */
const WAIT_MS = { first: 50, longest: 5_000 } as const;
/** How many reads in a row may fail before a job's end counts as not known. */
const FAILED_READS_MAX = 5;

/**
 * Starts an asynchronous command under a job id of ours and waits for its end.
 *
 * The same id sent again is not done twice: CloudStack refuses it (recording 06), and the job that has it is awaited instead.
 *
 * Errors: `rejected` (CloudStack said no, or the job failed), `indeterminate` (the end is not known).
 * Source: facts/cloudstack §1.9.
 */
export async function runJob(api: CloudStackApi, command: string, params: Params, jobId: JobId): Promise<Result<JobResult, Failure>> {
  const sent = await api.change(command, { ...params, customjobid: jobId });
  if (sent.ok) {
    const started = fit(Started, sent.value);
    if (!started.ok) return err(unknownShape(started.what, command, "change"));
    return awaitJob(api, command, started.value.jobid);
  }
  // It may have arrived, or have been refused because it arrived before: the job tells.
  if (sent.error.kind !== "indeterminate" && statusOf(sent.error) !== 530) return sent;
  const job = await readJob(api, jobId);
  if (!job.ok || job.value.state === "unknown") return sent;
  return awaitJob(api, command, jobId);
}

/** A job's state, with its result when it succeeded. */
type ReadJob =
  | Exclude<JobState, { state: "succeeded" }>
  | { readonly state: "succeeded"; readonly result: JobResult }
  /** It ended with a plain text, as after a restart of the server: part of the work may be done. */
  | { readonly state: "cut_off"; readonly message: string };

/** Asks once how a job stands; one that CloudStack does not know, or has forgotten, is `unknown`. */
export async function readJob(api: CloudStackApi, jobId: string): Promise<Result<ReadJob, Failure>> {
  const command = "queryAsyncJobResult";
  const answer = await api.read(command, { jobid: jobId });
  if (!answer.ok) return isUnknownId(answer.error) ? ok({ state: "unknown" }) : answer;
  const job = fit(JobAnswer, answer.value);
  if (!job.ok) return err(unknownShape(job.what, command));
  const { jobstatus, jobresult, jobresultcode } = job.value;
  if (jobstatus === 0) return ok({ state: "running" });
  if (jobstatus === 1) return ok({ state: "succeeded", result: typeof jobresult === "object" ? jobresult : {} });
  const error = fit(JobError, jobresult);
  if (error.ok) return ok({ state: "failed", errorCode: error.value.errorcode, message: error.value.errortext });
  if (typeof jobresult === "string") return ok({ state: "cut_off", message: jobresult });
  return ok({ state: "failed", errorCode: jobresultcode ?? 530, message: "the job gave no reason" });
}

/** Waits for the end of a job that was started. Errors: as for `runJob`. */
export async function awaitJob(api: CloudStackApi, command: string, jobId: string): Promise<Result<JobResult, Failure>> {
  const { now, sleep, jobTimeoutMs, signal } = api.settings;
  const since = now();
  const unknownEnd = (code: string, sentence: string) =>
    err(failure("indeterminate", `cloudstack.${code}`, `${command}: ${sentence}`, { details: { command, jobId } }));
  let failedReads = 0;
  for (let wait: number = WAIT_MS.first; ; wait = Math.min(wait * 2, WAIT_MS.longest)) {
    try {
      await sleep(wait, signal ?? undefined);
    } catch {
      return unknownEnd("job_unseen", "the bot is stopping");
    }
    const read = await readJob(api, jobId);
    failedReads = read.ok ? 0 : failedReads + 1;
    if (!read.ok && (read.error.kind !== "unavailable" || failedReads >= FAILED_READS_MAX))
      return unknownEnd("job_unseen", `its job could not be read: ${read.error.message}`);
    const job = read.ok ? read.value : null;
    if (job?.state === "succeeded") return ok(job.result);
    if (job?.state === "failed") return err(failedJob(command, jobId, job.errorCode, job.message));
    if (job?.state === "cut_off") return unknownEnd("job_cut_off", "its job was interrupted");
    if (job?.state === "unknown") return unknownEnd("job_vanished", "CloudStack no longer knows its job");
    if (now() - since > jobTimeoutMs) return unknownEnd("job_too_long", "its job is still running");
  }
}

function failedJob(command: string, jobId: string, status: number, text: string): Failure {
  const refusal = classify({ kind: "refused", status, csStatus: null, text }, { command, effect: "change", page: null });
  return { ...refusal, details: { ...refusal.details, jobId } };
}
