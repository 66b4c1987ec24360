import { shortReply, type Reply } from "../../commands/reply.ts";
import type { Sleep } from "../../core/clock.ts";
import type { Events } from "../../events.ts";

/** Tells people that what they did takes long, and that it is being done. */
export interface Slowness {
  /** Runs `work`; where it takes long, `tell` says so: once for a person until nothing of theirs is at work. */
  during<T>(person: string, tell: (said: Reply) => Promise<unknown>, work: () => Promise<T>): Promise<T>;
}

/** Slower than this, people begin to wonder whether they were heard. Units: milliseconds. */
const SLOW_MS = 3000;

const said = shortReply(
  "This takes a while: it is being done",
  "The answer comes by itself, and you need not try again. It waits for CloudStack, or for its turn.",
);

/** Keeps, for each person, how much is at work and whether they were told. */
export function createSlowness({ sleep, events }: { readonly sleep: Sleep; readonly events: Events }): Slowness {
  const atWork = new Map<string, { count: number; wasTold: boolean }>();

  async function watch(person: string, tell: (said: Reply) => Promise<unknown>, over: AbortSignal): Promise<void> {
    await sleep(SLOW_MS, over);
    const their = atWork.get(person);
    if (over.aborted || their === undefined || their.wasTold) return;
    their.wasTold = true;
    await tell(said);
  }
  return {
    async during(person, tell, work) {
      const their = atWork.get(person) ?? { count: 0, wasTold: false };
      their.count += 1;
      atWork.set(person, their);
      const over = new AbortController();
      watch(person, tell, over.signal).catch((thrown: unknown) => {
        if (!over.signal.aborted) events.bug("slack.slow", thrown);
      });
      try {
        return await work();
      } finally {
        over.abort();
        their.count -= 1;
        if (their.count === 0) atWork.delete(person);
      }
    },
  };
}
