/** The bot of the tests: put together by the same `assemble` as the real one, from small parts. What a test changes is a part. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { assemble, type Assembly } from "../../src/app/assemble.ts";
import type { CloudParts, Parts, SlackParts } from "../../src/app/parts.ts";
import { ciDatabase } from "../../src/app/systems.ts";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import type { HereAnnouncer } from "../../src/bot/announcers.ts";
import type { NoticeAnnouncer } from "../../src/bot/notices.ts";
import type { NudgeAnnouncer } from "../../src/bot/nudges.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import { parseConfig, type Config } from "../../src/config/config.ts";
import type { Mark } from "../../src/core/claims.ts";
import type { Instant } from "../../src/core/ids.ts";
import type { Operator } from "../../src/core/people.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { DeletionAnnouncer } from "../../src/deletion/view.ts";
import { createEvents } from "../../src/events.ts";
import type { PolicyAnnouncer } from "../../src/policy/ports.ts";
import type { Database } from "../../src/store/db.ts";
import { readInstallation } from "../../src/store/installation.ts";
import { seedPolicy } from "../../src/store/policies.ts";
import type { TeamPolicy } from "../../src/core/policy.ts";
import type { AdoptionAnnouncer } from "../../src/sync/adoption/context.ts";
import type { PlanAnnouncer } from "../../src/sync/execution/record.ts";
import type { StopAnnouncer } from "../../src/sync/execution/stop-view.ts";
import { op } from "./deletions.ts";

/** The configuration of the tests: what the environment below gives, and `more`. */
export function configOf(more: Readonly<Record<string, string>> = {}): Config {
  const config = parseConfig({
    TWOKEY_ENVIRONMENT: "test",
    CI_DATABASE_URL: "postgres://reader@ci-db/ci",
    SLACK_BOT_TOKEN: "xoxb-test",
    SLACK_APP_TOKEN: "xapp-test",
    SLACK_CHANNEL: "C1",
    SLACK_APPROVER_GROUP: "ci-approvers",
    CLOUDSTACK_API_URL: "https://cloud.example.org/client/api",
    CLOUDSTACK_API_KEY: "key",
    CLOUDSTACK_SECRET_KEY: "secret",
    ...Object.fromEntries(
      ["WRITE", "EXPORT", "DELETE"].flatMap((kind) => [
        [`CLOUDSTACK_${kind}_API_KEY`, "key"],
        [`CLOUDSTACK_${kind}_SECRET_KEY`, "secret"],
      ]),
    ),
    CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
    ...more,
  });
  if (!config.ok) throw new Error(config.error.message);
  return config.value;
}

const usual = configOf();

/** A database of Twokey without a policy, whose last complete read found nothing: a CI database is compared with neither. */
const noPolicy = {
  maybe: async (_row: unknown, sql: string) => (sql.includes("from sync_state") ? { projects: 0, hasAccounts: false } : null),
} as unknown as Database;

/** The CI database at a URL, read as the bot of `db` reads it (`src/app/systems.ts`). Close it. */
export function botCi(url: string, now: () => number, sentinel: string | null = null, db: Database = noPolicy): CiDatabase {
  const { ci } = configOf({ CI_DATABASE_URL: url, ...(sentinel === null ? {} : { CI_SENTINEL_PROJECT: sentinel }) });
  return ciDatabase({ ci }, db, { now: () => now() as Instant, events: createEvents("silent", "test") });
}

/** What a test may put in place of a part; of an object, only what it names. */
export interface PartsChange extends Partial<
  Pick<Parts, "config" | "db" | "now" | "stopping" | "clockSkew" | "enqueue" | "newId" | "newToken" | "publicUrl" | "events">
> {
  readonly ci?: Partial<Parts["ci"]>;
  readonly archive?: Partial<ArchiveStore>;
  readonly reader?: Partial<CloudParts["reader"]>;
  readonly writer?: Partial<CloudParts["writer"]>;
  readonly restorer?: Partial<CloudParts["restorer"]>;
  readonly deleter?: Partial<CloudParts["deleter"]>;
  readonly exports?: Partial<CloudParts["exports"]>;
  readonly registrar?: Partial<CloudParts["registrar"]>;
  readonly approvers?: Partial<SlackParts["approvers"]>;
  readonly identify?: SlackParts["identify"];
  readonly cards?: Partial<DeletionAnnouncer>;
  readonly plans?: Partial<PlanAnnouncer>;
  readonly changes?: Partial<PolicyAnnouncer>;
  readonly stops?: Partial<StopAnnouncer>;
  readonly adoptions?: Partial<AdoptionAnnouncer>;
  readonly calls?: Partial<NoticeAnnouncer>;
  readonly here?: Partial<HereAnnouncer>;
  readonly nudges?: NudgeAnnouncer;
  readonly templates?: Partial<CloudParts["templates"]>;
  readonly madeTemplates?: Partial<SlackParts["announcers"]["template"]>;
}

