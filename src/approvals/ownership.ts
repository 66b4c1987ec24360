/** Whether this database is the one that manages what it finds: by the mark at the managed root, and by its own age. */
import type { Clock } from "../core/clock.ts";
import { claimOfAge, claimsOfMarks, describeClaims, markedHead, type AuditHead, type Claim, type Mark } from "../core/claims.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import type { DomainPath } from "../core/ids.ts";
import { inTime, oneAtATime } from "../core/in-time.ts";
import { err, ok, type Result } from "../core/result.ts";
import { readOldestCopy, type KeptCopy } from "../store/archive-entries.ts";
import type { Database } from "../store/db.ts";
import {
  readAuditHead,
  readAuditHeads,
  readInstallation,
  readUnkept,
  readUnmarked,
  recordKept,
  recordMark,
  stopWithClaims,
  unsettledOf,
  type Installation,
} from "../store/installation.ts";

/** What ownership is judged by. */
export interface OwnershipContext {
  readonly db: Database;
  readonly now: Clock;
  readonly root: DomainPath;
  /** Every installation's marks at the managed root. */
  readMarks(): Promise<Result<readonly Mark[], Failure>>;
  addMark(installation: string, head: AuditHead | null): Promise<Result<Mark, Failure>>;
  removeMark(mark: Mark): Promise<Result<void, Failure>>;
  /** The copy of the audit log's head that is kept outside the database; null: there is none. */
  readonly copy: {
    read(installation: string): Promise<Result<AuditHead | null, Failure>>;
    write(installation: string, head: AuditHead): Promise<Result<void, Failure>>;
    /** Whether the archive has the object of a saved thing. */
    holds(key: string): Promise<Result<boolean, Failure>>;
  };
  /** In report mode the archive is given nothing. Invariant: INV-12. */
  readonly writesNothing?: boolean;
  /** What could not be kept is kept the next time; this logs it. */
  readonly onFailure: (f: Failure) => void;
}

/** What was found: claims that nobody accepted yet, our mark, if it is the newest, and all marks. */
export interface Inspection {
  readonly claims: readonly Claim[];
  readonly ours: Mark | null;
  readonly marks: readonly Mark[];
}

/** The check of ownership, before each pass and each step of a deletion. */
export interface Ownership {
  /** Errors: `unavailable` while the marks, or at first the copy of the audit log's head, cannot be read: what is not known is not ours. */
  inspect(): Promise<Result<Inspection, Failure>>;
  /** Stops everything until two people accepted the claims. */
  hold(claims: readonly Claim[]): Promise<void>;
  /** Of some claims those that nobody accepted yet. */
  unsettled(claims: readonly Claim[]): Promise<readonly Claim[]>;
  /** Inspects, and stops everything if there are claims. Errors: those of `inspect`; `refused` `ownership.claimed`. */
  verify(): Promise<Result<void, Failure>>;
  /** Sets our mark where another one, or none, is the newest. Only for what was inspected without claims. */
  mark(seen: Inspection): Promise<Result<void, Failure>>;
  /**
   * Gives the archive the present head of the audit log, unless the copy there is of a newer database. Ends after `KEEP_MS` at the latest:
   * an archive that does not answer keeps nothing waiting.
   */
  keep(): Promise<void>;
  /**
   * Keeps the head, and sets our mark again with it if something was decided since: what the archive says is not all that is known of this
   * database's age, since a machine is restored together with an archive on its disk. Ends after twice `KEEP_MS`, and logs what failed.
   */
  keepAndMark(): Promise<void>;
  /** Ends once nothing of `keepAndMark` is under way any more: nobody who decides waits for it, but who ends the process must. */
  idle(): Promise<void>;
}

/** What the archive's copy of the audit log's head says, and giving it the present one. */
export interface HeadKeeper extends Pick<Ownership, "keep"> {
  /** Errors: why it cannot be told. */
  claimsOfAge(us: Installation): Promise<Result<readonly Claim[], Failure>>;
}

/** How long anybody waits for the archive to take the head of the audit log. Units: milliseconds. */
const KEEP_MS = 10_000;

