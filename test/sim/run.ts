import { canonicalJson } from "../../src/core/digest.ts";
import { keysOf, setUpKeys, type FourKeys } from "../../demo/keys.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import type { Database } from "../../src/store/db.ts";
import { readPlanHeads, readPlanInputs } from "../../src/store/plans.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import { askBack, changeWorld, clickSomething, stopNow } from "./acts.ts";
import { newestKept, putBack, takeBackup, type Backup } from "./backups.ts";
import { changeByHand, changeRole, enableByHand, underWay } from "./by-hand.ts";
import { root } from "./ci.ts";
import { afterIntents, Crashed, passPoint, type Process } from "./crash.ts";
import { openDoor } from "./door.ts";
import { Oracle, takesWithNewChecks } from "./oracle.ts";
import { Guest } from "./guest.ts";
import { asNow, changeIdentity, changeGroup } from "./identity.ts";
import { createChance, type Chance } from "./random.ts";
import { createReplica, type Replica } from "./replica.ts";
import { createWorld, tell, type World } from "./world.ts";

/** What a run came to. `violations` empty: every invariant held after every tick. */
export interface RunReport {
  readonly seed: number;
  readonly ticks: number;
  readonly effects: number;
  readonly crashes: number;
  readonly deleted: number;
  readonly plans: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
}

/** How many of the runs are long. Deletions end in those: as much time spent on runs of middling length would see fewer of them. */
const LONG_SHARE = 0.2;
/** How often three hours are waited at the end, when hands were at work: longer than anything waits for CloudStack. */
const WAITS_MAX = 18;
const fleet: FleetScope = { kind: "fleet", root };

/**
 * Plays one seed on an empty database: two processes, people, faults, crashes. `owner` is the same database with the right to back it up.
 * Errors: what the simulation itself got wrong.
 */
export async function playSeed(seed: number, db: Database, owner: Database): Promise<RunReport> {
  const w = await createWorld(seed, db);
  const player = new Player(w, owner);
  const ticks = drawTicks(seed);
  for (let tick = 0; tick < ticks; tick++) await player.tick(ticks);
  await player.calmDown();
  if (w.touched.size > 0) await player.waitOut();
  const plans = await player.closeBooks();
  return {
    seed,
    ticks,
    effects: player.oracle.effects,
    crashes: player.crashes,
    deleted: player.oracle.deleted,
    plans,
    violations: w.violations,
    trace: w.trace,
  };
}

/** How many ticks a seed's run has before all calms down: 1 to 3, or 12 to 18. Drawn apart: it changes nothing else of the run. */
function drawTicks(seed: number): number {
  const chance = createChance(seed ^ 0x71c5);
  return chance.hit(LONG_SHARE) ? 12 + chance.below(7) : 1 + chance.below(3);
}

class Player {
  readonly #w: World;
  readonly oracle: Oracle;
  readonly #replicas: Replica[];
  readonly #keys: { readonly A: FourKeys; readonly B: FourKeys };
  readonly #busy = new Set<string>();
  /** Sources of their own: what the clocks do, and what happens between the checks and a call, changes nothing else in a run. */
  readonly #clockChance: Chance;
  readonly #doorChance: Chance;
  readonly #owner: Database;
  /** Whether hands, roles and the like are at work in this run: in the others, more deletions come to their end. */
  readonly #isShaken: boolean;
  #guest: Guest | null = null;
  #backup: Backup | null = null;
  #nested = false;
  #births = 0;
  crashes = 0;

