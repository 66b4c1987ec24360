/** How much may run and wait at a time. */
export interface TurnLimits {
  /** Of all people together. */
  readonly running: number;
  /** How many of those run only what `isFirst`: however long the work of all others takes, these are free for it. */
  readonly kept?: number;
  /** Half of it is for those who have nothing waiting or running: a crowd's further clicks keep nobody's first one out. */
  readonly waiting: number;
  /** Of one person, who has one running at most. */
  readonly ofOne: number;
}

/** Lets what people do run in their turn, so that a flood of clicks takes neither the memory nor all connections to the database. */
export interface Turns {
  /**
   * Runs `work` when its turn comes; before all others where `isFirst`. False: too much waits, and it was not run. What `work` throws is the
   * caller's.
   */
  take(person: string, work: () => Promise<void>, isFirst?: boolean): Promise<boolean>;
}

interface Waiting {
  readonly person: string;
  readonly at: number;
  readonly isFirst: boolean;
  readonly start: () => void;
}

/**
 * Makes them. One person's work is done in its order, one after the other; those of several people side by side. Whoever had a turn last
 * comes behind those who waited since before it: a crowd that clicks all the time has one turn each before an approver's first one.
 */
export function createTurns(limits: TurnLimits): Turns {
  const queue: Waiting[] = [];
  /** Who has something running, and whether it is of those that come first. */
  const running = new Map<string, boolean>();
  /** When somebody who has more waiting had their last turn, on the same count as `at`. */
  const lastTurn = new Map<string, number>();
  let count = 0;
  const dueOf = (w: Waiting): number => Math.max(w.at, lastTurn.get(w.person) ?? 0);
  const countOf = (person: string): number => queue.filter((w) => w.person === person).length + (running.has(person) ? 1 : 0);

  const isRoom = (isFirst: boolean): boolean =>
    isFirst || [...running.values()].filter((first) => !first).length < limits.running - (limits.kept ?? 0);

  function startNext(): void {
    while (running.size < limits.running) {
      const free = queue.filter((w) => !running.has(w.person)).filter((w) => isRoom(w.isFirst));
      const firsts = free.filter((w) => w.isFirst);
      const [first, ...others] = firsts.length > 0 ? firsts : free;
      if (first === undefined) return;
      const next = others.reduce((best, w) => (dueOf(w) < dueOf(best) ? w : best), first);
      queue.splice(queue.indexOf(next), 1);
      running.set(next.person, next.isFirst);
      lastTurn.set(next.person, (count += 1));
      next.start();
    }
  }
  return {
    async take(person, work, isFirst = false) {
      const own = countOf(person);
      if (own >= limits.ofOne || queue.length >= limits.waiting / (own === 0 || isFirst ? 1 : 2)) return false;
      await new Promise<void>((start) => {
        queue.push({ person, at: (count += 1), isFirst, start });
        startNext();
      });
      try {
        await work();
      } finally {
        running.delete(person);
        if (countOf(person) === 0) lastTurn.delete(person);
        startNext();
      }
      return true;
    },
  };
}
