/**
 * In which queue a kind of work waits. Each queue has slots of its own, so that what people of projects ask for, however much and however
 * long it takes, keeps no deletion and no pass waiting; nor do deletions that save for hours keep one waiting that is to be given back.
 */
import type { Queryable } from "../store/db.ts";
import { moveWaiting, readIsInQueue } from "../store/waiting-work.ts";

/** Deletions and passes, and whatever the version before put in: it had one queue for everything. */
export const WORK_QUEUE = "work";

/** Kinds of work that take long and that deletions do not wait for, each with its queue. */
const OWN_QUEUE: ReadonlyMap<string, string> = new Map([
  ["export", "work-exports"],
  ["template", "work-templates"],
  ["backup", "work-backups"],
]);

/** Kinds with some runs that take long, each with the queue for those. Its other runs are short, and stay where they are. */
const LONG_QUEUE: ReadonlyMap<string, string> = new Map([["deletion", "work-archiving"]]);

/** All queues, with how much of each one process does at a time. */
export const QUEUES: ReadonlyMap<string, number> = new Map([
  [WORK_QUEUE, 16],
  ["work-archiving", 8],
  ["work-exports", 8],
  ["work-templates", 8],
  ["work-backups", 4],
]);

/** The queue of a kind of work. */
export function queueOf(name: string): string {
  return OWN_QUEUE.get(name) ?? WORK_QUEUE;
}

/** The queues in which a run of this kind may be: its own, and the one of the version before. Long runs are in theirs only. */
export function queuesOf(name: string, isLong = false): readonly string[] {
  return isLong ? [longQueueOf(name)] : [...new Set([queueOf(name), WORK_QUEUE])];
}

/** The queue for the long runs of a kind of work. */
export function longQueueOf(name: string): string {
  return LONG_QUEUE.get(name) ?? queueOf(name);
}

/** Whether the runs of a kind are in two queues: what is in one does not exclude what is in the other. */
export function hasTwoQueues(name: string): boolean {
  return LONG_QUEUE.has(name);
}

/** What makes runs exclude each other within one queue. */
export function partitionOf(name: string, id: string): string {
  return `${name}:${id}`;
}

/**
 * The queue for another run of a partition: while one of the version before runs or waits, that one's, since two runs exclude each other
 * within one queue only. `except` is a run that does not count.
 */
export async function queueFor(q: Queryable, partition: string, except: string | null = null): Promise<string> {
  const queue = queueOf(partition.split(":", 1)[0] ?? "");
  if (queue === WORK_QUEUE) return WORK_QUEUE;
  return (await readIsInQueue(q, WORK_QUEUE, partition, except)) ? WORK_QUEUE : queue;
}

/** Moves what the version before put into the queue of deletions to its own queue, unless one of the same runs there now. */
export async function sortIntoQueues(q: Queryable): Promise<void> {
  for (const [name, queue] of OWN_QUEUE) await moveWaiting(q, { from: WORK_QUEUE, to: queue, partitions: `${name}:%` });
}
