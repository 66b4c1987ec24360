import { failure, type Failure, type FailureKind } from "../../core/failure.ts";
import { PROXY_REMEDY } from "../../core/proxies.ts";

/** What went wrong with one call. `classify` says what that means. */
export type Trouble =
  /** The connection was never made: nothing was sent. `byProxy`: what a proxy said instead. */
  | { readonly kind: "no_connection"; readonly code: string; readonly byProxy?: string }
  /** The connection ended before the answer was whole. */
  | { readonly kind: "lost"; readonly code: string }
  | { readonly kind: "timeout"; readonly ms: number }
  | { readonly kind: "aborted" }
  | { readonly kind: "too_large"; readonly limit: number }
  /** HTML or nothing, with an HTTP status: a proxy, or the wrong address. */
  | { readonly kind: "not_cloudstack"; readonly status: number }
  /** The status says success, but the text is no JSON: a hostile name does that (recording 03). */
  | { readonly kind: "malformed_json" }
  | { readonly kind: "unknown_shape"; readonly what: string }
  /** CloudStack's own error; `status` is its `errorcode`. */
  | { readonly kind: "refused"; readonly status: number; readonly csStatus: number | null; readonly text: string };

/** Which call it was. A change whose outcome is not known must not be guessed at. */
export interface CallInfo {
  readonly command: string;
  readonly effect: "read" | "change";
  readonly page: number | null;
}

/**
 * What a call's trouble means for the caller. The one place where CloudStack's errors become failures.
 *
 * Source: facts/cloudstack §1.4; recordings 02, 08, 11.
 */
export function classify(trouble: Trouble, call: CallInfo): Failure {
  const [kind, code, sentence, remedy] = meaningOf(trouble, call);
  const place = call.page === null ? call.command : `${call.command}, page ${call.page}`;
  const status = trouble.kind === "refused" || trouble.kind === "not_cloudstack" ? { status: trouble.status } : {};
  return failure(kind, `cloudstack.${code}`, `${place}: ${sentence}`, {
    ...(remedy === undefined ? {} : { remedy }),
    details: { command: call.command, ...(call.page === null ? {} : { page: call.page }), ...status },
  });
}

/** The failure for an answer of an unknown shape. */
export function unknownShape(what: string, command: string, effect: CallInfo["effect"] = "read", page: number | null = null): Failure {
  return classify({ kind: "unknown_shape", what }, { command, effect, page });
}

/** The failure for what Twokey itself will not send. */
export function refusal(code: string, sentence: string, more: Pick<Failure, "remedy" | "details"> = {}): Failure {
  return failure("refused", `cloudstack.${code}`, sentence, more);
}

/** CloudStack's `errorcode` of a classified failure, when it gave one. */
export function statusOf(f: Failure): number | null {
  const status = f.details?.["status"];
  return f.code !== "cloudstack.not_cloudstack" && typeof status === "number" ? status : null;
}

const REFUSED: ReadonlySet<number> = new Set([430, 431, 432, 530, 531]);

/** Whether CloudStack refuses a list to this key by its number; whatever else is wrong passes. */
export function isRefusedList(f: Failure): boolean {
  return REFUSED.has(statusOf(f) ?? 0);
}

/**
 * Whether CloudStack says that an id names nothing, or nothing any more. The number alone does not say so: 431 also refuses page sizes and
 * other values. Source: recordings 02, 06, 30.
 */
export function isUnknownId(f: Failure): boolean {
  return statusOf(f) === 431 && /unable to find|doesn't exist|does not exist/i.test(f.message);
}

type Meaning = readonly [kind: FailureKind, code: string, sentence: string, remedy?: string];

function meaningOf(trouble: Trouble, { effect }: CallInfo): Meaning {
  const change = effect === "change";
  const lost: FailureKind = change ? "indeterminate" : "unavailable";
  const broken: FailureKind = change ? "indeterminate" : "contract_broken";
  switch (trouble.kind) {
    case "no_connection":
      return trouble.byProxy === undefined
        ? ["unavailable", "unreachable", `CloudStack cannot be reached (${trouble.code})`, "Make sure that the management server runs."]
        : ["unavailable", "unreachable", `CloudStack cannot be reached: ${trouble.byProxy}`, PROXY_REMEDY];
    case "lost":
      return [lost, "lost_answer", `the connection ended before the answer (${trouble.code})`];
    case "timeout":
      return [lost, "timeout", `no answer within ${trouble.ms} ms`];
    case "aborted":
      return [lost, "aborted", "the call was aborted, because the bot is stopping"];
    case "too_large":
      return [broken, "answer_too_large", `the answer is larger than ${trouble.limit} bytes`];
    case "not_cloudstack":
      return [
        trouble.status >= 500 ? lost : broken,
        "not_cloudstack",
        `HTTP ${trouble.status}, but not an answer from CloudStack`,
        "Check CLOUDSTACK_API_URL and the proxies on the way there.",
      ];
    case "malformed_json":
      return [broken, "malformed_json", "the answer is not valid JSON", "Look for a name with a backslash among the rows and rename it."];
    case "unknown_shape":
      return [broken, "unknown_shape", `the answer has an unknown shape: ${trouble.what}`];
    case "refused":
      return meaningOfRefusal(trouble, change);
  }
}