/** Makes the keeper of the copy; it needs nothing of CloudStack. */
export function createHeadKeeper(
  c: Pick<OwnershipContext, "db" | "copy" | "onFailure" | "writesNothing"> & { readonly keepMs?: number },
): HeadKeeper {
  /**
   * Before the first copy there is no folder either, and a bucket whose account may not list its objects says "denied" of the one that is
   * not there.
   */
  const readCopy = async (us: Installation): Promise<Result<AuditHead | null, Failure>> => {
    const copy = await c.copy.read(us.id);
    const isNone = !copy.ok && ["archive.denied", "archive.no_folder"].includes(copy.error.code);
    return isNone && us.keptHash === null ? ok(null) : copy;
  };

  /** What the archive says of this database's age. Before the first copy, one saved thing tells whether this is the archive at all. */
  const claimsOfAge = async (us: Installation): Promise<Result<readonly Claim[], Failure>> => {
    const copy = await readCopy(us);
    if (!copy.ok) return copy;
    if (copy.value !== null) {
      const { there, newest } = await readAuditHeads(c.db, copy.value.seq);
      const claim = claimOfAge(copy.value, there, newest, "the archive");
      return ok(claim === null ? [] : [claim]);
    }
    if (us.keptHash !== null) return ok([{ kind: "copy_lost", subject: us.keptHash, sentence: COPY_LOST }]);
    const saved = await readOldestCopy(c.db);
    const there = saved === null ? ok(true) : await c.copy.holds(saved.key);
    if (!there.ok) return there;
    return ok(saved === null || there.value ? [] : [{ kind: "copy_lost", subject: saved.key, sentence: describeOtherArchive(saved) }]);
  };

  const writeHead = async (): Promise<void> => {
    // Another replica may have kept it while this one waited for its turn.
    const unkept = await readUnkept(c.db);
    if (unkept === null) return;
    const { us, head } = unkept;
    const aged = await claimsOfAge(us);
    if (!aged.ok) return c.onFailure(aged.error);
    if ((await unsettledOf(c.db, aged.value)).length > 0) return;
    const written = await c.copy.write(us.id, head);
    if (!written.ok) return c.onFailure(written.error);
    await recordKept(c.db, head.hash);
  };
  const keepMs = c.keepMs ?? KEEP_MS;
  // Two writers of one object could leave neither's, or half of one, which reads as if it were lost: so over all replicas one writes at a time.
  const keepOnce = oneAtATime(async () => {
    if ((await readUnkept(c.db)) !== null) await c.db.withAdvisoryLock("twokey.audit.head", { waitMs: keepMs, pollMs: 50 }, writeHead);
  });
  const keep = async (): Promise<void> => {
    if (c.writesNothing === true) return;
    if ((await inTime(keepOnce(), keepMs)) !== null) return;
    c.onFailure(failure("unavailable", "archive.late", "The archive does not take the copy of the audit log's head"));
  };

  return { claimsOfAge, keep };
}

