/**
 * A switchable fault. `command` limits it to one command (any case), or to `userdata`, the download of bytes; without it, it holds for
 * every command. `page` limits it to requests for that page, `afterCalls` lets that many matching requests pass first, `times` ends it.
 *
 * - `delay`: the answer comes `ms` later; `cut`: headers and half of the body, then the connection is destroyed.
 * - `status`: refused with `status` before any effect; `html`: a proxy's page with `status` (502), before any effect.
 * - `lost_before`: destroyed before the effect; `lost_after`: the effect happens, then destroyed; `unreachable`: destroyed at once.
 * - `invalid_json`: the body is broken; `short_page`: one row fewer than `count` says; `count_drift`: `count` is one too high;
 *   `page_count`: `count` is the number of rows of the page, as 4.18.1 and older say it to who is no root administrator.
 * - `lost_job`: the job runs, but its id is forgotten; `job_cancelled`: the job does nothing more and fails with a plain text, as after
 *   a restart of the server (a domain stays Inactive then).
 * - States, which hold while they are on: `stuck_machines`: no machine can be stopped; `failed_deployments`: a new machine ends in the
 *   state Error; `no_storage_vm`: nothing is extracted that has no link yet; `stale_totals`: what `listAccounts` and `listDomains` count
 *   stays as it was; `no_new_jobs`: as after `prepareForShutdown`, no command begins a job.
 */
export interface CloudStackFault {
  readonly kind: FaultKind;
  readonly command?: string;
  readonly page?: number;
  readonly afterCalls?: number;
  readonly times?: number;
  readonly ms?: number;
  readonly status?: number;
}

/** The kinds of faults. */
export const FAULT_KINDS = [
  "delay",
  "cut",
  "status",
  "lost_before",
  "lost_after",
  "invalid_json",
  "html",
  "short_page",
  "count_drift",
  "page_count",
  "lost_job",
  "job_cancelled",
  "unreachable",
  "stuck_machines",
  "failed_deployments",
  "no_storage_vm",
  "stale_totals",
  "no_new_jobs",
] as const;

/** One of `FAULT_KINDS`. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The kinds that strike no single request. */
const STATES: ReadonlySet<FaultKind> = new Set(["stuck_machines", "failed_deployments", "no_storage_vm", "stale_totals", "no_new_jobs"]);

interface Armed {
  readonly fault: CloudStackFault;
  toSkip: number;
  left: number;
}

/** The faults that are switched on, with their counters. */
export class FaultBoard {
  #armed: Armed[] = [];

  /** Replaces all faults. */
  set(faults: readonly CloudStackFault[]): void {
    this.#armed = faults.map((fault) => ({ fault, toSkip: fault.afterCalls ?? 0, left: fault.times ?? Number.POSITIVE_INFINITY }));
  }

  /** The faults that are still on. */
  list(): readonly CloudStackFault[] {
    return this.#armed.filter((armed) => armed.left > 0).map((armed) => armed.fault);
  }

  /** Whether a state-like fault is on. */
  isOn(kind: FaultKind): boolean {
    return this.#armed.some((armed) => armed.fault.kind === kind && armed.left > 0);
  }

  /** The faults that strike a request, counted as used. `makesJob` says whether `lost_job` could strike. */
  strike(command: string, page: number | undefined, makesJob: boolean): ReadonlyMap<FaultKind, CloudStackFault> {
    const struck = new Map<FaultKind, CloudStackFault>();
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (armed.left <= 0 || !matches(fault, command, page)) continue;
      if ((fault.kind === "lost_job" || fault.kind === "job_cancelled") && !makesJob) continue;
      if (armed.toSkip > 0) {
        armed.toSkip -= 1;
        continue;
      }
      armed.left -= 1;
      struck.set(fault.kind, fault);
    }
    return struck;
  }
}

/** Reads faults from JSON that came over the wire. Errors: throws a `TypeError` naming what is wrong. */
export function parseFaults(value: unknown): readonly CloudStackFault[] {
  if (!Array.isArray(value)) throw new TypeError("a list of faults is wanted");
  return value.map((entry: unknown) => {
    const row = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
    const kind = FAULT_KINDS.find((k) => k === row["kind"]);
    if (kind === undefined) throw new TypeError(`unknown kind of fault: ${String(row["kind"])}`);
    const numbers = ["page", "afterCalls", "times", "ms", "status"].filter((name) => row[name] !== undefined);
    for (const name of numbers) if (typeof row[name] !== "number") throw new TypeError(`${name} must be a number`);
    const command = row["command"];
    return {
      kind,
      ...(typeof command === "string" ? { command } : {}),
      ...Object.fromEntries(numbers.map((name) => [name, row[name]])),
    };
  });
}

function matches(fault: CloudStackFault, command: string, page: number | undefined): boolean {
  if (STATES.has(fault.kind)) return false;
  const wanted = fault.command?.toLowerCase();
  if (wanted === undefined ? command === "userdata" && fault.kind !== "unreachable" : wanted !== command.toLowerCase()) return false;
  return fault.page === undefined || fault.page === page;
}