/** `errorcode` → kind and code. What is not in the table is an internal error of unknown meaning. */
const REFUSALS: Readonly<Record<number, readonly [kind: FailureKind, code: string, remedy?: string]>> = {
  400: ["rejected", "bad_request"],
  401: [
    "rejected",
    "credentials",
    "Check the key pair, the state of its user and account, the server's clock and the addresses the key is allowed from.",
  ],
  405: ["rejected", "bad_request"],
  429: ["unavailable", "throttled"],
  430: ["rejected", "bad_request"],
  431: ["rejected", "parameter"],
  432: ["rejected", "not_allowed", "Allow the command in the key's role (docs/cloudstack.md)."],
  503: ["unavailable", "maintenance"],
  511: ["rejected", "second_factor"],
  530: ["rejected", "internal"],
  531: ["rejected", "permission", "The key's account may not touch this domain (docs/cloudstack.md)."],
  532: ["rejected", "limit", "Raise the limit, or free something."],
  533: ["unavailable", "capacity"],
  534: ["unavailable", "resource_unavailable"],
  535: ["rejected", "limit", "Raise the limit, or free something."],
  536: ["rejected", "in_use"],
  537: ["rejected", "conflict"],
};

/** CloudStack compares rights: nobody may make or change an account that may do more than they. Source: recordings 19 and 29. */
const MORE_RIGHTS = /access to more privileges|has a lower role type/;
const MORE_RIGHTS_REMEDY =
  'The account may do more than this key. Its role must allow only what the key may send, and end in "deny *" (docs/cloudstack.md).';

/**
 * A server that is prepared for its shutdown, or for maintenance, begins no job until that is over: nothing was done, and nothing is wrong
 * with the call. Source: `AsyncJobManagerImpl.checkShutdown`, from 4.19 on (apache/cloudstack#6755, #9854).
 */
const NO_NEW_JOBS = /can ?not accept new jobs/i;
const NO_NEW_JOBS_REMEDY = "It goes on by itself when the management server takes jobs again (cmk cancelShutdown or cancelMaintenance).";

function meaningOfRefusal(trouble: Extract<Trouble, { kind: "refused" }>, change: boolean): Meaning {
  const sentence = `CloudStack answered ${trouble.status}: ${plain(trouble.text)}`;
  const known = REFUSALS[trouble.status];
  if (known === undefined) return [change ? "indeterminate" : "unavailable", "unknown_error", sentence];
  if ((trouble.status === 531 || trouble.status === 530) && MORE_RIGHTS.test(trouble.text))
    return ["rejected", "more_rights", sentence, MORE_RIGHTS_REMEDY];
  if (trouble.status === 530 && NO_NEW_JOBS.test(trouble.text)) return ["unavailable", "maintenance", sentence, NO_NEW_JOBS_REMEDY];
  const [kind, code, remedy] = known;
  // A 530 on a read is an internal error of the server: reading again later is safe.
  const later = !change && trouble.status === 530 ? "unavailable" : kind;
  return remedy === undefined ? [later, code, sentence] : [later, code, sentence, remedy];
}

/** An error of CloudStack's database: its text is a statement with people's data in it. */
const DATABASE_WORDS = /\bDB Exception\b|\bSQL\w*Exception\b|\bPreparedStatement\b|\bINSERT INTO\b|\bUPDATE \S+ SET\b|\bVALUES \(/i;

/** CloudStack's text as one short line without links: links to images open without a password. A refused link comes back without its host. */
export function plain(text: string): string {
  if (DATABASE_WORDS.test(text)) return "its database refused it; the management server's log says why";
  const line = text
    .replace(/\b[a-z]+:\/\/\S+|\S*\/restores\/\S+/gi, "[link]")
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
