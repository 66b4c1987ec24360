import { randomUUID } from "node:crypto";
import type { ArchiveStore, ExportSource } from "../../src/archive/ports.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import type { Identity } from "../../src/bot/identity.ts";
import { createPosting, type Posting } from "../../src/bot/posting.ts";
import type { CloudStackOptions } from "../../src/cloudstack/api/options.ts";
import { createCloudStackDeleter } from "../../src/cloudstack/delete/deleter.ts";
import { createCloudStackExporter } from "../../src/cloudstack/export/exporter.ts";
import { createCloudStackReader } from "../../src/cloudstack/read/reader.ts";
import { createCloudStackRestorer } from "../../src/cloudstack/write/restorer.ts";
import { type DeletionService, createDeletionService } from "../../src/deletion/service.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import type { DeletionContext } from "../../src/deletion/context.ts";
import type { Events } from "../../src/events.ts";
import type { Database } from "../../src/store/db.ts";
import { countManagedDomains } from "../../src/store/managed.ts";
import { mayCall } from "../../src/store/stop-switch.ts";
import { NOWHERE } from "../../emulators/cloudstack/nowhere.ts";
import type { Keys } from "../../emulators/cloudstack/server.ts";
import { team, users } from "../sim/people.ts";
import { slackClient, type SlackCall } from "./slack.ts";

/** The managed root. */
export const root = "ROOT/ci" as DomainPath;
/** Where cards are shown. */
export const channel = "C1";

/** What differs between a process of its own and one that is played in this one. */
export interface BotOptions {
  readonly db: Database;
  readonly keys: Keys;
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

/** The bot, as much of it as a deletion needs: all of it but the engine, Slack's wire and the CI database. */
export interface Bot {
  readonly deletions: DeletionContext;
  readonly service: DeletionService;
  readonly posting: Posting;
  /** Deletions that are to be woken, and when. */
  readonly queue: Map<string, number>;
  readonly clock: { at: number };
  readonly arrivals: () => Promise<void>;
}

/** Puts the bot together from its real parts. Calls to CloudStack go through axios, wherever that leads. */
export function createBot(o: BotOptions): Bot {
  const queue = new Map<string, number>();
  const now = (): Instant => o.clock.at as Instant;
  const newId = (): string => randomUUID();
  const client = slackClient(o.slack);
  const events = eventsTo(o.wrong);
  const posting = inOrder(createPosting({ client, db: o.db, now, sleep: async () => undefined, events }));
  const identity = { slackIdOf: async (person: string) => `U-${person}` } as unknown as Identity;
  const membersOf = async () => users.slice(0, 1).map((u) => u.ciUserId);
  const announcers = createAnnouncers({ posting, client, identity, channel, environment: "matrix", events, membersOf });
  const cloud = cloudParts(o, now, newId);
  const deletions: DeletionContext = {
    db: o.db,
    ...cloud,
    archive: o.archive,
    evidence: { readProjectState: async () => ok("closed") },
    approvers: { approversNow: async () => ok(team.slice(0, 4).map((p) => p.operator)) },
    announcer: announcers.deletion,
    work: {
      async enqueue(_name, id, e) {
        queue.set(id, Math.min(queue.get(id) ?? Number.POSITIVE_INFINITY, o.clock.at + (e?.delayMs ?? 0)));
      },
    },
    now,
    clockSkew: async () => ({ ms: 0, beside: "the matrix's clock" }),
    limits: async () => ({ perDay: 9, perWeek: 9, coolOffMs: 0, graceMs: 0, protectedDomains: [], scopeIsConfirmed: true }),
    newId,
    fleetSize: () => countManagedDomains(o.db),
    isProtected: (_id, path) => path === root || root.startsWith(`${path}/`) || !path.startsWith(`${root}/`),
  };
  const service = createDeletionService(deletions, async () => ok(await membersOf()));
  return { deletions, service, posting, queue, clock: o.clock, arrivals: o.arrivals ?? (async () => undefined) };
}

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

function cloudParts(o: BotOptions, now: () => Instant, newId: () => string) {
  const options = (isStoppable: boolean): CloudStackOptions => ({
    // Nobody listens there: whoever plays the server stands in the way.
    url: `${NOWHERE}/client/api`,
    ...o.keys,
    rootPath: root,
    now,
    newId,
    sleep: async (ms) => {
      o.clock.at += ms;
    },
    beforeCall: async (command) => (isStoppable ? mayCall(o.db, command) : ok(undefined)),
    timeoutMs: o.timeoutMs,
    // One after the other: the points of two lives must be the same.
    parallel: 1,
  });
  const exporter = createCloudStackExporter(options(true));
  const exports: ExportSource = {
    async openExport(item) {
      const source = await exporter.extract(item);
      return source.ok ? ok({ open: (offset: number) => exporter.open(source.value, offset) }) : source;
    },
  };
  return {
    reader: createCloudStackReader(options(false)),
    restorer: createCloudStackRestorer(options(true)),
    deleter: createCloudStackDeleter(options(true)),
    exports,
  };
}

function eventsTo(wrong: (sentence: string) => void): Events {
  const nothing = (): void => undefined;
  return {
    info: nothing,
    warn: (fact) => wrong(`warned of ${fact}`),
    error: (fact) => wrong(fact),
    failed: nothing,
    bug: (fact, thrown) => wrong(`${fact}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`),
  };
}
