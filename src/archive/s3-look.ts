import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import type { Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { s3Failure } from "./s3-failure.ts";
import { createS3Client, type S3Options } from "./s3-store.ts";

/** Asks the bucket for at most one unfinished upload: a call that changes nothing, and that the account needs anyway. */
export async function inspectBucket(o: S3Options): Promise<Result<void, Failure>> {
  const client = createS3Client(o);
  try {
    await client.send(new ListMultipartUploadsCommand({ Bucket: o.bucket, Prefix: o.prefix, MaxUploads: 1 }));
    return ok(undefined);
  } catch (thrown) {
    return err(s3Failure(thrown));
  } finally {
    client.destroy();
  }
}
