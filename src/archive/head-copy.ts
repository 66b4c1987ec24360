import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { AuditHead } from "../core/claims.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import { inTime } from "../core/in-time.ts";
import { err, ok, type Result } from "../core/result.ts";
import { headText, parseHead } from "../store/installation.ts";
import { attempt, type ArchiveStore } from "./ports.ts";

/** The copy of the audit log's head in the archive: it says how old the database must be at least. */
export interface HeadCopy {
  /** Null: the archive has none, or what it has is no head. */
  read(installation: string): Promise<Result<AuditHead | null, Failure>>;
  write(installation: string, head: AuditHead): Promise<Result<void, Failure>>;
  /** Whether the archive has the object of a saved thing. Errors: why that cannot be told. */
  holds(key: string): Promise<Result<boolean, Failure>>;
}

/** How long an archive may take over so small an object: the start, each pass and each step of a deletion read it. Units: milliseconds. */
const ANSWER_MS = 10_000;

/** Keeps it as one object of the archive, by the installation's id. What does not answer in time is taken for away. */
export function createHeadCopy(store: ArchiveStore, answerMs = ANSWER_MS): HeadCopy {
  const answered = async <T>(asked: Promise<Result<T, Failure>>): Promise<Result<T, Failure>> =>
    (await inTime(asked, answerMs))?.came ?? fail("unavailable", "archive.late", "The archive does not answer", { remedy: LATE });
  const readHead = async (installation: string): Promise<Result<AuditHead | null, Failure>> => {
    const opened = await store.open(keyOf(installation));
    if (!opened.ok) return opened.error.code === "archive.missing" ? ok(null) : err(opened.error);
    const read = await attempt(
      () => text(opened.value),
      () => failure("unavailable", "archive.head_unread", "The copy of the audit log's head could not be read"),
    );
    return read.ok ? ok(parseHead(read.value)) : read;
  };
  const readWhetherHeld = async (key: string): Promise<Result<boolean, Failure>> => {
    const opened = await store.open(key);
    if (!opened.ok) return ["archive.missing", "archive.no_folder"].includes(opened.error.code) ? ok(false) : err(opened.error);
    opened.value.destroy();
    return ok(true);
  };
  return {
    read: (installation) => answered(readHead(installation)),
    async write(installation, head) {
      const appended = await store.append(keyOf(installation), 0, Readable.from([Buffer.from(headText(head))]));
      return appended.ok ? store.finish(keyOf(installation)) : appended;
    },
    holds: (key) => answered(readWhetherHeld(key)),
  };
}

const LATE = "Look whether the archive's disk, or its bucket, can be reached.";

/** Apart from every archive entry's key, which is a UUID alone. */
function keyOf(installation: string): string {
  return `00000000-${installation}`;
}
