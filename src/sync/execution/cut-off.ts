/** A pass of a process that is being stopped ends at once: it makes no further change, and waits for no answer that it only reads. */
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";

/** Why the work of a process is cut off: the reason of the signal that is aborted when it is stopped. */
export class BeingStopped extends Error {
  override readonly name = "BeingStopped";
  constructor() {
    super("this process is being stopped");
  }
}

/** What a read gives, unless the process is stopped first; the read itself then ends by itself. Errors: rejects with the signal's reason. */
export async function unlessStopped<T>(read: Promise<T>, stopping: AbortSignal): Promise<T> {
  read.catch(() => undefined);
  stopping.throwIfAborted();
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(stopping.reason as Error);
    stopping.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([read, stopped]);
  } finally {
    stopping.removeEventListener("abort", stop);
  }
}

/** What work gives. Errors: `unavailable` `sync.stopping` when the process was stopped meanwhile; rejects with everything else. */
export async function orCutOff<T>(work: Promise<T>): Promise<Result<T, Failure>> {
  try {
    return ok(await work);
  } catch (thrown) {
    if (!(thrown instanceof BeingStopped)) throw thrown;
    return err(
      failure("unavailable", "sync.stopping", "The pass was cut off: this process is being stopped", {
        remedy: "The next start runs one.",
      }),
    );
  }
}

/** Why nothing more is done for this signal: the process is being stopped, or its lock is lost. */
export function whyAborted({ reason }: AbortSignal): string {
  return reason instanceof BeingStopped ? reason.message : "this process lost its lock";
}
