import type { WebClient } from "@slack/web-api";
import type { Services } from "../../commands/services.ts";
import type { Clock, Sleep } from "../../core/clock.ts";
import type { OperatorId } from "../../core/ids.ts";
import type { Events } from "../../events.ts";
import type { Database } from "../../store/db.ts";
import type { Workspace } from "../accounts.ts";
import type { HomeTab } from "../home/tab.ts";
import type { Identity } from "../identity.ts";
import { createTurns, type Turns } from "../turns.ts";
import type { Slowness } from "./slowness.ts";

/** What the listeners need. */
export interface ListenContext {
  readonly client: WebClient;
  readonly identity: Identity;
  readonly home: HomeTab;
  readonly here: Workspace;
  readonly services: Services;
  readonly db: Database;
  readonly channel: string;
  readonly events: Events;
  readonly now: Clock;
  readonly sleep: Sleep;
}

/** The same, with the turns of this bot. */
export interface Listening extends ListenContext {
  readonly lanes: Lanes;
  readonly slowness: Slowness;
  /** Whether somebody's turn comes first: who is of the team votes in time, however many others click. */
  readonly isFirst: (user: string) => boolean;
}

/** The turns of one bot. What stops has its own: nobody's flood of other clicks keeps it waiting. */
export interface Lanes {
  /** In which it is looked up who stops, cancels or restores; takes nothing of the database. */
  readonly callers: Turns;
  /** Of the team, which is never told that too many wait. */
  readonly halts: Turns;
  /** Rejections, votes on the policy and to resume, and whatever else is decided without CloudStack. */
  readonly decisions: Turns;
  /** Approvals, and what else is decided by what CloudStack has now: the decisions above do not wait for it. */
  readonly approvals: Turns;
  readonly others: Turns;
  /** Of Keep, which waits for no approval: that one reads CloudStack. */
  readonly keeps: Turns;
  /** Of people who type into a menu: answered from a list that is kept for a minute. */
  readonly suggestions: Turns;
  /** Refusals of those who may not stop anything, and of what comes from elsewhere. */
  readonly strangers: Turns;
  /** The sentences to people whose clicks are too many: who waits for one gets no second one. */
  readonly refusals: Turns;
}

/**
 * Together they take fourteen of the sixteen connections to the database at most (`start.ts`), the rest is for passes and deletions; who types
 * takes one for moments only. Whoever asks may wait for CloudStack as long as it takes: some places are kept free for the team.
 */
export function createLanes(): Lanes {
  const any = Number.POSITIVE_INFINITY;
  return {
    callers: createTurns({ running: any, waiting: any, ofOne: 5 }),
    halts: createTurns({ running: 2, waiting: any, ofOne: 5 }),
    decisions: createTurns({ running: 2, kept: 1, waiting: 200, ofOne: 10 }),
    approvals: createTurns({ running: 3, kept: 2, waiting: 200, ofOne: 10 }),
    others: createTurns({ running: 4, kept: 1, waiting: 200, ofOne: 10 }),
    keeps: createTurns({ running: 2, waiting: 200, ofOne: 5 }),
    suggestions: createTurns({ running: 2, waiting: 100, ofOne: 5 }),
    strangers: createTurns({ running: 1, waiting: 100, ofOne: 5 }),
    refusals: createTurns({ running: 5, waiting: 200, ofOne: 1 }),
  };
}

/** Somebody known only by the Slack id. */
export function strangerOf(user: string): OperatorId {
  return `slack:${user}` as OperatorId;
}

/** How long the lists are remembered that say whose turn comes first. Units: milliseconds. */
const NAMED_MS = 15_000;

/** Makes it. The lists are read beside the clicks: none waits for them, and a list that cannot be read puts nobody back. */
export function createFirsts({ identity, now }: Pick<ListenContext, "identity" | "now">): Listening["isFirst"] {
  let named: ReadonlySet<string> = new Set();
  let readAt = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    readAt = now();
    identity.named().then(
      (ids) => void (ids.length > 0 && (named = new Set(ids))),
      () => undefined,
    );
  };
  refresh();
  return (user) => {
    if (Math.abs(now() - readAt) >= NAMED_MS) refresh();
    // While no list could be read, nobody's turn comes before another's, and no place is kept.
    return named.size === 0 || named.has(user);
  };
}
