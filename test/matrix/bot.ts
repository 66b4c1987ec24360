import { randomUUID } from "node:crypto";
import { assemble, type Assembly } from "../../src/app/assemble.ts";
import { cloudStack } from "../../src/app/systems.ts";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import type { Identity } from "../../src/bot/identity.ts";
import { createPosting, type Posting } from "../../src/bot/posting.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { createEvents, type Events } from "../../src/events.ts";
import type { Database } from "../../src/store/db.ts";
import type { DesiredProject } from "../../src/sync/planning/desired.ts";
import { NOWHERE } from "../../emulators/cloudstack/nowhere.ts";
import type { FourKeys } from "../../demo/keys.ts";
import { team, users } from "../sim/people.ts";
import { configOf } from "../support/bot.ts";
import { doomed, times } from "./scene.ts";
import { slackClient, type SlackCall } from "./slack.ts";

/** The managed root. */
export const root = "ROOT/ci" as DomainPath;
/** Where cards are shown. */
export const channel = "C1";

/** What differs between a process of its own and one that is played in this one. */
export interface BotOptions {
  readonly db: Database;
  readonly keys: FourKeys;
  readonly clock: { at: number };
  readonly slack: SlackCall;
  readonly archive: ArchiveStore;
  /** How long one call may take. Units: ms. */
  readonly timeoutMs: number;
  /** Ends when all that is on the line has arrived: asked when time passes, which takes none here. */
  readonly arrivals?: () => Promise<void>;
  /** Hears of what must not be: a bug, a message that could not be shown. */
  readonly wrong: (sentence: string) => void;
}

/** The bot of the matrices: all of it but the engine, Slack's wire and the CI database. */
export interface Bot extends Assembly {
  readonly posting: Posting;
  /** Deletions that are to be woken, and when. */
  readonly queue: Map<string, number>;
  readonly clock: { at: number };
  readonly arrivals: () => Promise<void>;
}

/** What each process is told from outside; nobody listens at the address: whoever plays the server stands in the way. */
export const config = configOf({
  CLOUDSTACK_API_URL: `${NOWHERE}/client/api`,
  TWOKEY_APPROVAL_SECONDS: String(times.expiresMs / 1000),
  TWOKEY_COOL_OFF_SECONDS: String(times.coolOffMs / 1000),
  TWOKEY_GRACE_SECONDS: String(times.graceMs / 1000),
  TWOKEY_DELETIONS_PER_DAY: "1",
  TWOKEY_DELETIONS_PER_WEEK: "1",
});

/** Puts the bot together from its real parts. Calls to CloudStack go through axios, wherever that leads. */
export function createBot(o: BotOptions): Bot {
  const queue = new Map<string, number>();
  const now = (): Instant => o.clock.at as Instant;
  const newId = (): string => randomUUID();
  const client = slackClient(o.slack);
  const events = eventsTo(o.wrong);
  const posting = inOrder(createPosting({ client, db: o.db, now, sleep: async () => undefined, events }));
  const identity = { slackIdOf: async (person: string) => ok(`U-${person}`) } as unknown as Identity;
  const members = async () => ok(doomedProject.members.map((m) => m.userId));
  const announcers = createAnnouncers({
    posting,
    client,
    identity,
    channel,
    environment: "matrix",
    events,
    membersOf: members,
    db: o.db,
    now,
    showMs: 60_000,
  });
  const approversNow = async () => ok(team.slice(0, 4).map((p) => p.operator));
  const keys = { ...o.keys, timeoutMs: o.timeoutMs };
  const own = { ...config, cloudstack: { ...config.cloudstack, ...keys } };
  const assembly = assemble({
    ...{ db: o.db, config: own, archive: o.archive, now, newId, newToken: newId, events },
    ci: {
      readSource: async () => ok(null),
      readChanges: async () => ok(null),
      readProjectState: async () => ok("closed"),
      projectsOf: async () => ok([doomedProject]),
      project: async () => ok(doomedProject),
      listPeople: async () => ok([]),
      readDesired: () => Promise.reject(new Error("no pass is played here")),
    },
    // One call after the other: the points of two lives must be the same.
    cloud: cloudStack(own, o.db, {
      ...{ now, newId, parallel: 1, events: createEvents("silent", "matrix") },
      sleep: async (ms) => void (o.clock.at += ms),
    }),
    slack: {
      identify: async () => err(failure("unavailable", "matrix", "not here")),
      approvers: { approversNow, resolve: approversNow, listedNow: async () => ok(() => true), learnAccounts: async () => undefined },
      announcers: {
        ...announcers,
        adoption: { showAdoption: async () => undefined },
        notice: { mention: async () => true, linkOf: async () => null },
        home: { refresh: async () => undefined },
      },
    },
    enqueue: async (_name, id, e) => {
      queue.set(id, Math.min(queue.get(id) ?? Number.POSITIVE_INFINITY, o.clock.at + (e?.delayMs ?? 0)));
    },
    publicUrl: () => "https://twokey.matrix",
    stopping: new AbortController().signal,
    clockSkew: async () => ({ ms: 0, against: "the matrix's clock" }),
  });
  return { ...assembly, posting, queue, clock: o.clock, arrivals: o.arrivals ?? (async () => undefined) };
}

/** The doomed project, as the CI database has it. */
const doomedProject: DesiredProject = {
  ...{ id: doomed.id, slug: doomed.slug, name: doomed.slug, state: "closed", closedAt: 0 as Instant, closedBy: null, limits: {} },
  members: users.slice(0, 1).map((u) => ({
    ...{ userId: u.ciUserId, username: u.name, email: "", firstName: u.name, lastName: "", role: "member" },
  })),
};

/** Messages that are shown before the work goes on: a death at a point of one thing never cuts off another that is on its way. */
function inOrder(posting: Posting): Posting {
  return {
    ...posting,
    show: async (key, place, rendering) => {
      await posting.show(key, place, rendering);
      await posting.settle();
    },
  };
}

function eventsTo(wrong: (sentence: string) => void): Events {
  const nothing = (): void => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: (fact) => wrong(`warned of ${fact}`),
    error: (fact) => wrong(fact),
    failed: nothing,
    bug: (fact, thrown) => wrong(`${fact}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`),
  };
}
