import type { FourKeys } from "../../demo/keys.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { assemble, type Assembly } from "../../src/app/assemble.ts";
import type { CloudParts, Parts, SlackParts } from "../../src/app/parts.ts";
import { cloudStack } from "../../src/app/systems.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { renderPolicyCard } from "../../src/bot/render/policy-card.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { lastGood } from "../../src/bot/steady.ts";
import type { Instant } from "../../src/core/ids.ts";
import type { Operator } from "../../src/core/people.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { recordKnownAccounts } from "../../src/store/known-accounts.ts";
import { ciSource } from "./ci.ts";
import { mortal, passPoint, type Process } from "./crash.ts";
import { asNow, namedNow } from "./identity.ts";
import { everybody } from "./people.ts";
import { config, type World } from "./world.ts";

/** One simulated process of the bot: all of it but Slack's wire and the engine, whose parts the simulation plays. */
export interface Replica extends Assembly {
  readonly process: Process;
}

const events = createEvents("silent", "simulation");

/**
 * Starts a process on a world: the database and the queue are all that it shares with others, and all that survives it. The bot is put
 * together as everywhere; `change` puts other parts in.
 */
export function createReplica(w: World, name: string, keys: FourKeys, change: (p: Parts) => Parts = (p) => p): Replica {
  const process: Process = {
    name,
    points: 0,
    dieAt: Number.POSITIVE_INFINITY,
    dead: false,
    skewMs: w.chance.below(4001) - 2000,
    apiKeys: new Set(Object.values(keys).map((pair) => pair.apiKey)),
  };
  const now = (): Instant => (w.clock.at + process.skewMs) as Instant;
  const db = mortal(w.db, process);
  const newId = (): string => w.chance.uuid();
  const parts: Parts = {
    ...{ config, db, now, newId, events },
    ci: ciSource(w.ci, now),
    cloud: cloudOf(w, keys, { ...{ db, now, newId } }),
    archive: w.archive,
    slack: slackOf(w, process, now),
    enqueue: async (_name, id, o) => {
      // A wake-up that a rolled back transaction leaves behind finds nothing to do: waking is always safe.
      w.queue.set(id, Math.min(w.queue.get(id) ?? Number.POSITIVE_INFINITY, w.clock.at + (o?.delayMs ?? 0)));
    },
    publicUrl: () => "https://twokey.simulation",
    clockSkew: async () => ({ ms: process.skewMs, against: "the world's clock" }),
    newToken: newId,
    stopping: new AbortController().signal,
  };
  const assembly = assemble(change(parts));
  return { ...assembly, services: keepingHead(assembly), process };
}

/** The services; the head of the audit log, which the bot gives the archive after each act, is there before the next thing happens. */
function keepingHead({ services, deletions }: Assembly): Assembly["services"] {
  const kept = <S extends object>(service: S): S =>
    Object.fromEntries(
      Object.entries(service).map(([name, call]: [string, (...of: unknown[]) => Promise<unknown>]) => [
        name,
        async (...of: unknown[]) => {
          const done = await call(...of);
          await deletions.ownership.keep();
          return done;
        },
      ]),
    ) as S;
  return { ...services, deletions: kept(services.deletions), sync: kept(services.sync), policy: kept(services.policy) };
}

function cloudOf(w: World, keys: FourKeys, a: Pick<Parts, "db" | "now" | "newId">): CloudParts {
  const sleep = async (ms: number): Promise<void> => void (w.clock.at += ms);
  const cloudstack = { ...config.cloudstack, ...keys };
  return cloudStack({ cloudstack }, a.db, { ...a, sleep, events });
}

function slackOf(w: World, process: Process, now: () => Instant): SlackParts {
  const announce =
    <T>(render: (value: T) => { readonly blocks?: readonly unknown[] }, heard: (value: T) => void = () => undefined) =>
    async (value: T): Promise<void> => {
      passPoint(process);
      for (const problem of validateBlocks(render(value).blocks ?? [], "message"))
        w.violations.push(`Slack would refuse a message: ${problem}`);
      heard(value);
    };
  // As `createIdentity` in src/bot does it: whom it reads it remembers, and a list that lost too much at once is not believed.
  const good = lastGood(now);
  const known = new Set<string>();
  const learn = async (people: readonly Operator[]): Promise<void> => {
    const pairs = people.flatMap((p) => (p.accounts ?? []).map((account) => ({ account, operator: p.id })));
    const fresh = pairs.filter((pair) => !known.has(JSON.stringify(pair)));
    if (fresh.length === 0) return;
    await recordKnownAccounts(w.db, fresh, now());
    for (const pair of fresh) known.add(JSON.stringify(pair));
  };
  const approversNow = async (): Promise<Result<readonly Operator[], Failure>> => {
    if (w.directory.isAway) return err(failure("unavailable", "directory.away", "Slack could not be asked"));
    const named = namedNow(w);
    await learn(named);
    const believed = good.assess(
      "approvers",
      named.map((p) => p.id),
    );
    return believed.ok ? ok(named) : believed;
  };
  const learnAccounts = async (ids: readonly string[]): Promise<void> =>
    learn(everybody.map((p) => asNow(w, p).operator).filter((p) => ids.includes(p.id)));
  return {
    identify: async () => err(failure("unavailable", "sim", "not here")),
    approvers: { approversNow, resolve: approversNow, listedNow: async () => ok(() => true), learnAccounts },
    announcers: {
      deletion: {
        showCard: announce(
          (v) => renderCard(v, "simulation"),
          (v) => w.cards.push(v),
        ),
        note: async () => passPoint(process),
        tellMembers: async () => passPoint(process),
        askToSettle: async () => true,
      },
      plan: {
        showPlan: announce((record) => renderPlan(record, "simulation")),
        correctPlan: announce((record) => renderPlan(record, "simulation")),
      },
      adoption: { showAdoption: async () => undefined },
      policy: {
        showChange: announce(
          (v) => renderPolicyCard(v, "simulation"),
          (v) => w.policyCards.push(v),
        ),
      },
      export: { showExport: async () => (await passPoint(process), true) },
      stop: { showStop: () => undefined },
      here: { showHere: async () => undefined },
      home: { refresh: async () => undefined },
      nudge: { nudge: async () => true },
      template: { showTemplate: async () => true },
      notice: { mention: async () => true, linkOf: async () => null },
    },
  };
}
