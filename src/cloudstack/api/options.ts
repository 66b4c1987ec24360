import type { Clock, NewId, Sleep } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainPath } from "../../core/ids.ts";
import type { AbsentKind } from "../../core/inventory.ts";
import type { Result } from "../../core/result.ts";

/** One call and its outcome, for the log and the metrics; never parameters, never secrets. */
export interface CallReport {
  readonly command: string;
  readonly page: number | null;
  readonly ms: number;
  /** `ok`, or the failure's code. */
  readonly outcome: string;
  /** The answer's `Date`, when it has one: CloudStack itself sends none, a proxy before it does. Units: UTC epoch ms. */
  readonly serverTime: number | null;
  /** Size of the answer. Units: bytes. */
  readonly bytes: number;
}

/** How a CloudStack client is made. Reader, writer, exporter, deleter and restorer each have a key pair of their own. */
export interface CloudStackOptions {
  /** The API's address, such as `https://cloud.example.org/client/api`. */
  readonly url: string;
  readonly apiKey: string;
  readonly secretKey: string;
  /** The managed root, such as `ROOT/ci`. */
  readonly rootPath: DomainPath;
  readonly now: Clock;
  readonly sleep: Sleep;
  readonly newId: NewId;
  /** Asked immediately before every call is sent; its failure stops the call. This is where `/ci-stop` takes effect. */
  readonly beforeCall: (command: string) => Promise<Result<void, Failure>>;
  readonly onCall?: (call: CallReport) => void;
  /** Ends every call of this client when it aborts. */
  readonly signal?: AbortSignal;
  /** How long one call may take, answer included. Units: ms. */
  readonly timeoutMs?: number;
  /** Rows of a page; CloudStack's own maximum is `default.page.size`. */
  readonly pageSize?: number;
  /** Pages of a list, and lists of an inventory, that are read at the same time. */
  readonly parallel?: number;
  /** Kinds of things that the server cannot have, because the plug-in for them is not there: they are not asked for. */
  readonly absentKinds?: readonly AbsentKind[];
  /** How long an asynchronous job may run until its end counts as not known. Units: ms. */
  readonly jobTimeoutMs?: number;
}

/** The options with their defaults. */
export type Settings = Required<Omit<CloudStackOptions, "signal">> & { readonly signal: AbortSignal | null };

/** 500 is CloudStack's own default maximum; 4 at a time is twice what saturated the recorded server (recording 12). */
export function settingsOf(o: CloudStackOptions): Settings {
  return {
    ...o,
    onCall: o.onCall ?? (() => undefined),
    signal: o.signal ?? null,
    timeoutMs: o.timeoutMs ?? 60_000,
    pageSize: o.pageSize ?? 500,
    parallel: o.parallel ?? 4,
    absentKinds: o.absentKinds ?? [],
    jobTimeoutMs: o.jobTimeoutMs ?? 30 * 60_000,
  };
}