/** An assembled bot; `with` gives the bot that other parts make. */
export interface TestBot extends Assembly {
  readonly parts: Parts;
  with(change: PartsChange): TestBot;
  /** Runs a deletion as far as it goes now. */
  advance(id: string): Promise<void>;
}

/** Puts a bot together from parts of a test; a part that it does not name throws when it is used, or does nothing where that is harmless. */
export function testBot(db: Database, change: PartsChange): TestBot {
  return botOf(changed(bareParts(db), change));
}

/** Puts a bot together from whole parts. */
export function botOf(parts: Parts): TestBot {
  const assembly = assemble(parts);
  return {
    ...assembly,
    parts,
    with: (change) => botOf(changed(parts, change)),
    advance: (id) => assembly.work.deletion(id, new AbortController().signal),
  };
}

/** Who may approve: these people, by both questions that are asked about it. */
export function approversOf(who: () => Result<readonly string[], Failure>): SlackParts["approvers"] {
  const now = async (): Promise<Result<readonly Operator[], Failure>> => {
    const names = who();
    return names.ok ? ok(names.value.map((name) => ({ id: op(name), name, ciUserId: null }))) : err(names.error);
  };
  return { approversNow: now, resolve: now, listedNow: async () => ok(() => true), learnAccounts: async () => undefined };
}

/**
 * Puts a policy in force, whatever was before it: that of the configuration, with what `change` names.
 *
 * No way leads there but a vote; the tests of votes are elsewhere.
 */
export async function putInForce(db: Database, change: Partial<TeamPolicy> = {}, config: Config = usual): Promise<void> {
  await db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("delete from policy_version");
    await seedPolicy(q, { ...config.policy, ...change }, 1);
  });
}

/** Copies parts with others in their place. */
export function changed(p: Parts, change: PartsChange): Parts {
  const {
    ci,
    archive,
    reader,
    writer,
    restorer,
    deleter,
    exports,
    registrar,
    approvers,
    identify,
    cards,
    plans,
    changes,
    stops,
    adoptions,
    calls,
    here,
    nudges,
    templates,
    madeTemplates,
    ...plain
  } = change;
  const { cloud, slack } = p;
  return {
    ...p,
    ...plain,
    ci: { ...p.ci, ...ci },
    archive: archive === undefined ? p.archive : withHeads({ ...p.archive, ...archive }),
    cloud: {
      ...cloud,
      reader: { ...cloud.reader, ...reader },
      writer: { ...cloud.writer, ...writer },
      restorer: { ...cloud.restorer, ...restorer },
      deleter: { ...cloud.deleter, ...deleter },
      exports: { ...cloud.exports, ...exports },
      registrar: { ...cloud.registrar, ...registrar },
      templates: { ...cloud.templates, ...templates },
    },
    slack: {
      identify: identify ?? slack.identify,
      approvers: { ...slack.approvers, ...approvers },
      announcers: {
        ...slack.announcers,
        deletion: { ...slack.announcers.deletion, ...cards },
        plan: { ...slack.announcers.plan, ...plans },
        policy: { ...slack.announcers.policy, ...changes },
        stop: { ...slack.announcers.stop, ...stops },
        adoption: { ...slack.announcers.adoption, ...adoptions },
        here: { ...slack.announcers.here, ...here },
        nudge: nudges ?? slack.announcers.nudge,
        template: { ...slack.announcers.template, ...madeTemplates },
        notice: { ...slack.announcers.notice, ...calls },
      },
    },
  };
}

/** The root of the tests, and what is above it. */
const managedRoot = { id: "6f1c9a1e-0000-4000-8000-0000000000c1", ancestors: ["6f1c9a1e-0000-4000-8000-0000000000c0"] } as const;

