import { failure, type Failure } from "../core/failure.ts";
import { PROXY_REMEDY, proxyAnswer, proxyTrouble } from "../core/proxies.ts";

const denied = new Set(["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "Forbidden", "ExpiredToken"]);
const slow = new Set(["TimeoutError", "RequestTimeout", "SlowDown", "ServiceUnavailable", "AbortError"]);
const full = new Set(["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"]);

/**
 * Translates an answer of the bucket at `url`. Nothing of the SDK's own text is repeated: it may name the key id and the host.
 *
 * Errors: `rejected` for what a retry cannot change, `unavailable` for what it may, `contract_broken` for an object that is gone.
 */
export function s3Failure(thrown: unknown, url: string): Failure {
  const { name, status } = answerOf(thrown);
  const details = { answer: /^[A-Za-z0-9]{1,60}$/.test(name) ? name : "unknown", status };
  const byProxy = proxyTrouble(thrown, url) ?? proxyAnswer(status ?? 0, url);
  if (byProxy !== null)
    return failure("unavailable", "archive.broken", `The archive's bucket cannot be reached: ${byProxy}`, {
      remedy: PROXY_REMEDY,
      details,
    });
  if (full.has(name) || status === 507)
    return failure("unavailable", "archive.full", "The archive's bucket is full", {
      remedy: "Make room in the bucket, or raise its quota.",
      details,
    });
  if (name === "NoSuchBucket")
    return failure("rejected", "archive.no_bucket", "The archive's bucket does not exist", {
      remedy: "Make the bucket, or correct ARCHIVE_S3_BUCKET, ARCHIVE_S3_REGION and ARCHIVE_S3_ENDPOINT.",
      details,
    });
  // 403 as well: it is there, and whose key asks does not matter.
  if (name === "InvalidObjectState")
    return failure("unavailable", "archive.cold", "The bucket keeps the object in a storage class from which it must be restored first", {
      remedy:
        "Restore it there (aws s3api restore-object); it goes on by itself once it can be read. " +
        "Take Twokey's prefix out of the lifecycle rules that move objects to such a class: copies are read again before anything is deleted.",
      details,
    });
  if (denied.has(name) || status === 401 || status === 403)
    return failure("rejected", "archive.denied", "The archive's bucket denies Twokey access", {
      remedy: "Check ARCHIVE_S3_ACCESS_KEY_ID, its secret, and what docs/configuration.md says the account must be allowed.",
      details,
    });
  if (name === "NoSuchUpload")
    return failure("unavailable", "archive.upload_gone", "The bucket no longer knows the unfinished upload", { details });
  if (name === "NoSuchKey" || name === "NotFound" || status === 404)
    return failure("contract_broken", "archive.missing", "An object is missing in the archive", { details });
  if (slow.has(name) || status === 503)
    return failure("unavailable", "archive.slow", "The archive's bucket did not answer in time", { remedy: "It is tried again.", details });
  return failure("unavailable", "archive.broken", "Writing to the archive broke off", { details });
}

function answerOf(thrown: unknown): { readonly name: string; readonly status: number | null } {
  if (typeof thrown !== "object" || thrown === null) return { name: "", status: null };
  const { name, Code, $metadata } = thrown as { name?: unknown; Code?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const status = $metadata?.httpStatusCode;
  return {
    name: typeof name === "string" && name !== "Error" ? name : typeof Code === "string" ? Code : "",
    status: typeof status === "number" ? status : null,
  };
}
