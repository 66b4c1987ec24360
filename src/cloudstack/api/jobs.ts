import type { JobState } from "../../deletion/cloud.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { classify, statusOf } from "./classify.ts";
import type { CloudStackApi } from "./http.ts";
import type { Settings } from "./options.ts";
import type { Params } from "./signature.ts";
import { fit, JobAnswer, JobError, Started } from "./wire.ts";

/** What a job's end gives: the object in `jobresult`. */
export type JobResult = Readonly<Record<string, unknown>>;

/** First and longest wait between two looks at a job. Units: ms. */
const LOOK_MS = { first: 50, longest: 5_000 } as const;
/** How many looks in a row may fail before a job's end counts as not known. */
const BLIND_LOOKS = 5;

/**
 * Starts an asynchronous command under a job id of ours and waits for its end.
 *
 * The same id again is not done twice: CloudStack refuses it (recording 06), and the job that has it is waited for instead.
 *
 * Errors: `rejected` (CloudStack said no, or the job failed), `indeterminate` (the end is not known).
 * Source: facts/cloudstack §1.9.
 */
export async function runJob(
  api: CloudStackApi,
  s: Settings,
  command: string,
  params: Params,
  jobId: JobId,
): Promise<Result<JobResult, Failure>> {
  const sent = await api.change(command, { ...params, customjobid: jobId });
  if (sent.ok) {
    const started = fit(Started, sent.value);
    if (!started.ok) return err(classify({ kind: "unknown_shape", what: started.what }, { command, effect: "change", page: null }));
    return awaitJob(api, s, command, started.value.jobid);
  }
  // Not known whether it arrived, or refused perhaps because it arrived before: the job itself tells.
  if (sent.error.kind !== "indeterminate" && statusOf(sent.error) !== 530) return sent;
  const job = await readJob(api, jobId);
  if (!job.ok || job.value.state === "unknown") return sent;
  return awaitJob(api, s, command, jobId);
}

/** How a job stands, with what it gave when it succeeded. */
type Look =
  | Exclude<JobState, { state: "succeeded" }>
  | { readonly state: "succeeded"; readonly result: JobResult }
  /** It ended with a plain text, as after a restart of the server: part of the work may be done. */
  | { readonly state: "cut_off"; readonly message: string };

/** Looks at a job once. CloudStack answers 431 for an id it does not know. */
export async function readJob(api: CloudStackApi, jobId: string): Promise<Result<Look, Failure>> {
  const command = "queryAsyncJobResult";
  const answer = await api.read(command, { jobid: jobId });
  if (!answer.ok) return statusOf(answer.error) === 431 ? ok({ state: "unknown" }) : answer;
  const job = fit(JobAnswer, answer.value);
  if (!job.ok) return err(classify({ kind: "unknown_shape", what: job.what }, { command, effect: "read", page: null }));
  const { jobstatus, jobresult, jobresultcode } = job.value;
  if (jobstatus === 0) return ok({ state: "running" });
  if (jobstatus === 1) return ok({ state: "succeeded", result: typeof jobresult === "object" ? jobresult : {} });
  const error = fit(JobError, jobresult);
  if (error.ok) return ok({ state: "failed", errorCode: error.value.errorcode, message: error.value.errortext });
  if (typeof jobresult === "string") return ok({ state: "cut_off", message: jobresult });
  return ok({ state: "failed", errorCode: jobresultcode ?? 530, message: "the job gave no reason" });
}

/** Waits for the end of a job that was started. Errors: as for `runJob`. */
export async function awaitJob(api: CloudStackApi, s: Settings, command: string, jobId: string): Promise<Result<JobResult, Failure>> {
  const since = s.now();
  let blind = 0;
  for (let wait: number = LOOK_MS.first; ; wait = Math.min(wait * 2, LOOK_MS.longest)) {
    const look = await readJob(api, jobId);
    blind = look.ok ? 0 : blind + 1;
    if (look.ok && look.value.state === "succeeded") return ok(look.value.result);
    if (look.ok && look.value.state === "failed") return err(failedJob(command, jobId, look.value.errorCode, look.value.message));
    if (look.ok && look.value.state === "cut_off") return err(unknownEnd(command, jobId, "job_cut_off", "its job was cut off half-way"));
    if (look.ok && look.value.state === "unknown")
      return err(unknownEnd(command, jobId, "job_vanished", "CloudStack does not know its job any more"));
    if (!look.ok && (look.error.kind !== "unavailable" || blind >= BLIND_LOOKS)) {
      return err(unknownEnd(command, jobId, "job_unseen", `its job could not be looked at: ${look.error.message}`));
    }
    if (s.now() - since > s.jobTimeoutMs) return err(unknownEnd(command, jobId, "job_too_long", "its job still runs"));
    try {
      await s.sleep(wait, s.signal ?? undefined);
    } catch {
      return err(unknownEnd(command, jobId, "job_unseen", "the bot is stopping"));
    }
  }
}

function unknownEnd(command: string, jobId: string, code: string, sentence: string): Failure {
  return failure("indeterminate", `cloudstack.${code}`, `${command}: ${sentence}`, { details: { command, jobId } });
}

function failedJob(command: string, jobId: string, status: number, text: string): Failure {
  const refusal = classify({ kind: "refused", status, csStatus: null, text }, { command, effect: "change", page: null });
  return { ...refusal, details: { ...refusal.details, jobId } };
}