function bareParts(db: Database): Parts {
  return {
    config: usual,
    db,
    ci: {
      ...unused<Parts["ci"]>("the CI database", ["readDesired"]),
      readProjectState: async () => ok("closed"),
      readSource: async () => ok(null),
      readChanges: async () => ok(null),
      listPeople: async () => ok([]),
      projectsOf: async () => ok([]),
      project: async () => ok(null),
    },
    cloud: {
      reader: {
        ...unused<CloudParts["reader"]>("the reader", READS),
        readManagedRoot: async () => ok(managedRoot as never),
        readDomainNow: async () => err(failure("unavailable", "cloudstack.away", "nobody said what the domain holds")),
        readMarks: async () => ok(await marksOf(db)),
      },
      writer: {
        ...unused<CloudParts["writer"]>("the writer", ["applyChange"]),
        addMark: async (installation, head) => ok({ id: randomUUID(), installation, createdAt: 10, head }),
        removeMark: async () => ok(undefined),
      },
      restorer: unused("the restorer", [
        "enableAccount",
        "lockAccount",
        "disableAccount",
        "recoverMachine",
        "startMachine",
        "attachVolume",
      ]),
      deleter: unused("the deleter", DELETES),
      exports: unused("exports", ["openExport"]),
      registrar: unused("the registrar", ["registerTemplate"]),
      templates: unused("templates", ["readMachine", "readAccount", "findMade", "make", "hasSnapshot", "hasTemplate"]),
      domainIds: unused("domain ids", ["readIdState"]),
    },
    archive: withHeads({
      ...unused<ArchiveStore>("the archive", ["append", "unfinishedBytes", "finish", "remove"]),
      requireRoom: async () => ok(undefined),
      // What a test's database says was saved is there: before the first copy of the head one is looked for.
      open: async () => ok(Readable.from([])),
    }),
    slack: {
      identify: async (user) => ok({ operator: { id: op(user), name: user, ciUserId: null }, isTeam: true }),
      approvers: approversOf(() => ok(["ada", "ben", "dora"])),
      announcers: {
        plan: { showPlan: async () => undefined, correctPlan: async () => undefined },
        deletion: {
          showCard: async () => undefined,
          note: async () => undefined,
          tellMembers: async () => undefined,
          askToSettle: async () => true,
        },
        export: { showExport: async () => true },
        policy: { showChange: async () => undefined },
        stop: { showStop: () => undefined },
        adoption: { showAdoption: async () => undefined },
        nudge: { nudge: async () => true },
        template: { showTemplate: async () => true },
        notice: { mention: async () => true, linkOf: async () => null },
        here: { showHere: async () => undefined },
        home: { refresh: async () => undefined },
      },
    },
    enqueue: async () => undefined,
    publicUrl: () => "https://twokey.test",
    now: () => 10 as Instant,
    clockSkew: async () => ({ ms: 0, against: "another clock" }),
    newId: () => randomUUID(),
    newToken: () => `${randomUUID()}${randomUUID()}`,
    stopping: new AbortController().signal,
    events: createEvents("silent", "test"),
  };
}

/** The marks at the root of a test's world: what its database says of its own. */
async function marksOf(db: Database): Promise<readonly Mark[]> {
  const { id, mark } = await readInstallation(db);
  return mark === null ? [] : [{ id: mark, installation: id, createdAt: 10 }];
}

/** Keeps the copy of the audit log's head apart: a test's archive holds what the test says. */
const kept = new Map<string, string>();
function withHeads(archive: ArchiveStore): ArchiveStore {
  const isHead = (key: string): boolean => key.startsWith("00000000-");
  return {
    ...archive,
    append: async (key, offset, bytes) => {
      if (!isHead(key)) return archive.append(key, offset, bytes);
      kept.set(key, await text(bytes));
      return ok(kept.size);
    },
    finish: (key) => (isHead(key) ? Promise.resolve(ok(undefined)) : archive.finish(key)),
    open: async (key, range) => {
      if (!isHead(key)) return archive.open(key, range);
      const head = kept.get(key);
      return head === undefined ? err(failure("contract_broken", "archive.missing", "no head")) : ok(Readable.from([head]));
    },
  };
}

const READS = [
  "readInventory",
  "findDomain",
  "findThing",
  "findJob",
  "readRunningJobs",
  "hasDeletionEvent",
  "readNeighbours",
  "readHoldings",
  "readRemovals",
  "readExpungeDelay",
  "readFleet",
  "readProject",
  "readItems",
  "readItemsOf",
  "readItem",
];
const DELETES = ["quarantineAccount", "destroyMachine", "deleteAccount", "deleteDomain"].concat([
  "deleteVolume",
  "deleteSnapshot",
  "deleteTemplate",
  "deleteNetwork",
  "removeNetworkRules",
  "releaseAddress",
]);

/** A part of which nothing may be used: a test that does must say what it answers. */
function unused<T>(what: string, names: readonly string[]): T {
  const refuse = (name: string) => () => {
    throw new Error(`${name} of ${what} may not be used in this test`);
  };
  return Object.fromEntries(names.map((name) => [name, refuse(name)])) as T;
}
