/** What the metrics read: the database, the archive's disk and the connections. */
import { statfs } from "node:fs/promises";
import { phases } from "../core/phases.ts";
import { readPolicy } from "../store/policies.ts";
import { readArchiveBytes, readPassReading, readPhases, readQuestions, readQueue, readUsed } from "../store/readings.ts";
import { readStop } from "../store/stop-switch.ts";
import type { Config } from "../config/config.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import type { Parts } from "./parts.ts";

const LIVE = phases.filter((phase) => phase !== "closed" && phase !== "deleted");
const QUESTIONS = ["deletion", "policy", "go_on", "resume", "adoption"] as const;
const BUDGETS = ["deletionsPerDay", "deletionsPerWeek", "restrictionsPerDay", "restrictionsPerWeek"] as const;

/** Has the metrics read all this whenever they are asked for. */
export function addReadings(m: Metrics, p: Pick<Parts, "db" | "now" | "config">, health: () => Promise<Health>): void {
  addPasses(m, p);
  addDeletions(m, p);
  addQuestions(m, p);
  addBudgets(m, p);
  addArchive(m, p);
  addConnections(m, p, health);
}

type From = Pick<Parts, "db" | "now">;
type Gauge = ReturnType<Metrics["gauge"]>;

/** An age that is never below zero: clocks differ. Units: seconds. */
function ageOf(at: number, { now }: From): number {
  return Math.max(0, now() - at) / 1000;
}

function addPasses(m: Metrics, p: From): void {
  const age = m.gauge("twokey_complete_pass_age_seconds", "Since the last read of both sides that was complete; missing before the first.");
  const holds = m.gauge("twokey_holds", "Holds of the newest plan over everything.", ["kind"]);
  m.add({
    source: "passes",
    async run() {
      age.remove();
      holds.reset();
      const reading = await readPassReading(p.db);
      if (reading.completeAt !== null) age.set(ageOf(reading.completeAt, p));
      for (const [kind, n] of Object.entries(reading.holds)) holds.set({ kind }, n);
    },
  });
}

function addDeletions(m: Metrics, p: From): void {
  addByLabel(m, "deletions", "phase", LIVE, {
    count: m.gauge("twokey_deletions", "Live deletions by phase.", ["phase"]),
    seconds: m.gauge("twokey_deletion_age_seconds", "Since the oldest deletion of a phase entered it.", ["phase"]),
    read: async () => (await readPhases(p.db)).map((r) => ({ label: r.phase, count: r.count, seconds: ageOf(r.since, p) })),
  });
}

function addQuestions(m: Metrics, p: From): void {
  const left = (until: number | null): number | null => (until === null ? null : (until - p.now()) / 1000);
  addByLabel(m, "questions", "question", QUESTIONS, {
    count: m.gauge("twokey_votes_waiting", "Questions that wait for votes.", ["question"]),
    seconds: m.gauge("twokey_vote_expires_seconds", "Until the first question of a kind expires.", ["question"]),
    read: async () => (await readQuestions(p.db)).map((r) => ({ label: r.kind, count: r.count, seconds: left(r.expiresAt) })),
  });
}

/** A count for each of `labels`, also where it is zero, and a time for those that have one. */
function addByLabel(
  m: Metrics,
  source: string,
  name: string,
  labels: readonly string[],
  o: {
    readonly count: Gauge;
    readonly seconds: Gauge;
    readonly read: () => Promise<readonly { readonly label: string; readonly count: number; readonly seconds: number | null }[]>;
  },
): void {
  m.add({
    source,
    async run() {
      o.count.reset();
      o.seconds.reset();
      const found = new Map((await o.read()).map((r) => [r.label, r]));
      for (const label of labels) {
        const reading = found.get(label);
        o.count.set({ [name]: label }, reading?.count ?? 0);
        if (reading !== undefined && reading.seconds !== null) o.seconds.set({ [name]: label }, reading.seconds);
      }
    },
  });
}

function addBudgets(m: Metrics, p: From): void {
  const left = m.gauge("twokey_budget_left", "What is left of the team's limits.", ["limit"]);
  m.add({
    source: "budgets",
    async run() {
      left.reset();
      const [used, policy] = [await readUsed(p.db, p.now()), await readPolicy(p.db)];
      for (const limit of BUDGETS) if (policy !== null) left.set({ limit }, Math.max(0, policy.body[limit] - used[limit]));
    },
  });
}

function addArchive(m: Metrics, p: Pick<Parts, "db" | "config">): void {
  const bytes = m.gauge("twokey_archive_bytes", "What the archive holds.");
  const free = m.gauge("twokey_archive_free_bytes", "Room on the archive's disk, the part that stays free included; missing for a bucket.");
  const kept = m.gauge("twokey_archive_min_free_bytes", "What must stay free there: with less nothing is saved.");
  m.add({
    source: "archive",
    async run() {
      bytes.set(await readArchiveBytes(p.db));
    },
  });
  const { place } = p.config.archive;
  if (place.kind === "folder") addDisk(m, place, free, kept);
}

type Place = Extract<Config["archive"]["place"], { kind: "folder" }>;
type Plain = ReturnType<Metrics["gauge"]>;

function addDisk(m: Metrics, { dir, minFreeBytes }: Place, free: Plain, kept: Plain): void {
  m.add({
    source: "archive_disk",
    async run() {
      free.remove();
      // Before the first copy the folder is not there yet.
      const disk = await statfs(dir).catch((thrown: NodeJS.ErrnoException) => (thrown.code === "ENOENT" ? null : Promise.reject(thrown)));
      if (disk !== null) free.set(disk.bavail * disk.bsize);
      kept.set(minFreeBytes);
    },
  });
}

function addConnections(m: Metrics, p: From, health: () => Promise<Health>): void {
  const up = m.gauge("twokey_up", "1 while this works, as /readyz says it.", ["part"]);
  const stopped = m.gauge("twokey_stopped_seconds", "Since everything was stopped; 0 while nothing is.");
  const queue = m.gauge("twokey_queue_length", "Durable work that is due and waits.");
  const age = m.gauge("twokey_queue_age_seconds", "Since the oldest pass or short run of a deletion was due; 0 while none waits.");
  m.add({
    source: "health",
    async run() {
      for (const [part, said] of Object.entries(await health())) up.set({ part }, said === "ok" ? 1 : 0);
    },
  });
  m.add({
    source: "stop",
    async run() {
      const stop = await readStop(p.db);
      if (stop.stopped && stop.since === null) throw new Error(stop.reason);
      // It began with the first stop that is still in force.
      const since = stop.stopped ? Math.min(...stop.stops.map((one) => one.at)) : null;
      stopped.set(since === null ? 0 : Math.max(1, ageOf(since, p)));
    },
  });
  m.add({
    source: "queue",
    async run() {
      const { count, since } = await readQueue(p.db);
      queue.set(count);
      age.set(since === null ? 0 : ageOf(since, p));
    },
  });
}
