import type { Keys } from "../../emulators/cloudstack/server.ts";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { renderPolicyCard } from "../../src/bot/render/policy-card.ts";
import { changeWriter } from "../../src/cloudstack/write/change-writer.ts";
import { ballotOf } from "../../src/deletion/act.ts";
import { type DeletionService, createDeletionService } from "../../src/deletion/service.ts";
import { type PolicyService, createPolicyService } from "../../src/policy/service.ts";
import { type SyncService, createSyncService } from "../../src/sync/execution/service.ts";
import type { Ambient } from "../../src/app/start.ts";
import { cloudStack } from "../../src/app/systems.ts";
import type { Config } from "../../src/config.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import type { DeletionContext } from "../../src/deletion/context.ts";
import { liveDomains, openDeletion, wouldOpen } from "../../src/deletion/open.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { createEvents } from "../../src/events.ts";
import { deletionPolicyOf, fingerprintOf, limitsNowOf, planPolicyOf } from "../../src/policy/derive.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { expectPolicy } from "../../src/policy/propose.ts";
import type { ReconcileContext } from "../../src/sync/execution/reconcile.ts";
import { ciSource, root } from "./ci.ts";
import { mortal, passPoint, type Process } from "./crash.ts";
import { firstPolicy, type World } from "./world.ts";

/** One simulated process of the bot: all of it but Slack's wire and the engine, whose parts the simulation plays. */
export interface Replica {
  readonly process: Process;
  readonly passes: ReconcileContext;
  readonly deletions: DeletionContext;
  readonly service: DeletionService;
  readonly sync: SyncService;
  readonly policy: PolicyService;
}

/** Starts a process on a world: the database and the queue are all that it shares with others, and all that survives it. */
export function createReplica(w: World, name: string, keys: Keys): Replica {
  const process: Process = {
    name,
    points: 0,
    dieAt: Number.POSITIVE_INFINITY,
    dead: false,
    skewMs: w.chance.below(4001) - 2000,
    apiKey: keys.apiKey,
  };
  const now = (): Instant => (w.clock.at + process.skewMs) as Instant;
  const db = mortal(w.db, process);
  const newId = (): string => w.chance.uuid();
  const ambient: Pick<Ambient, "now" | "sleep" | "newId" | "events"> = {
    now,
    newId,
    sleep: async (ms) => {
      w.clock.at += ms;
    },
    events: createEvents("silent", "simulation"),
  };
  const cloud = cloudStack({ cloudstack: cloudConfig(w, keys) }, db, ambient);
  const ci = ciSource(w.ci, now);
  const announce =
    <T>(render: (value: T) => { readonly blocks?: readonly unknown[] }) =>
    async (value: T): Promise<void> => {
      passPoint(process);
      for (const problem of validateBlocks(render(value).blocks ?? [], "message"))
        w.violations.push(`Slack would refuse a message: ${problem}`);
    };
  const present = fingerprintOf(firstPolicy.scope);
  const showCard = announce((v: DeletionView) => renderCard(v, "simulation"));
  const deletions: DeletionContext = {
    db,
    reader: cloud.reader,
    restorer: cloud.restorer,
    deleter: cloud.deleter,
    exports: cloud.exports,
    archive: w.archive,
    evidence: ci,
    approvers: {
      approversNow: async () =>
        w.directory.isAway
          ? err(failure("unavailable", "directory.away", "Slack could not be asked"))
          : ok(w.directory.approvers.map((p) => p.operator)),
    },
    announcer: {
      async showCard(view) {
        await showCard(view);
        w.cards.push(view);
      },
      note: async () => passPoint(process),
      tellMembers: async () => passPoint(process),
    },
    now,
    newId,
    work: {
      async enqueue(_name, id, o) {
        // A wake-up that a rolled back transaction leaves behind finds nothing to do: waking is always safe.
        w.queue.set(id, Math.min(w.queue.get(id) ?? Number.POSITIVE_INFINITY, w.clock.at + (o?.delayMs ?? 0)));
      },
    },
    limits: async () => limitsNowOf((await expectPolicy({ db })).body, present),
    clockSkew: async () => ({ ms: process.skewMs, beside: "the world's clock" }),
    fleetSize: async () => w.ci.projects.length,
    isProtected: (_id, path) => path === root || root.startsWith(`${path}/`) || !path.startsWith(`${root}/`),
  };
  const openNow = async (...[proposal, requesters]: Parameters<ReconcileContext["deletions"]["openDeletion"]>): Promise<void> => {
    const frozen = deletionPolicyOf(await expectPolicy({ db }), ["template", "iso"]);
    await openDeletion(proposal, requesters, { ...frozen, pollMs: 60_000 }, deletions);
  };
  const showChange = announce((v: PolicyChangeView) => renderPolicyCard(v, "simulation"));
  const policy = createPolicyService({
    db,
    approvers: { resolve: deletions.approvers.approversNow },
    announcer: {
      async showChange(view) {
        await showChange(view);
        w.policyCards.push(view);
      },
    },
    presentScope: firstPolicy.scope,
    environment: firstPolicy,
    clockSkew: deletions.clockSkew,
    now,
    newId,
  });
  const passes: ReconcileContext = {
    db,
    desired: ci,
    observed: { readFleet: (o) => cloud.reader.readFleet(o), readProject: (q) => cloud.reader.readProject(q) },
    writer: changeWriter(cloud.writer),
    deletions: {
      openDeletion: (proposal, requesters) => openNow(proposal, requesters),
      wouldOpen: async (proposal) => wouldOpen(proposal, deletionPolicyOf(await expectPolicy({ db }), ["template", "iso"]), deletions),
      liveDomains: () => liveDomains(deletions),
    },
    announcer: { showPlan: announce((record) => renderPlan(record, "simulation")) },
    limits: async () => {
      const { body } = await expectPolicy({ db });
      const fixed = { snapshotAgeMsMax: 600_000, roles: { "*": "User" }, sentinelDomain: null };
      return { policy: planPolicyOf(body, fixed), confirmedScope: fingerprintOf(body.scope) };
    },
    scopeFingerprint: present,
    now,
    newId,
  };
  const fleet: FleetScope = { kind: "fleet", root };
  const sync = createSyncService({
    ...passes,
    fleet,
    ballot: ballotOf(deletions),
    findProject: async () => ok(null),
    enqueuePass: async () => undefined,
  });
  return {
    process,
    passes,
    deletions,
    service: createDeletionService(deletions, async (id) => ok(w.ci.projects.find((p) => p.id === id)?.members ?? [])),
    sync,
    policy,
  };
}

function cloudConfig(w: World, keys: Keys): Config["cloudstack"] {
  return {
    url: w.cloud.url,
    read: keys,
    write: keys,
    export: keys,
    delete: keys,
    sharedKeys: [],
    rootPath: root as DomainPath,
    protectedDomains: [],
    sentinelDomain: null,
    roles: {},
    timeoutMs: 60_000,
  };
}
