/** How much may run and wait at a time. */
export interface TurnLimits {
  /** Of all people together. */
  readonly running: number;
  /** Half of it is for those who have nothing waiting or running: a crowd's further clicks keep nobody's first one out. */
  readonly waiting: number;
  /** Of one person, who has one running at most. */
  readonly ofOne: number;
}

/** Lets what people do run in their turn, so that a flood of clicks takes neither the memory nor all connections to the database. */
export interface Turns {
  /** Runs `work` when its turn comes. False: too much waits, and it was not run. What `work` throws is the caller's. */
  take(person: string, work: () => Promise<void>): Promise<boolean>;
}

interface Waiting {
  readonly person: string;
  readonly start: () => void;
}

/** Makes them. One person's work is done in its order, one after the other; those of several people side by side. */
export function createTurns(limits: TurnLimits): Turns {
  const queue: Waiting[] = [];
  const running = new Set<string>();
  const countOf = (person: string): number => queue.filter((w) => w.person === person).length + (running.has(person) ? 1 : 0);

  function startNext(): void {
    while (running.size < limits.running) {
      const next = queue.findIndex((w) => !running.has(w.person));
      const [taken] = next === -1 ? [] : queue.splice(next, 1);
      if (taken === undefined) return;
      running.add(taken.person);
      taken.start();
    }
  }
  return {
    async take(person, work) {
      const own = countOf(person);
      if (own >= limits.ofOne || queue.length >= limits.waiting / (own === 0 ? 1 : 2)) return false;
      await new Promise<void>((start) => {
        queue.push({ person, start });
        startNext();
      });
      try {
        await work();
      } finally {
        running.delete(person);
        startNext();
      }
      return true;
    },
  };
}