/** Makes the check. Invariant: INV-1, INV-2, INV-3. */
export function createOwnership(c: OwnershipContext): Ownership {
  /** Whether this process has compared its database with the copy once. */
  let isCompared = false;
  const { claimsOfAge, keep } = createHeadKeeper(c);
  const hold = (claims: readonly Claim[]): Promise<void> => c.db.tx((q) => stopWithClaims(q, claims, describeClaims(claims), c.now()));
  const unsettled = (claims: readonly Claim[]): Promise<readonly Claim[]> => unsettledOf(c.db, claims);

  const inspect = async (): Promise<Result<Inspection, Failure>> => {
    const us = await readInstallation(c.db);
    const [marks, aged] = await Promise.all([c.readMarks(), claimsOfAge(us)]);
    const ofMark = marks.ok ? await claimsOfMarkedHead(c.db, us, marks.value) : [];
    const ofArchive = aged.ok ? aged.value : [];
    // Both may know the same row: people are asked about it once.
    const ofAge = await unsettled([...ofArchive, ...ofMark.filter((m) => ofArchive.every((a) => a.subject !== m.subject))]);
    // What the archive says counts while CloudStack does not answer, too.
    if (!marks.ok && ofAge.length > 0) return ok({ claims: ofAge, ours: null, marks: [] });
    if (!marks.ok) return err(unknownOwner("The mark at the managed root could not be read", marks.error));
    if (!aged.ok && !isCompared) return err(unknownOwner("How old this database is could not be compared with the archive", aged.error));
    isCompared ||= aged.ok;
    const { claims, ours } = claimsOfMarks(us, marks.value, c.root);
    return ok({ claims: [...(await unsettled(claims)), ...ofAge], ours, marks: marks.value });
  };

  const markAgain = createMarking(c, inspect);
  const underWay = new Set<Promise<void>>();
  const keepThenMark = async (): Promise<void> => {
    await keep();
    if (c.writesNothing !== true) await markAgain();
  };

  return {
    inspect,
    hold,
    unsettled,
    keep,
    keepAndMark() {
      const run = keepThenMark().finally(() => underWay.delete(run));
      underWay.add(run);
      return run;
    },
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    async verify() {
      const seen = await inspect();
      if (!seen.ok) return seen;
      if (seen.value.claims.length === 0) {
        await keep();
        return ok(undefined);
      }
      await hold(seen.value.claims);
      return fail("refused", "ownership.claimed", describeClaims(seen.value.claims));
    },
    async mark({ ours }) {
      const us = await readInstallation(c.db);
      if (ours !== null) {
        if (ours.id !== us.mark || us.markRoot !== c.root) await recordMark(c.db, ours.id, c.root, null);
        return ok(undefined);
      }
      return addOurs(us, await readAuditHead(c.db), c);
    },
  };
}

/** Adds a mark of ours, and records it once it is there. */
async function addOurs(us: Installation, head: AuditHead | null, c: OwnershipContext): Promise<Result<void, Failure>> {
  const made = await c.addMark(us.id, head);
  if (!made.ok) return made;
  await recordMark(c.db, made.value.id, c.root, head?.seq ?? null);
  return ok(undefined);
}

/** Sets our mark again, with the present head of the audit log, if something was decided since. */
function createMarking(c: OwnershipContext, inspect: Ownership["inspect"]): () => Promise<void> {
  const setMark = async (): Promise<void> => {
    const unmarked = await readUnmarked(c.db);
    if (unmarked === null) return;
    const { us, head } = unmarked;
    const seen = await inspect();
    if (!seen.ok) return c.onFailure(seen.error);
    // The mark of another installation, or of a newer database, must stay the newest one until two people have seen it.
    const isNewest = seen.value.claims.length === 0 && seen.value.ours !== null;
    if (!isNewest) return;
    const added = await addOurs(us, head, c);
    if (!added.ok) return c.onFailure(added.error);
    for (const old of seen.value.marks.filter((m) => m.installation === us.id)) {
      const removed = await c.removeMark(old);
      if (!removed.ok) return c.onFailure(removed.error);
    }
  };
  const once = oneAtATime(async () => {
    if ((await readUnmarked(c.db)) !== null) await c.db.withAdvisoryLock("twokey.mark", { waitMs: KEEP_MS, pollMs: 50 }, setMark);
  });
  const late = failure("unavailable", "ownership.late", "CloudStack does not take the mark at the managed root");
  return async () => {
    if ((await inTime(once(), KEEP_MS)) === null) c.onFailure(late);
  };
}

/** What our own newest mark says of this database's age. A row that was cut off was there. */
async function claimsOfMarkedHead(db: Database, us: Installation, marks: readonly Mark[]): Promise<readonly Claim[]> {
  const head = markedHead(us, marks);
  if (head === null) return [];
  const { there, newest, isCutOff } = await readAuditHeads(db, head.seq);
  const claim = isCutOff ? null : claimOfAge(head, there, newest, "its mark at the managed root");
  return claim === null ? [] : [claim];
}

const COPY_LOST = "The archive no longer has the copy of the audit log's head: it is another archive, or this is a copy of the database";

function describeOtherArchive({ itemKind, name, key }: KeptCopy): string {
  return `The archive has neither a copy of the audit log's head nor the ${itemKind} ${name} that this database saved there (key ${key}): its disk is not mounted, it is another archive, or this database is older than it was`;
}

function unknownOwner(what: string, cause: Failure): Failure {
  return failure("unavailable", "ownership.unknown", `${what}: ${cause.message}`, { remedy: cause.remedy ?? "It is read again." });
}