  constructor(w: World, owner: Database) {
    this.#w = w;
    this.#owner = owner;
    this.#isShaken = w.more.hit(0.5);
    this.#clockChance = createChance(w.seed ^ 0x5ca1ab1e);
    this.#doorChance = createChance(w.seed ^ 0xd002);
    this.oracle = new Oracle(w);
    const root = w.cloud.tree().children.find((d) => d.name === "ci");
    this.#keys = { A: keysOf(w.cloud), B: setUpKeys(w.cloud, root?.id ?? "", "-b") };
    this.oracle.refresh();
    this.#replicas = [this.#birth("A"), this.#birth("B")];
    openDoor((request, response) => w.cloud.serve(request, response), {
      before: async (params) => {
        if (this.#guest !== null) return this.#guest.before(params);
        const process = this.#callerOf(params);
        if (process === undefined) return;
        passPoint(process);
        await this.oracle.judge(params, process);
      },
      after: async (params, status) => {
        if (this.#guest !== null) return this.#guest.after(params, status);
        const process = this.#callerOf(params);
        if (process === undefined) return;
        passPoint(process);
        await this.#interleave(params, process);
      },
    });
  }

  /** Whose call a call is; undefined for downloads, whose links carry no key. */
  #callerOf(params: URLSearchParams): Process | undefined {
    const key = params.get("apikey");
    return this.#replicas.find((r) => key !== null && r.process.apiKeys.has(key))?.process;
  }

  #birth(name: "A" | "B"): Replica {
    this.#births += 1;
    const process = `${name}${this.#births}`;
    // The oracle hears what the CI database answered before each step.
    return createReplica(this.#w, process, this.#keys[name], (p) => ({
      ...p,
      db: afterIntents(p.db, (deletion) => this.#decideMeanwhile(deletion, process)),
      ci: {
        ...p.ci,
        readProjectState: async (id) => {
          const state = await p.ci.readProjectState(id);
          if (state.ok) this.oracle.evidence.set(`${process} ${id}`, { state: state.value, used: false });
          return state;
        },
      },
    }));
  }

  /** Runs work as one process; when it dies, another is born in its place, and the work is still to be done. */
  async #as(r: Replica, what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      // What nobody waits for ends before time passes; between two calls it could be what waits.
      if (!this.#nested) for (const one of this.#replicas) await one.deletions.ownership.idle();
      if (!r.process.dead) return true;
    } catch (thrown) {
      if (!r.process.dead && !(thrown instanceof Crashed)) {
        this.#w.violations.push(`bug: ${what} threw ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
        return true;
      }
    }
    this.crashes += 1;
    tell(this.#w, `${r.process.name} died in ${what}`);
    this.#replicas[this.#replicas.indexOf(r)] = this.#birth(r.process.name.startsWith("A") ? "A" : "B");
    return false;
  }

  /** Between two calls of one process, others act: people click, the other process works, everything is stopped. */
  async #interleave(params: URLSearchParams, me: Process): Promise<void> {
    const isRead = /^list/.test(params.get("command") ?? "list");
    // The checks before a step are reads: whoever clicks then must be heard by its call.
    const path = this.#nested || !this.#isShaken ? null : isRead ? (underWay(this.#w)[0] ?? null) : this.oracle.topOf(params);
    if (path !== null && this.#w.more.hit(isRead ? 0.0015 : 0.03)) await this.#askBack(path, me);
    if (path !== null && !isRead) await this.#needMeanwhile(params, path);
    if (this.#nested || !this.#w.chance.hit(isRead ? 0.005 : 0.1)) return;
    this.#nested = true;
    try {
      const other = this.#replicas.find((r) => r.process !== me);
      if (other !== undefined)
        await (this.#w.chance.hit(0.7) ? this.#as(other, "a click", () => clickSomething(this.#w, other)) : this.#work(other));
    } finally {
      this.#nested = false;
    }
  }

  /** A call is about to be sent, all that the guard asks is asked: somebody clicks Restore or Keep now, or stops everything. */
  async #decideMeanwhile(deletion: string, name: string): Promise<void> {
    const other = this.#replicas.find((r) => r.process.name !== name);
    if (this.#nested || this.#guest !== null || !this.#isShaken || other === undefined || !this.#doorChance.hit(0.06)) return;
    const path = this.#w.cards.findLast((c) => c.id === deletion)?.path;
    this.#nested = true;
    try {
      if (path !== undefined && this.#doorChance.hit(0.7)) await this.#as(other, "a click", () => askBack(this.#w, path, other));
      else await this.#as(other, "a click", () => stopNow(this.#w, other));
    } finally {
      this.#nested = false;
    }
  }

  /** In the middle of taking a domain apart, somebody needs it: one of its accounts is enabled by hand. */
  async #needMeanwhile(params: URLSearchParams, path: string): Promise<void> {
    if (this.#nested || !this.#isShaken || !takesWithNewChecks(params.get("command") ?? "") || !this.#doorChance.hit(0.06)) return;
    tell(this.#w, await enableByHand(this.#w, path, this.oracle));
  }

  async #askBack(path: string, me: Process): Promise<void> {
    this.#nested = true;
    const other = this.#replicas.find((r) => r.process !== me);
    if (other !== undefined) await this.#as(other, "a click", () => askBack(this.#w, path, other));
    this.#nested = false;
  }

  async #work(r: Replica): Promise<void> {
    const w = this.#w;
    const due = [...w.queue].filter(([id, at]) => at <= w.clock.at && !this.#busy.has(id)).map(([id]) => id);
    if (due.length === 0) return;
    const id = w.chance.pick(due);
    w.queue.delete(id);
    // A question that waits for people is looked at every minute; most of these looks are left out here.
    if (w.cards.findLast((c) => c.id === id)?.phase === "proposed" && w.chance.hit(0.7)) {
      w.queue.set(id, w.clock.at + 60_000);
      return;
    }
    this.#busy.add(id);
    const lived = await this.#as(r, "a deletion", () => r.work.deletion(id, new AbortController().signal));
    this.#busy.delete(id);
    // The engine gives a dead process's work to another.
    if (!lived) w.queue.set(id, w.clock.at);
  }

  #someone(): Replica {
    return this.#w.chance.pick(this.#replicas);
  }

  async tick(ticks: number): Promise<void> {
    const w = this.#w;
    const { chance } = w;
    this.#letTimePass();
    this.#letClocksJump();
    if (chance.hit(0.25 * w.chaos)) {
      const { process } = this.#someone();
      process.dieAt = process.points + chance.below(chance.hit(0.5) ? 60 : 600);
    }
    if (chance.hit(0.5)) {
      changeWorld(w);
      this.oracle.refresh();
    }
    await this.#disturb(ticks);
    if (chance.hit(w.cards.length === 0 ? 0.7 : 0.25)) await this.#pass();
    for (let n = chance.below(4); n > 0; n--) {
      const r = this.#someone();
      await this.#as(r, "a click", () => clickSomething(w, r));
    }
    if (chance.hit(0.3)) {
      const r = this.#someone();
      await this.#as(r, "a sweep", () => sweep(r));
    }
    for (let n = 1 + chance.below(3); n > 0; n--) await this.#work(this.#someone());
    await this.oracle.look();
  }

  /** What came to the simulation later, by its own chance: hands, roles, identities, the group, backups, another installation. */
  async #disturb(ticks: number): Promise<void> {
    const w = this.#w;
    const { more, chaos } = w;
    if (!this.#isShaken) return;
    if (more.hit(underWay(w).length > 0 ? 0.25 : 0.05 * chaos)) tell(w, await changeByHand(w, this.oracle));
    if (more.hit(0.06 * chaos)) tell(w, changeRole(w));
    if (more.hit(0.08 * chaos)) tell(w, changeIdentity(w));
    if (more.hit(0.1 * chaos)) tell(w, changeGroup(w));
    if (ticks < 12 || !more.hit(0.1)) return;
    if (more.hit(0.2)) await this.#invite();
    else if (this.#backup === null) this.#backup = await usableBackup(w, this.#owner);
    else await this.#restoreBackup(this.#backup);
  }

  /** The database is lost, and an older state of it is put in its place; both processes start again. */
  async #restoreBackup(backup: Backup): Promise<void> {
    const w = this.#w;
    for (const { process } of this.#replicas) process.dead = true;
    await putBack(w, this.#owner, backup);
    this.oracle.forget();
    this.#backup = null;
    tell(w, `the database is restored as it was on ${new Date(backup.at).toISOString().slice(0, 19)}`);
    this.#replicas.splice(0, 2, this.#birth("A"), this.#birth("B"));
    // What the archive knows of later times must stop everything until two people resume.
    if (newestKept(w) > backup.head) Object.assign(w.stop, { isOn: true, since: 0 });
    for (const r of [...this.#replicas]) await this.#as(r, "a start", () => r.verifyOwner());
  }

  /** A second installation works on the same CloudStack for a while. */
  async #invite(): Promise<void> {
    const w = this.#w;
    this.#guest = await Guest.arrive(w, this.#owner, this.#keys.A);
    await this.#guest.work();
    const { hasMarked } = this.#guest;
    await this.#guest.leave();
    this.#guest = null;
    this.oracle.refresh();
    // The newest mark is another's: this installation must stop until two people take CloudStack back.
    if (hasMarked) Object.assign(w.stop, { isOn: true, since: 0 });
  }

  /** Mostly until something is due, which may be hours. */
  #letTimePass(): void {
    const { clock, queue, chance } = this.#w;
    const next = Math.min(...queue.values(), clock.at + 8 * 3_600_000);
    if (chance.hit(0.6) && next > clock.at) clock.at = next;
    clock.at += chance.below(chance.hit(0.2) ? 3 * 3_600_000 : 120_000);
  }

  /** Now and then a process's clock is days ahead or behind, and after a while right again. */
  #letClocksJump(): void {
    const chance = this.#clockChance;
    for (const { process } of this.#replicas) {
      if (Math.abs(process.skewMs) > 60_000) {
        if (chance.hit(0.5)) this.#setRight(process);
      } else if (chance.hit(0.15 * this.#w.chaos)) {
        this.#w.directory.isUnsteady = true;
        process.skewMs = (chance.hit(0.7) ? 1 : -1) * (120_000 + chance.below(30 * 24 * 3_600_000));
        tell(this.#w, `${process.name}'s clock jumps by ${process.skewMs} ms`);
      }
    }
  }

  #setRight(process: Process): void {
    process.skewMs = this.#clockChance.below(4001) - 2000;
    tell(this.#w, `${process.name}'s clock is right again`);
  }

  async #pass(): Promise<void> {
    const r = this.#someone();
    const project = this.#w.chance.pick(this.#w.ci.projects);
    const scope = this.#w.chance.hit(0.85) ? fleet : ({ kind: "project", root, projectId: project.id } as const);
    await this.#as(r, "a pass", () => r.runPass(scope, { kind: "schedule" }));
  }

  /** All is well again, and everybody is reasonable: whatever is under way must go on or wait, and nothing may throw. */
  async calmDown(): Promise<void> {
    const w = this.#w;
    w.cloud.setFaults([]);
    w.ci.mood = "honest";
    w.archive.isFull = false;
    Object.assign(w.directory, { isAway: false, mood: "honest" });
    if (w.lacking !== null) tell(w, changeRole(w));
    for (const r of this.#replicas) {
      r.process.dieAt = Number.POSITIVE_INFINITY;
      if (Math.abs(r.process.skewMs) > 60_000) this.#setRight(r.process);
    }
    tell(w, "all is well again");
    await this.#resumeByTwo();
    for (let n = 0; n < 3; n++) {
      w.clock.at += 3 * 3_600_000;
      const r = this.#someone();
      await this.#as(r, "a sweep", () => sweep(r));
      for (let i = 0; i < 2; i++) await this.#work(this.#someone());
      await this.oracle.look();
    }
  }

  /** Two approvers resume. Whose account acted as somebody else before has no vote: then another one does. */
  async #resumeByTwo(): Promise<void> {
    for (const who of this.#w.directory.approvers) {
      const r = this.#someone();
      await this.#as(r, "a resume", async () => {
        const done = await r.services.sync.resume(asNow(this.#w, who));
        if (done.ok && done.value.resumed) this.#w.stop.isOn = false;
      });
    }
  }

  /** After hands were at work: in days in which all is well, everything ends, or waits for people and says so. */
  async waitOut(): Promise<void> {
    const w = this.#w;
    for (let n = 0; n < WAITS_MAX && (await this.oracle.unfinished()).length > 0; n++) {
      w.clock.at += 3 * 3_600_000;
      const [r] = this.#replicas;
      if (r !== undefined && (await r.services.sync.presentStop()) !== null) await this.#resumeByTwo();
      if (r !== undefined) await this.#as(r, "a sweep", () => sweep(r));
      for (let i = 0; i < 6; i++) await this.#work(this.#someone());
      await this.oracle.look();
    }
    await this.oracle.judgeEnds();
  }

  /** The log verifies, and every plan can be made again byte for byte. */
  async closeBooks(): Promise<number> {
    const w = this.#w;
    const verdict = await verifyAudit(w.db);
    if (!verdict.intact) w.violations.push(`INV-10: the audit log does not verify at row ${verdict.seq}: ${verdict.reason}`);
    const heads = await readPlanHeads(w.db, 1000);
    for (const { id } of heads) {
      const inputs = await readPlanInputs(w.db, id);
      const again = inputs === null ? null : replayPlan(inputs);
      if (again === null || !again.ok) w.violations.push(`INV-7: plan ${id} cannot be made again`);
      else if (again.value.stored !== again.value.again) w.violations.push(`INV-7: plan ${id} comes out differently: ${canonicalJson(id)}`);
    }
    return heads.length;
  }
}

/** A backup of a database that some process of the bot has started on; null: none has yet. */
async function usableBackup(w: World, owner: Database): Promise<Backup | null> {
  const backup = await takeBackup(w, owner);
  return backup.rows["installation"] === "[]" ? null : backup;
}

/** What the bot does by the clock for all deletions. */
const sweep = (r: Replica) => r.schedules.find((s) => s.name === "sweep-deletions")?.run() ?? Promise.resolve();
