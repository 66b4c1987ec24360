import type { Call, Command, JobSpec } from "./command.ts";
import { recordCompleted, recordScheduled } from "./events.ts";
import { ApiFault, internalError, invalidValue } from "./failure.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Job } from "./world/rows.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Queues a command's job: what happens before the answer happens now, the rest when the job is due.
 * `customjobid` becomes the job's id and is refused when a job has it already. Source: recording 06.
 */
export function queueJob(call: Call, command: Command, spec: JobSpec): Job {
  const { world, params, settings, now, caller } = call;
  const custom = params.text("customjobid");
  if (custom !== undefined) {
    if (!UUID.test(custom)) throw invalidValue(`Invalid UUID format: ${custom}`);
    if (world.jobs.find(custom) !== undefined) throw internalError("Entity already exists ");
  }
  const entityId = spec.start?.(call);
  const instanceId = spec.instanceType === undefined || spec.instance !== undefined ? spec.instance?.(call) : entityId;
  const isMadeAtOnce = entityId !== undefined && spec.instanceType !== "VirtualMachine";
  const startEventId = recordScheduled(call, command, entityId ?? instanceId, isMadeAtOnce);
  const { apikey: _apikey, signature: _signature, password: _password, ...kept } = params.values;
  return world.jobs.insert({
    id: custom ?? settings.newId(),
    command: command.name,
    params: kept,
    userId: caller.user.id,
    created: now,
    dueAt: now + (settings.jobMsOf[command.name] ?? settings.jobMs),
    status: 0,
    resultCode: 0,
    forgotten: false,
    cancelled: false,
    ...(entityId === undefined ? {} : { entityId }),
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(startEventId === undefined ? {} : { startEventId }),
  });
}

/** Ends a job: its effect happens, and its result is kept. Refusals become a failed job with `jobresult.errorcode`. */
export function endJob(call: Call, command: Command, spec: JobSpec, job: Job): void {
  const outcome = job.cancelled ? CANCELLED : attempt(() => spec.finish(call, job.entityId, job.id));
  call.world.jobs.update(job, (j) => {
    j.status = outcome.code === 0 ? 1 : 2;
    j.resultCode = outcome.code;
    j.result = JSON.stringify(outcome.result);
    j.completed = call.now;
  });
  recordCompleted(call, command, job.entityId ?? job.instanceId, outcome.code !== 0, job.startEventId);
}

const CANCELLED = { code: 530, result: "job cancelled because of management server restart or shutdown" };

function attempt(finish: () => JsonObject): { code: number; result: Json } {
  try {
    return { code: 0, result: finish() };
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    // Only refused values and a lack of capacity keep their code in a job; everything else is 530 there (recordings 06, 09, 11).
    const code = error.code === 431 || error.code === 533 ? error.code : 530;
    return { code, result: { errorcode: code, errortext: error.message } };
  }
}
